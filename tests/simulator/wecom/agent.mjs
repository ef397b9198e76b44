// Calls config and agentConfig the way WeCom's own script (@wecom/jssdk) does, in a page made of nothing but what the
// bridge touches, and prints what is answered. Arguments: the simulator's URL, the corp id, the agentid, both tickets.
import { createHash } from "node:crypto";
import vm from "node:vm";

const [simulator, corpid, agentid, corps, own] = process.argv.slice(2);
const bridge = await (await fetch(`${simulator}/__sim/bridge.js`)).text();

class XMLHttpRequest {
  open(method, url) {
    Object.assign(this, { method, url, headers: {} });
  }
  setRequestHeader(name, value) {
    this.headers[name] = value;
  }
  send(body) {
    const asked = fetch(this.url, { method: this.method, headers: this.headers, body });
    asked.then((answer) => answer.text()).then((text) => {
      this.responseText = text;
      this.onloadend();
    });
  }
}

const userAgent = "Mozilla/5.0 (iPhone) wxwork/3.1.9 MicroMessenger/7.0.1";
const document = { readyState: "complete", addEventListener: () => {}, dispatchEvent: () => {} };
const page = { document, XMLHttpRequest, Event, console, setTimeout, navigator: { userAgent } };
page.location = { href: "http://127.0.0.1:4180/staff?a=1#top" };
page.top = page.window = page;
vm.runInContext(bridge, vm.createContext(page));

const invoke = (name, given) => new Promise((resolve) => page.WeixinJSBridge.invoke(name, given, resolve));
const sign = (ticket) => {
  const url = page.location.href.split("#")[0];
  const string1 = `jsapi_ticket=${ticket}&noncestr=n&timestamp=1700000000&url=${url}`;
  return createHash("sha1").update(string1).digest("hex");
};
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
