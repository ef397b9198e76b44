// Calls config and agentConfig the way WeCom's own script (@wecom/jssdk) does, in a page made of nothing but what the
// bridge touches, and prints what is answered. Arguments: the simulator's URL, the corp id, the agentid, both tickets.
import vm from "node:vm";
import { XMLHttpRequest, bridgeOf, signature } from "../page.mjs";

const [simulator, corpid, agentid, corps, own] = process.argv.slice(2);
const bridge = await bridgeOf(simulator);

const userAgent = "Mozilla/5.0 (iPhone) wxwork/3.1.9 MicroMessenger/7.0.1";
const document = { readyState: "complete", addEventListener: () => {}, dispatchEvent: () => {} };
const page = { document, XMLHttpRequest, Event, console, setTimeout, navigator: { userAgent } };
page.location = { href: "http://127.0.0.1:4180/staff?a=1#top" };
page.top = page.window = page;
vm.runInContext(bridge, vm.createContext(page));

const invoke = (name, given) => new Promise((resolve) => page.WeixinJSBridge.invoke(name, given, resolve));
const sign = (ticket) => signature(ticket, page.location.href.split("#")[0]);
const agentConfig = (signature) =>
  invoke("agentConfig", {
    corpid, agentid, timestamp: "1700000000", nonceStr: "n", signature, jsApiList: ["selectExternalContact"],
  });
const select = async () => (await invoke("selectExternalContact", {})).err_msg;

const told = {};
told.before = await select();
told.empty = await agentConfig("");
told.wrong = await agentConfig(sign(corps));
const config = await invoke("preVerifyJSAPI", {
  verifyAppId: corpid, verifyTimestamp: "1700000000", verifyNonceStr: "n", verifySignature: sign(corps), verifyJsApiList: ["scanQRCode"],
});
told.config = config.err_msg;
told.still = await select();
told.right = (await agentConfig(sign(own))).err_msg;
told.after = await select();
page.location.href = "http://127.0.0.1:4180/staff/2";
told.pushed = await select();
told.again = (await agentConfig(sign(own))).err_msg;
told.at_last = await select();
console.log(JSON.stringify(told));
