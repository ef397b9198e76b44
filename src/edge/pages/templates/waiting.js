(function () {
  var box = document.getElementById('waiting'), over = false;
  function told(name) { return box.getAttribute('data-' + name); }
  function leave() {
    if (over) return;
    over = true;
    location.replace(told('next'));
  }
  function hear(word) {
    if (word === 'scanned') document.getElementById('scanned').hidden = false;
    else if (word !== 'waiting') leave();
  }
  function poll() {
    var request = new XMLHttpRequest();
    request.open('GET', told('poll'));
    request.onload = function () { hear(request.status === 200 ? request.responseText.trim() : 'over'); };
    request.onloadend = function () { if (!over) setTimeout(poll, 2000); };
    request.send();
  }
  setTimeout(leave, told('seconds') * 1000);
  if (!window.EventSource) return poll();
  var events = new EventSource(told('events'));
  events.onmessage = function (event) { hear(event.data); };
  events.onerror = function () { events.close(); if (!over) poll(); };
})();
