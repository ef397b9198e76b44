// What a page needs to be one for the bridge, and for signing: see bridge.mjs and wecom/agent.mjs.
import { createHash } from "node:crypto";

export class XMLHttpRequest {
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

// The script a webview injects.
export const bridgeOf = async (simulator) => (await fetch(`${simulator}/__sim/bridge.js`)).text();

export const signature = (ticket, url) => {
  const string1 = `jsapi_ticket=${ticket}&noncestr=n&timestamp=1700000000&url=${url}`;
  return createHash("sha1").update(string1).digest("hex");
};
