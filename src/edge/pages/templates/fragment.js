(function () {
  var on = document.getElementById('on'), hash = location.hash;
  // One that is longer would not be kept, and could make the address too long to be asked for.
  if (hash.length > 2048) hash = '';
  // Nothing in there is special to a replacement: every "$" has been encoded.
  on.href = on.href.replace(/\?rd=[^&]*/, '$&' + encodeURIComponent(hash));
  // Not a step of its own in the history: the way back would only lead forward again.
  location.replace(on.href);
})();
