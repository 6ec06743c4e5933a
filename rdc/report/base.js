"use strict";
// What the page's scripts share: unpacking, small pieces of the document, numbers, axes.

const INK = "#1c2329", SOFT = "#56616b", LINE = "#dfe4e8";
const FONT = { family: "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif", size: 13, color: INK };
const CONFIG = { displaylogo: false, responsive: true, displayModeBar: false };
const NAMES = { zhang: "Zhang", le: "Le", nguyen: "Nguyen", luo: "Luo" };

// gzip in base64, as rdc.report.page packs it.
async function unpack(name) {
  const text = atob(document.getElementById(`packed-${name}`).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

const at = (id) => document.getElementById(id);

function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

const capital = (name) => NAMES[name] || name.charAt(0).toUpperCase() + name.slice(1);
const plain = (value, digits = 4) => (value == null ? "–" : Number(value.toPrecision(digits)).toString());
const percent = (value, digits = 2) => (value == null ? "–" : `${(100 * value).toFixed(digits)} %`);
const bitsName = (bits) => `${Number(bits.toFixed(2))} bits`;
const unique = (values) => [...new Set(values)];

function seconds(value) {
  if (value == null) return "–";
  if (value < 100) return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  return value < 6000 ? `${(value / 60).toFixed(1)} min` : `${(value / 3600).toFixed(1)} h`;
}

// "0.0450 (0.0447 to 0.0453)"; the interval only where there is one.
function measured([value, low, high], form) {
  return low == null ? form(value) : `${form(value)} (${form(low)} to ${form(high)})`;
}

// A group of radio buttons or checkboxes that look like chips.
function chips(legend, name, options, chosen, kind, changed) {
  const inputs = options.map(([value, label]) => h("label", {},
    h("input", { type: kind, name, value, checked: chosen(value), onchange: (event) => changed(value, event.target.checked) }),
    h("span", {}, label)));
  return h("fieldset", {}, h("legend", {}, legend), h("div", { class: "chips" }, inputs));
}

function choice(label, options, chosen, changed, id) {
  return h("label", { class: "field" }, h("span", {}, label),
    h("select", { id, onchange: (event) => changed(event.target.value) },
      options.map(([value, text]) => h("option", { value, selected: value === chosen }, text))));
}

// An axis over values: logarithmic with plain numbers where they span more than a factor 3.
function axis(title, values, { share = false, logarithmic = true, top = null, small = false } = {}) {
  const known = values.filter((value) => value != null && Number.isFinite(value));
  const common = { title: { text: title, standoff: 8 }, gridcolor: LINE, zeroline: false, linecolor: "#9aa5ad", ticks: "outside", tickangle: 0,
    tickcolor: "#9aa5ad", ticklen: 4, automargin: true, fixedrange: false };
  if (!known.length) return common;
  let low = Math.min(...known), high = Math.max(...known);
  if (top != null) high = Math.max(high, top);
  if (logarithmic && low > 0 && high > 3 * low) {
    const [from, to] = [Math.log10(low), Math.log10(high)], pad = 0.06 * (to - from);
    const ticks = [], span = to - from;
    const steps = span > 1.5 ? [1] : span > 0.8 || small ? [1, 2, 5] : [1, 2, 3, 4, 5, 7];
    for (let power = Math.floor(from - pad); power <= to + pad; power++) {
      for (const step of steps) ticks.push(Number((step * 10 ** power).toPrecision(1)));
    }
    return { ...common, type: "log", range: [from - pad, to + pad], tickvals: ticks, ticktext: ticks.map(String) };
  }
  const pad = 0.06 * (high - low || Math.abs(high) || 1);
  const range = [low - pad, share ? Math.min(high + pad, 1.012) : high + pad];
  return { ...common, type: "linear", range, nticks: 6, tickformat: share ? ".0%" : "" };
}

function layout(extra) {
  return { font: FONT, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
    hoverlabel: { bgcolor: "#fff", bordercolor: "#9aa5ad", font: { ...FONT, size: 13 }, align: "left" },
    margin: { l: 56, r: 14, t: 26, b: 48 }, ...extra };
}

// Runs once when an element comes near the view.
function whenSeen(element, draw) {
  if (!element) return;
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    draw();
  }, { rootMargin: "300px" });
  watcher.observe(element);
}

// Sorts the rows of a table's body by a column; missing values last. What a cell sorts by is its
// data-value, or its text.
function sortRows(table, column, descending) {
  const value = (row) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
  };
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [value(row), row]);
  rows.sort(([a], [b]) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return descending ? -order : order;
  });
  body.append(...rows.map(([, row]) => row));
  [...table.tHead.rows[0].cells].forEach((cell, i) => {
    if (i === column) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  });
}

// Turns a table's headings into buttons that sort it.
function sortable(table) {
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    const button = h("button", { type: "button" }, cell.textContent);
    button.addEventListener("click", () => sortRows(table, column, cell.getAttribute("aria-sort") === "ascending"));
    cell.replaceChildren(button);
  });
}
