// Stands in for what WeChat's app puts into every page, so that the real JS-SDK works in an ordinary browser.
// Inject it ahead of every script of the page, and let the user agent say iPhone, iPad or Android, and MicroMessenger.
(function () {
  "use strict";
  if (window.WeixinJSBridge || window.__simBridge || window.top !== window) return;

  var VERIFIER = "VERIFIER";
  var ios = /iphone|ipad|ipod/i.test(navigator.userAgent);
  var android = /android/i.test(navigator.userAgent);
  // The document's own address, whatever is pushed onto the history later.
  var entry = location.href;
  // What the last wx.config was granted, and where; null before the first.
  var granted = null;
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
    return (ios ? entry : location.href).split("#")[0];
  }

  // Why a call is refused; nothing when it is not.
  function refusal(name) {
    if (FREE.indexOf(name) >= 0) return "";
    if (granted && !granted.ok) return "permission denied";
    if (!granted || granted.url !== lookedAt()) return "the permission value is offline verifying";
    if (name === "checkJsApi") return "";
    var listed = granted.names.indexOf(name) >= 0 || granted.names.indexOf(MENU[name]) >= 0;
    return listed ? "" : "the permission value is offline verifying";
  }

  function verify(given, done) {
    var names = given.verifyJsApiList || [];
    var url = lookedAt();
    var request = new XMLHttpRequest();
    request.open("POST", VERIFIER);
    // A content type that needs no preflight.
    request.setRequestHeader("Content-Type", "text/plain");
    request.onloadend = function () {
      var verdict = "system error";
      try {
        verdict = JSON.parse(request.responseText).errMsg.replace("config:", "");
      } catch (error) {
        console.error("simulator: the verifier did not answer: " + request.responseText);
      }
      granted = { ok: verdict === "ok", url: url, names: names };
      done({ err_msg: "preVerifyJSAPI:" + (granted.ok ? "ok" : "fail_" + verdict) });
    };
    request.send(
      JSON.stringify({
        appId: String(given.verifyAppId),
        timestamp: String(given.verifyTimestamp),
        nonceStr: String(given.verifyNonceStr),
        signature: String(given.verifySignature),
        url: location.href,
        entry_url: entry,
        mode: ios ? "ios" : "android",
        jsApiList: names
      })
    );
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
    if (name === "preVerifyJSAPI") verify(given || {}, done);
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
