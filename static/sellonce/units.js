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
  const folded = new Map(); // for keyboards without capitals; nothing where two lines would be meant
  JSON.parse(document.getElementById("so-scanner-codes").textContent).forEach((codes, index) => {
    for (const [code, units] of Object.entries(codes)) {
      if (!code) continue;
      const line = { row: rows[index], units };
      lines.set(code, lines.has(code) && lines.get(code).row !== line.row ? null : line);
      const key = code.toLowerCase();
      folded.set(key, folded.has(key) && folded.get(key)?.row !== line.row ? null : line);
    }
  });

  const boxes = (row) => [...row.querySelectorAll("input")];
  const value = (input) => parseInt(input.value, 10) || 0;
  const fill = (text, ...values) => values.reduce((done, each, index) => done.replace(`%${index + 1}`, () => each), text);

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
    let line = find(text), times = 1;
    if (!line) {
      const star = text.lastIndexOf("*");
      const code = star > 0 ? text.slice(0, star).trim() : text;
      line = star > 0 ? find(code) : null;
      if (!line) return say(said.dataset.unknown.replace("%s", () => code), "bad");
      const number = text.slice(star + 1).trim();
      times = /^[0-9]{1,9}$/.test(number) ? Number(number) : 0;
      if (!times) return say(said.dataset.wrong.replace("%s", () => text), "bad");
    }
    const row = line.row, units = times * line.units;
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
