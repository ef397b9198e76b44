// window.wxgate: the visitor and WeChat's JS-SDK, for pages behind wxgate.
// ES5, for webviews as old as Chrome 53 and iOS 10. Served is wx.min.js, made of this by tests/browser/minify.
(function (window, document) {
  if (window.wxgate) return;

  var location = window.location, history = window.history, agent = navigator.userAgent;
  // iOS holds a signature against the address at which the document was loaded, whatever pushState has done since;
  // everybody else against the current one. Where that guess is wrong, as it may be on a Mac, the other is tried.
  var entry = here(), byEntry = /iphone|ipad|ipod/i.test(agent);
  var asked, latest, signed, loading;

  function here() {
    return location.href.split('#')[0];
  }

  function address() {
    return byEntry ? entry : here();
  }

  // JSON of one of the gate's endpoints; rejects with an Error that has a status, 0 where there was no answer.
  function get(path) {
    return new Promise(function (resolve, reject) {
      var request = new XMLHttpRequest();
      request.open('GET', path);
      request.setRequestHeader('Accept', 'application/json');
      request.onload = request.onerror = function () {
        var json = {}, error;
        try {
          json = JSON.parse(request.responseText);
        } catch (e) {}
        if (request.status === 200) return resolve(json);
        error = new Error(json.detail || 'wxgate: no answer');
        error.status = request.status;
        error.type = json.type;
        reject(error);
      };
      request.send();
    });
  }

  // WeChat's own script, unless the page has brought it.
  function sdk() {
    if (window.wx && window.wx.config) return Promise.resolve();
    return loading || (loading = load('').catch(function () {
      return load('2');
    }).catch(function (error) {
      loading = 0;
      throw error;
    }));
  }

  function load(mirror) {
    return new Promise(function (resolve, reject) {
      var script = document.createElement('script');
      script.src = 'https://res' + mirror + '.wx.qq.com/open/js/jweixin-1.6.0.js';
      script.onload = resolve;
      script.onerror = function () {
        reject(new Error('wxgate: jweixin cannot be loaded'));
      };
      document.head.appendChild(script);
    });
  }

  // wx.config, and what the client says to it.
  function apply(config) {
    return new Promise(function (resolve, reject) {
      var wx = window.wx, bridge = window.WeixinJSBridge, invoke = bridge && bridge.invoke, heard;
      function fail(answer) {
        var error = new Error(answer.errMsg);
        error.errMsg = answer.errMsg;
        reject(error);
      }
      // From the second time on wx.ready fires before the client has said anything: so its own answer is caught.
      if (invoke) bridge.invoke = function (name, parameters, done) {
        heard = 1;
        return invoke.call(bridge, name, parameters, function (answer) {
          if (done) done(answer);
          /:ok$/.test(answer.errMsg) ? resolve(config) : fail(answer);
        });
      };
      wx.config(config);
      if (invoke) bridge.invoke = invoke;
      if (heard) return;
      wx.error(fail);
      wx.ready(function () {
        resolve(config);
      });
    });
  }

  // Signs the page as it is now. One that has moved on meanwhile gets what the newer attempt gets.
  function attempt(isSecond) {
    var url = signed = address(), query = '?url=' + encodeURIComponent(url), mine;
    if (asked.jsApiList) query += '&jsApiList=' + encodeURIComponent(asked.jsApiList);
    if (asked.openTagList) query += '&openTagList=' + encodeURIComponent(asked.openTagList);
    if (asked.debug) query += '&debug=1';
    return latest = mine = Promise.all([get('{jsconfig}' + query), sdk()]).then(function (got) {
      return mine === latest ? apply(got[0]) : latest;
    }).catch(function (error) {
      if (mine !== latest) return latest;
      if (isSecond || entry === here() || !/signature/.test(error.errMsg)) throw error;
      byEntry = !byEntry;
      return attempt(1).catch(function () {
        byEntry = !byEntry;
        throw error;
      });
    });
  }

  function moved() {
    if (asked && address() !== signed) attempt().catch(function () {});
  }

  ['pushState', 'replaceState'].forEach(function (name) {
    var original = history[name];
    history[name] = function () {
      var result = original.apply(history, arguments);
      moved();
      return result;
    };
  });
  window.addEventListener('popstate', moved);

  window.wxgate = {
    config: function (options) {
      if (!/micromessenger/i.test(agent)) return Promise.reject(new Error('wxgate: not in WeChat'));
      asked = options || {};
      return attempt();
    },
    // The visitor; null when nobody is signed in.
    me: function () {
      return get('{me}').catch(function (error) {
        if (error.status === 401) return null;
        throw error;
      });
    },
    login: function (rd) {
      location.href = '{login}' + '?rd=' + encodeURIComponent(rd || location.pathname + location.search + location.hash);
    },
    logout: function (rd) {
      var form = document.createElement('form'), input = document.createElement('input');
      form.method = 'POST';
      form.action = '{logout}';
      input.name = 'rd';
      input.value = rd || '/';
      form.appendChild(input);
      (document.body || document.documentElement).appendChild(form).submit();
    }
  };

  var tag = document.currentScript, list = tag && tag.getAttribute('data-api');
  function begin() {
    window.wxgate.config({ jsApiList: list }).catch(function () {});
  }
  if (list === null) return;
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', begin);
  else begin();
})(window, document);
