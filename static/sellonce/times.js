/* Writes instants in the time zone of whoever looks, and names the zone. */
(function () {
  "use strict";
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const two = (number) => String(number).padStart(2, "0");

  function words(date, form) {
    const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
    if (form === "time") return `${clock}:${two(date.getSeconds())}`;
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`;
  }

  function localise(root) {
    for (const element of root.querySelectorAll("time.so-instant")) {
      const date = new Date(element.dateTime);
      if (isNaN(date)) continue;
      const text = words(date, element.dataset.form);
      element.textContent = element.dataset.form === "short" ? text : `${text} ${zone}`;
      element.title = `${date.toISOString().replace("T", " ").slice(0, 19)} UTC`;
    }
    for (const element of root.querySelectorAll(".so-zone")) element.textContent = zone;
  }

  window.sellonce = { localise, words, zone };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => localise(document));
  else localise(document);
})();
