// Asks what has become of the page's code, again and again; the answer comes as soon as there is news.
(function () {
  "use strict";
  var page = document.querySelector("[data-poll]");

  function look() {
    var request = new XMLHttpRequest();
    request.open("GET", page.dataset.poll + "&last=" + page.dataset.told);
    request.onerror = function () {
      setTimeout(look, 1000);
    };
    request.onload = function () {
      var told = JSON.parse(request.responseText);
      page.dataset.told = told.wx_errcode;
      if (told.redirect_url) window.location.replace(told.redirect_url);
      // An expired code has no more news.
      else if (told.wx_errcode !== 402) look();
    };
    request.send();
  }

  look();
})();
