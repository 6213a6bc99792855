/* Asks for the overview's figures again and puts them in place: what did not change is not touched, so that focus, selection
   and scrolling stay as they are. Rests while nobody looks. */
(function () {
  "use strict";
  const live = document.getElementById("so-live");
  const state = document.getElementById("so-state");
  const every = Number(live.dataset.every) * 1000;
  const { localise, words, zone } = window.sellonce;
  let updated = new Date();
  let failures = 0;
  let timer = 0;
  let asking = null;

  function key(node) {
    return node.nodeType === 1 ? node.dataset.key || node.dataset.part || "" : "";
  }

  function patch(old, fresh) {
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    patchChildren(old, fresh);
  }

  function patchChildren(old, fresh) {
    let place = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const name = key(wanted);
      if (name && place && key(place) !== name) {
        const held = [...old.children].find((child) => key(child) === name);
        if (held) { old.insertBefore(held, place); place = held; }
      }
      if (place && place.nodeName === wanted.nodeName && key(place) === name) {
        if (place.nodeType === 3) { if (place.data !== wanted.data) place.data = wanted.data; }
        else if (place.nodeType === 1 && !place.isEqualNode(wanted)) patch(place, wanted);
        place = place.nextSibling;
      } else {
        old.insertBefore(wanted, place);
      }
    }
    while (place) { const next = place.nextSibling; place.remove(); place = next; }
  }

  function say() {
    const text = failures ? live.dataset.away : live.dataset.fresh;
    state.textContent = `${text} ${words(updated, "time")} (${live.dataset.zone} ${zone})`;
    state.classList.toggle("away", failures > 0);
  }

  async function ask() {
    asking = new AbortController();
    const patience = setTimeout(() => asking.abort(), 10000);
    try {
      const answer = await fetch(live.dataset.url, { headers: { Accept: "text/html" }, signal: asking.signal, cache: "no-store" });
      if (answer.redirected || answer.status === 401 || answer.status === 403) { location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = document.createElement("div");
      fresh.innerHTML = await answer.text();
      localise(fresh);
      patchChildren(live, fresh);
      updated = new Date();
      failures = 0;
    } catch (error) {
      failures += 1;
    } finally {
      clearTimeout(patience);
    }
    say();
    again();
  }

  function again() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(ask, every * Math.min(6, 1 + failures));
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) ask();
  });
  window.addEventListener("online", () => { clearTimeout(timer); ask(); });
  say();
  again();
})();
