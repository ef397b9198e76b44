(function () {
  var button = document.getElementById('copy'), address = document.getElementById('address');
  var label = button.textContent, timer;
  function copied() {
    button.textContent = button.getAttribute('data-copied');
    clearTimeout(timer);
    timer = setTimeout(function () { button.textContent = label; }, 2500);
  }
  function selectAndCopy() {
    var range = document.createRange(), selection = window.getSelection();
    range.selectNodeContents(address);
    selection.removeAllRanges();
    selection.addRange(range);
    try { if (document.execCommand('copy')) copied(); } catch (e) { /* what is selected can be copied by hand */ }
  }
  button.onclick = function () {
    if (navigator.clipboard) navigator.clipboard.writeText(address.textContent).then(copied, selectAndCopy);
    else selectAndCopy();
  };
  button.hidden = false;
})();
