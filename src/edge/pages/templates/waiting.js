(function () {
  var page = document.getElementById('waiting'), over = false;
  function given(name) { return page.getAttribute('data-' + name); }
  function leave() {
    if (over) return;
    over = true;
    location.replace(given('next'));
  }
  function hear(said) {
    var words = said.split(' ');
    if (words[0] === 'scanned') {
      document.getElementById('number').textContent = words[1];
      document.getElementById('scanned').hidden = false;
      document.getElementById('code').hidden = true;
    } else if (words[0] !== 'waiting') leave();
  }
  function poll() {
    var request = new XMLHttpRequest();
    request.open('GET', given('poll'));
    request.onload = function () { hear(request.status === 200 ? request.responseText : 'over'); };
    request.onloadend = function () { if (!over) setTimeout(poll, 2000); };
    request.send();
  }
  setTimeout(leave, given('seconds') * 1000);
  if (!window.EventSource) return poll();
  var events = new EventSource(given('events'));
  events.onmessage = function (event) { hear(event.data); };
  events.onerror = function () { events.close(); if (!over) poll(); };
})();
