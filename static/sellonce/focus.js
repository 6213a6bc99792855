/* A browser leaves autofocus out on a page that it is slow to draw, and a scanner would type into nothing. */
(function () {
  "use strict";
  const box = document.querySelector("[autofocus]");
  if (box && (!document.activeElement || document.activeElement === document.body)) box.focus();
})();
