(function () {
  var page = document.getElementById('waiting'), next = document.getElementById('next'), over = false, polling = false;
  function given(name) { return page.getAttribute('data-' + name); }
  function leave() {
    if (over) return;
    over = true;
    // Where the redirect that follows names no fragment, the browser keeps this one.
    location.replace(next.href + location.hash);
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
    if (over) return;
    var request = new XMLHttpRequest();
    request.open('GET', given('poll'));
    request.onload = function () { if (request.status === 200) hear(request.responseText); };
    request.onloadend = function () { setTimeout(poll, 2000); };
    request.send();
  }
  function fallBack() {
    if (!polling) { polling = true; poll(); }
  }
  next.hidden = true;
  setTimeout(leave, given('seconds') * 1000);
  if (!window.EventSource) return fallBack();
  var events = new EventSource(given('events'));
  // A proxy that gathers what it passes on would let nothing through before it is too late.
  var deaf = setTimeout(fallBack, 4000);
  events.onmessage = function (event) { clearTimeout(deaf); hear(event.data); };
  events.onerror = function () { events.close(); fallBack(); };
})();
