// Runs the bridge in a page made of nothing but what it touches, against the running verifier, and prints what it
// answers. Arguments: the simulator's URL, the appid, a jsapi ticket, the user agent.
import vm from "node:vm";
import { XMLHttpRequest, bridgeOf, signature } from "./page.mjs";

const [simulator, appId, ticket, userAgent] = process.argv.slice(2);
const bridge = await bridgeOf(simulator);

const heard = {};
const document = {
  readyState: "loading",
  addEventListener: (name, listener) => (heard[name] = listener),
  dispatchEvent: (event) => heard[event.type]?.(),
};
const window = { document, XMLHttpRequest, Event, console, setTimeout, navigator: { userAgent }, location: { href: "http://127.0.0.1:4180/entry?a=1#top" } };
window.top = window.window = window;
const page = vm.createContext(window);
vm.runInContext(bridge, page);

const told = { early: typeof page.WeixinJSBridge, ready: 0 };
heard.WeixinJSBridgeReady = () => (told.ready += 1);
heard.DOMContentLoaded();

const invoke = (name, given) =>
  new Promise((resolve) => page.WeixinJSBridge.invoke(name, given, (result) => resolve(result)));
const config = async (url) => {
  const answer = await invoke("preVerifyJSAPI", {
    verifyAppId: appId,
    verifyTimestamp: "1700000000",
    verifyNonceStr: "n",
    verifySignature: signature(ticket, url),
    verifyJsApiList: ["updateAppMessageShareData", "menu:share:timeline"],
  });
  return answer.err_msg;
};
const share = async () => (await invoke("updateAppMessageShareData", {})).err_msg;

told.before = await share();
told.network = (await invoke("getNetworkType", {})).err_msg;
told.landing = await config("http://127.0.0.1:4180/entry?a=1");
told.shared = await share();
told.menu = (await invoke("shareTimeline", {})).err_msg;
told.unlisted = (await invoke("scanQRCode", {})).err_msg;
told.checked = (await invoke("checkJsApi", { jsApiList: ["updateAppMessageShareData", "scanQRCode"] })).checkResult;
window.location.href = "http://127.0.0.1:4180/pushed";
told.pushed = await share();
told.signed_for_entry = await config("http://127.0.0.1:4180/entry?a=1");
told.signed_for_now = await config("http://127.0.0.1:4180/pushed");
told.shared_at_last = await share();
page.WeixinJSBridge.on("menu:share:timeline", (details) => (told.tapped = details.scene));
told.taps = [page.__simBridge.tap("menu:share:timeline", { scene: "timeline" }), page.__simBridge.tap("menu:share:qq")];
told.calls = page.__simBridge.calls.length;
console.log(JSON.stringify(told));
