// A page as courses on WeChat teach it: /wxAuthorize, /getUser and /getJsConfig, which a backend used to answer. Here the
// gate does, and the page need not know.
var TEAS = { '/item/1': '龙井', '/item/2': '普洱' };

// iOS holds the signature against the address at which the document was loaded, others against the current one.
var entryUrl = location.href.split('#')[0];
var isIOS = /iphone|ipad/i.test(navigator.userAgent);

function show(id, text) {
  document.getElementById(id).textContent = text;
}

function getJson(url) {
  return fetch(url, { headers: { Accept: 'application/json' } }).then(function (response) {
    if (!response.ok) throw response;
    return response.json();
  });
}

function greet() {
  return getJson('/getUser').then(function (user) {
    show('user', '你好，' + (user.nickname || '朋友'));
  }, function (response) {
    if (response.status !== 401) throw response;
    location.href = '/wxAuthorize?rd=' + encodeURIComponent(location.pathname + location.search);
    return new Promise(function () {});
  });
}

function configure() {
  var url = isIOS ? entryUrl : location.href.split('#')[0];
  show('status', '…');
  return getJson('/getJsConfig?url=' + encodeURIComponent(url)).then(function (config) {
    wx.error(function (error) {
      show('status', error.errMsg);
    });
    wx.config(config);
    wx.ready(function () {
      if (document.getElementById('status').textContent === '…') show('status', 'ready');
    });
  });
}

function view() {
  var tea = TEAS[location.pathname];
  document.title = (tea || '首页') + ' · 茶铺';
  show('view', tea ? '一两' + tea + '，三泡起。' : '今天喝什么茶？');
}

function go(path) {
  history.pushState(null, '', path);
  view();
  if (!isIOS) configure();
}

document.querySelector('nav').addEventListener('click', function (event) {
  if (event.target.tagName !== 'A') return;
  event.preventDefault();
  go(event.target.getAttribute('href'));
});

window.addEventListener('popstate', function () {
  view();
  if (!isIOS) configure();
});

document.getElementById('share').addEventListener('click', function () {
  var told = function (answer) {
    show('status', answer.errMsg);
  };
  wx.updateAppMessageShareData({ title: document.title, desc: '茶铺', link: location.href, imgUrl: '', success: told, fail: told });
});

view();
greet().then(configure);
