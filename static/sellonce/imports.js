/* While a worker is at an import, asks every second how far it is. Rests while nobody looks. */
(function () {
  "use strict";
  const place = document.getElementById("so-import");
  let failures = 0;

  function isAtWork() {
    return place.firstElementChild && place.firstElementChild.dataset.atWork === "1";
  }

  async function ask() {
    if (!document.hidden) {
      try {
        const answer = await fetch(`${location.pathname}?live=1`, { headers: { Accept: "text/html" }, cache: "no-store" });
        if (answer.redirected || answer.status === 401 || answer.status === 403) { location.reload(); return; }
        if (!answer.ok) throw new Error(String(answer.status));
        place.innerHTML = await answer.text();
        if (window.sellonce && window.sellonce.localise) window.sellonce.localise(place);
        failures = 0;
      } catch (error) {
        failures += 1;
      }
    }
    if (isAtWork()) setTimeout(ask, Math.min(1000 * 2 ** failures, 15000));
    else location.reload();
  }

  if (isAtWork()) setTimeout(ask, 500);
})();
