// Sets the colour scheme and the language before the first paint. A file, not an inline script: the content
// security policy allows none.
(function () {
  var root = document.documentElement;
  var wish = null;
  try {
    wish = localStorage.getItem('lastmile-scheme');
    if (localStorage.getItem('lastmile-lang') === 'bn') root.lang = 'bn';
  } catch (_) {
    // Storage may be forbidden; the system's wish is good enough.
  }
  var dark = wish === 'dark' || (wish !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
})();
