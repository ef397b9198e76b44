(function () {
  function find(id) { return document.getElementById(id); }
  function told(name) { return find('waiting').getAttribute('data-' + name); }
  var over = false, polling = false;
  function leave() {
    if (over) return;
    over = true;
    // The page it goes on to inherits the fragment, as from any redirect that names none.
    location.replace(find('next').href + location.hash);
  }
  function hear(said) {
    var words = said.trim().split(' ');
    if (words[0] === 'scanned') {
      if (find('number').textContent !== words[1]) find('number').textContent = words[1];
      find('scanned').hidden = false;
      find('code').hidden = true;
    } else if (words[0] !== 'waiting') leave();
  }
  function poll() {
    if (over) return;
    var request = new XMLHttpRequest();
    request.open('GET', told('poll'));
    request.onload = function () { if (request.status === 200) hear(request.responseText); };
    request.onloadend = function () { setTimeout(poll, 2000); };
    request.send();
  }
  function fallBack() {
    if (!polling) { polling = true; poll(); }
  }
  find('next').hidden = true;
  setTimeout(leave, told('seconds') * 1000);
  if (!window.EventSource) return fallBack();
  var events = new EventSource(told('events'));
  // A proxy that gathers what it passes on would let nothing through before it is too late.
  var deaf = setTimeout(fallBack, 4000);
  events.onmessage = function (event) { clearTimeout(deaf); hear(event.data); };
  events.onerror = function () { events.close(); fallBack(); };
})();
