
"use strict";
(function () {
  function say(list, text, english, state) {
    var item = document.createElement("li");
    if (state) item.className = state;
    item.append(text + " ");
    var small = document.createElement("small");
    small.textContent = english;
    item.append(small);
    list.append(item);
    return item;
  }

  // The token's signature, checked with the gate's public keys (RFC 7515, 7517, 7518, 8037).
  var ALGORITHMS = {
    ES256: { key: { name: "ECDSA", namedCurve: "P-256" }, verify: { name: "ECDSA", hash: "SHA-256" } },
    RS256: { key: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, verify: { name: "RSASSA-PKCS1-v1_5" } },
    EdDSA: { key: { name: "Ed25519" }, verify: { name: "Ed25519" } }
  };

  function bytes(part) {
    var text = atob(part.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(text, function (c) { return c.charCodeAt(0); });
  }

  function object(part) {
    return JSON.parse(new TextDecoder().decode(bytes(part)));
  }

  function Unproven(text, english) {
    this.text = text;
    this.english = english;
  }

  async function signed(token, keys) {
    var parts = token.split(".");
    var header = object(parts[0]);
    if (header.alg === "HS256") throw new Unproven("HS256 用共享密钥，浏览器里没有", "a shared secret; not for browsers");
    var algorithm = ALGORITHMS[header.alg];
    if (!algorithm) throw new Unproven("不认识的算法", "unknown algorithm");
    if (!crypto.subtle) throw new Unproven("浏览器只在 https 或 localhost 上提供 WebCrypto", "WebCrypto needs https or localhost");
    var jwk = keys.find(function (key) { return key.kid === header.kid; });
    if (!jwk) throw new Unproven("公钥集里没有这把钥匙", "no such key in the set");
    var key = await crypto.subtle.importKey("jwk", jwk, algorithm.key, false, ["verify"]);
    return crypto.subtle.verify(algorithm.verify, key, bytes(parts[2]), new TextEncoder().encode(parts[0] + "." + parts[1]));
  }

  function times(section) {
    section.querySelectorAll("tr").forEach(function (row) {
      if (!/^(iat|nbf|exp)$/.test(row.cells[0].textContent)) return;
      var time = document.createElement("time");
      time.textContent = new Date(row.cells[1].textContent * 1000).toLocaleTimeString();
      row.cells[1].append(time);
    });
  }

  async function check(section) {
    var list = section.querySelector(".checks");
    var token = section.querySelector(".jwt").textContent.trim();
    try {
      var answer = await fetch(section.dataset.jwks);
      if (!answer.ok) throw new Unproven("取不到公钥", "public keys: status " + answer.status);
      var good = await signed(token, (await answer.json()).keys);
      list.textContent = "";
      say(list, good ? "签名有效" : "签名无效", (good ? "signature valid · " : "signature NOT valid · ") + section.dataset.jwks, good ? "yes" : "no");
      var claims = object(token.split(".")[1]);
      var ours = claims.iss === location.origin;
      say(list, ours ? "签发者是本站" : "签发者不是本站", "iss = " + claims.iss, ours ? "yes" : "no");
      var left = say(list, "", "", "");
      (function tick() {
        var seconds = Math.floor(claims.exp - Date.now() / 1000);
        left.className = seconds > 0 ? "yes" : "no";
        left.firstChild.data = seconds > 0 ? "还有 " + seconds + " 秒失效 " : "已失效，刷新即有新的 ";
        left.lastChild.textContent = seconds > 0 ? "expires in " + seconds + " s" : "expired; reload for a fresh one";
        if (seconds > 0) setTimeout(tick, 1000);
      })();
    } catch (problem) {
      list.textContent = "";
      if (problem instanceof Unproven) say(list, problem.text, problem.english, "no");
      else say(list, "没能核对", String(problem), "no");
    }
  }

  function state(section, live, text) {
    var line = section.querySelector(".state");
    line.classList.toggle("live", live);
    line.lastElementChild.textContent = text;
  }

  function echo(section) {
    var form = section.querySelector("form");
    var list = section.querySelector(".lines");
    var socket, since, wait = 1000;
    function connect() {
      socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws");
      socket.onopen = function () { wait = 1000; state(section, true, "已连上 connected"); };
      socket.onmessage = function (event) {
        say(list, event.data, since ? (performance.now() - since).toFixed(1) + " ms" : "", "");
        since = 0;
        while (list.children.length > 5) list.firstElementChild.remove();
      };
      socket.onclose = function () {
        state(section, false, "断开了，稍后重连 closed, trying again");
        setTimeout(connect, wait);
        wait = Math.min(wait * 2, 30000);
      };
    }
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      var line = form.elements.line.value.trim() || "你好，山";
      if (socket.readyState !== WebSocket.OPEN) return;
      since = performance.now();
      socket.send(line);
      form.elements.line.value = "";
    });
    connect();
  }

  function kettle(section) {
    var output = section.querySelector("output");
    var gauge = section.querySelector(".gauge div");
    var source = new EventSource("/events");
    source.onopen = function () { state(section, true, "实时 live"); };
    source.onmessage = function (event) {
      var celsius = JSON.parse(event.data).celsius;
      output.textContent = celsius;
      gauge.style.width = celsius + "%";
    };
    source.onerror = function () { state(section, false, "断开了，稍后重连 closed, trying again"); };
  }

  var token = document.getElementById("token");
  if (token) {
    times(token);
    check(token);
  }
  echo(document.getElementById("echo"));
  kettle(document.getElementById("kettle"));
})();
