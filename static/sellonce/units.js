/* Counts what a scanner types: a code and Enter adds 1 to its line, CODE*12 adds 12; what is not on the list changes nothing. */
(function () {
  "use strict";
  const box = document.getElementById("so-scanner");
  if (!box) return;
  const form = document.getElementById("so-units");
  const damaged = document.getElementById("so-scanner-damaged");
  const said = document.getElementById("so-scanner-said");
  const rows = [...form.querySelectorAll("tbody tr")];
  const lines = new Map();
  JSON.parse(document.getElementById("so-codes").textContent).forEach((codes, index) => {
    // A SKU's own code comes before another's barcode.
    codes.forEach((code, rank) => { if (rank === 0 || !lines.has(code)) lines.set(code, rows[index]); });
  });
  const folded = new Map();
  for (const [code, row] of lines) {
    const key = code.toLowerCase();
    folded.set(key, folded.has(key) && folded.get(key) !== row ? null : row);
  }

  const boxes = (row) => [...row.querySelectorAll("input")];
  const value = (input) => parseInt(input.value, 10) || 0;
  const fill = (text, ...values) => values.reduce((done, each, index) => done.replace(`%${index + 1}`, each), text);

  function say(text, level) {
    said.textContent = "";
    said.className = `so-scanner-said ${level}`;
    window.requestAnimationFrame(() => { said.textContent = text; });
  }

  function mark(row) {
    const sum = boxes(row).reduce((total, input) => total + value(input), 0);
    const most = Number(row.dataset.most);
    row.classList.toggle("beyond", sum > most);
    row.classList.toggle("whole", sum === most);
    return sum;
  }

  function tell(row) {
    const sum = mark(row);
    const beyond = sum > Number(row.dataset.most);
    say(fill(beyond ? said.dataset.beyond : said.dataset.counted, row.dataset.sku, sum, row.dataset.most), beyond ? "bad" : "good");
  }

  function find(text) {
    return lines.get(text) || folded.get(text.toLowerCase());
  }

  function count(text) {
    let row = find(text), units = 1;
    if (!row) {
      const star = text.lastIndexOf("*");
      const code = star > 0 ? text.slice(0, star).trim() : text;
      row = star > 0 ? find(code) : null;
      if (!row) return say(said.dataset.unknown.replace("%s", code), "bad");
      const number = text.slice(star + 1).trim();
      units = /^[0-9]{1,9}$/.test(number) ? Number(number) : 0;
      if (!units) return say(said.dataset.wrong.replace("%s", text), "bad");
    }
    const input = boxes(row)[damaged.checked ? 1 : 0];
    input.value = value(input) + units;
    for (const other of rows) other.classList.toggle("latest", other === row);
    row.scrollIntoView({ block: "nearest" });
    tell(row);
  }

  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const text = box.value.trim();
    box.value = "";
    if (text) count(text);
    box.focus();
  });

  form.addEventListener("keydown", (event) => {
    // Enter in a number is the end of typing it, not of the whole receipt.
    if (event.key !== "Enter" || !event.target.matches("tbody input, #so-scanner-damaged")) return;
    event.preventDefault();
    box.focus();
  });

  for (const row of rows) for (const input of boxes(row)) {
    input.addEventListener("focus", () => input.select());
    input.addEventListener("change", () => tell(row));
  }
  document.getElementById("so-scanner-all").addEventListener("click", () => {
    for (const row of rows) {
      const [good, broken] = boxes(row);
      good.value = Math.max(0, Number(row.dataset.most) - value(broken));
      tell(row);
    }
    box.focus();
  });
  damaged.addEventListener("change", () => box.focus());
  rows.forEach(mark);
  box.focus();
})();
