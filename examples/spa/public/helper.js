// The same with the gate's wx.js: it knows which address to sign, and signs again after a change of route.
function show(id, text) {
  document.getElementById(id).textContent = text;
}

wxgate.me().then(function (user) {
  if (!user) return wxgate.login();
  show('user', '你好，' + (user.nickname || '朋友'));
  return wxgate.config({ jsApiList: ['scanQRCode'] }).then(function () {
    show('status', 'config:ok');
  });
}).catch(function (error) {
  show('status', error.message);
});

document.querySelector('nav').addEventListener('click', function (event) {
  if (event.target.tagName !== 'A') return;
  event.preventDefault();
  history.pushState(null, '', event.target.getAttribute('href'));
});

document.getElementById('scan').addEventListener('click', function () {
  var told = function (answer) {
    show('status', answer.errMsg);
  };
  wx.scanQRCode({ needResult: 1, success: told, fail: told });
});

document.getElementById('leave').addEventListener('click', function () {
  wxgate.logout('/helper');
});
