// Stands in for what WeChat's app puts into every page, so that the real JS-SDK works in an ordinary browser.
// Inject it ahead of every script of the page, and let the user agent say iPhone, iPad or Android, and MicroMessenger.
(function () {
  "use strict";
  if (window.WeixinJSBridge || window.__simBridge || window.top !== window) return;

  var VERIFIER = "VERIFIER";
  var ios = /iphone|ipad|ipod/i.test(navigator.userAgent);
  var android = /android/i.test(navigator.userAgent);
  // 企业微信's app looks at the URL of now, on an iPhone too.
  var entered = ios && !/wxwork/i.test(navigator.userAgent);
  // The document's own address, whatever is pushed onto the history later.
  var entry = location.href;
  // What the last wx.config was granted, and where; null before the first. And the same of wx.agentConfig.
  var granted = null;
  var agent = null;
  var listeners = {};
  // For tests: every call with its answer, in order; and menu entries to tap, as "menu:share:timeline".
  var sim = (window.__simBridge = { calls: [], tap: tap });
  if (ios) window.__wxjs_is_wkwebview = true;

  // What a page may call without wx.config.
  var FREE = ["log", "getNetworkType", "closeWindow", "hideToolbar", "showToolbar"];
  // Calls that the permission for a menu entry covers.
  var MENU = {
    shareTimeline: "menu:share:timeline",
    sendAppMessage: "menu:share:appmessage",
    shareQQ: "menu:share:qq",
    shareWeiboApp: "menu:share:weiboApp",
    shareQZone: "menu:share:QZone"
  };

  function lookedAt() {
    return (entered ? entry : location.href).split("#")[0];
  }

  function covers(grant, name) {
    if (!grant || !grant.ok || grant.url !== lookedAt()) return false;
    return name === "checkJsApi" || grant.names.indexOf(name) >= 0 || grant.names.indexOf(MENU[name]) >= 0;
  }

  // Why a call is refused; nothing when it is not.
  function refusal(name) {
    if (FREE.indexOf(name) >= 0 || covers(granted, name) || covers(agent, name)) return "";
    return granted && !granted.ok ? "permission denied" : "the permission value is offline verifying";
  }

  // Asks the judge; hands on the verdict, WeCom's number for it, and the grant.
  function verify(signed, names, done) {
    var url = lookedAt();
    var request = new XMLHttpRequest();
    signed.url = location.href;
    signed.entry_url = entry;
    signed.mode = entered ? "ios" : "android";
    signed.jsApiList = names;
    request.open("POST", VERIFIER);
    // A content type that needs no preflight.
    request.setRequestHeader("Content-Type", "text/plain");
    request.onloadend = function () {
      var told = { errMsg: "config:system error", errCode: -1 };
      try {
        told = JSON.parse(request.responseText);
      } catch (error) {
        console.error("simulator: the verifier did not answer: " + request.responseText);
      }
      var verdict = String(told.errMsg).replace(/^\w+:/, "");
      done(verdict, told.errCode, { ok: verdict === "ok", url: url, names: names });
    };
    request.send(JSON.stringify(signed));
  }

  function config(given, done) {
    var signed = {
      appId: String(given.verifyAppId),
      timestamp: String(given.verifyTimestamp),
      nonceStr: String(given.verifyNonceStr),
      signature: String(given.verifySignature)
    };
    verify(signed, given.verifyJsApiList || [], function (verdict, number, grant) {
      granted = grant;
      done({ err_msg: "preVerifyJSAPI:" + (grant.ok ? "ok" : "fail_" + verdict) });
    });
  }

  function agentConfig(given, done) {
    var missing = ["corpid", "agentid", "timestamp", "nonceStr", "signature"].filter(function (name) {
      return !given[name];
    });
    if (missing.length) {
      return done({ err_msg: "agentConfig:fail_empty " + missing.join(", "), err_code: 40063 });
    }
    var signed = {
      appId: String(given.corpid),
      agentid: String(given.agentid),
      timestamp: String(given.timestamp),
      nonceStr: String(given.nonceStr),
      signature: String(given.signature)
    };
    verify(signed, given.jsApiList || [], function (verdict, number, grant) {
      agent = grant;
      done(grant.ok ? { err_msg: "agentConfig:ok" } : { err_msg: "agentConfig:fail_" + verdict, err_code: number });
    });
  }

  function answer(name, given) {
    var refused = refusal(name);
    if (refused) return { err_msg: name + ":" + refused };
    if (name === "getNetworkType") return { err_msg: "network_type:wifi" };
    if (name === "checkJsApi") {
      var result = {};
      (given.jsApiList || []).forEach(function (asked) {
        result[asked] = !refusal(asked);
      });
      // Android's app sends a text where the others send an object.
      return { err_msg: "checkJsApi:ok", checkResult: android ? JSON.stringify(result) : result };
    }
    return { err_msg: name + ":ok" };
  }

  // Answers later, as everything that crosses over to the app does.
  function invoke(name, given, callback) {
    function done(result) {
      sim.calls.push({ name: name, given: given || {}, answer: result.err_msg });
      if (callback) callback(result);
    }
    if (name === "preVerifyJSAPI") config(given || {}, done);
    else if (name === "agentConfig") setTimeout(function () { agentConfig(given || {}, done); }, 0);
    else setTimeout(function () { done(answer(name, given || {})); }, 0);
  }

  // Somebody taps an entry of the app's menu; false when the page does not listen to it.
  function tap(name, details) {
    if (!listeners[name]) return false;
    listeners[name](details || {});
    return true;
  }

  function appear() {
    window.WeixinJSBridge = {
      invoke: invoke,
      call: invoke,
      log: function () {},
      on: function (name, listener) {
        listeners[name] = listener;
      }
    };
    document.dispatchEvent(new Event("WeixinJSBridgeReady"));
  }

  // The app is not there from the first line on; a page that is early waits for the event.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", appear);
  else appear();
})();
