// The table of all recordings: sorted by a click on a heading, filtered by words, drawn in pieces.
const PIECE = 300;
const data = JSON.parse(document.getElementById("data").textContent);
const table = document.getElementById("all");
const filter = document.getElementById("filter");
const more = document.getElementById("more");
const seen = (name) => data.rows.some((row) => (Array.isArray(row[name]) ? row[name].length : row[name]));

const columns = [
  { name: "recording", of: (row) => row.recording },
  { name: "state", of: (row) => row.state },
  { name: "files", of: (row) => row.files.map(([name]) => name).join(" "), files: true },
  { name: "why", of: (row) => row.why, said: true },
  { name: "took, s", of: (row) => row.seconds, number: true },
  { name: "sound, s", of: (row) => row.sound, number: true },
  { name: "steps reused", of: (row) => row.reused, number: true },
  { name: "warnings", of: (row) => row.warnings, said: true },
  ...data.figures.map(([note, name]) => ({ name, of: (row) => row.figures[note], number: true })),
].filter((one) => ({ why: seen("why"), warnings: seen("warnings"), files: seen("files") || seen("page") })[one.name] ?? true);

let order = { column: 0, sign: 1, given: true };
let shown = [];
let drawn = 0;

function cell(column, row) {
  const element = document.createElement(column === columns[0] ? "th" : "td");
  if (column.files) {
    const links = row.page ? [["page", row.page], ...row.files] : row.files;
    links.forEach(([name, url], index) => {
      const link = document.createElement("a");
      link.textContent = name;
      link.href = url;
      element.append(index ? ", " : "", link);
    });
    return element;
  }
  const value = column.of(row);
  if (column.number) {
    element.className = "number";
    const text = value === undefined ? "" : Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
    element.textContent = text.replace(/^-/, "−");
  } else {
    element.textContent = value;
    if (value === "failed") element.className = "failed";
    if (column.said && value) element.className = "said";
  }
  return element;
}

function draw() {
  const body = table.tBodies[0];
  for (const row of shown.slice(drawn, drawn + PIECE)) {
    const line = document.createElement("tr");
    line.append(...columns.map((column) => cell(column, row)));
    body.append(line);
  }
  drawn = Math.min(shown.length, drawn + PIECE);
  more.hidden = drawn >= shown.length;
  document.getElementById("count").textContent =
    shown.length === data.rows.length ? `${shown.length} rows` : `${shown.length} of ${data.rows.length} rows`;
}

function compare(one, other) {
  const { of, number } = columns[order.column];
  const [a, b] = [of(one), of(other)];
  if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
  return order.sign * (number ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
}

function update() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  shown = data.rows.filter((row) => {
    const text = `${row.recording} ${row.state} ${row.why} ${row.warnings}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  if (!order.given) shown.sort(compare);
  table.tBodies[0].replaceChildren();
  drawn = 0;
  draw();
}

const heading = document.createElement("tr");
columns.forEach((column, index) => {
  const element = document.createElement("th");
  const button = document.createElement("button");
  element.scope = "col";
  if (column.number) element.className = "number";
  button.type = "button";
  button.textContent = column.name;
  button.addEventListener("click", () => {
    const again = !order.given && order.column === index;
    order = { column: index, sign: again ? -order.sign : 1, given: false };
    for (const one of heading.children) one.removeAttribute("aria-sort");
    element.setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
    update();
  });
  element.append(button);
  heading.append(element);
});
table.tHead.append(heading);
filter.addEventListener("input", update);
more.addEventListener("click", draw);
update();
