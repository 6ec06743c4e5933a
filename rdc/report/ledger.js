// Tables that sort, the ledger's filters, and the gallery of still figures.

function ledger() {
  const table = at("claims-table");
  if (!table) return;
  const rows = [...table.tBodies[0].rows];
  const untestable = rows.filter((row) => row.dataset.verdict.startsWith("not testable"));
  const start = untestable.length < rows.length ? untestable.slice(0, 1).map((row) => row.dataset.verdict) : [];
  const hidden = { verdict: new Set(start), paper: new Set() };
  const filter = () => rows.forEach((row) => { row.hidden = hidden.verdict.has(row.dataset.verdict) || hidden.paper.has(row.dataset.paper); });
  const group = (legend, key, label) => chips(legend, `claims-${key}`, unique(rows.map((row) => row.dataset[key])).map((value) => [value, label(value)]),
    (value) => !hidden[key].has(value), "checkbox", (value, on) => { hidden[key][on ? "delete" : "add"](value); filter(); });
  at("claims-controls").replaceChildren(group("Verdicts", "verdict", (value) => value), group("Papers", "paper", capital));
  sortRows(table, 0, false);
  filter();
}

// Drawings are unpacked when the first group is opened, and made images of, so that each keeps its ids.
function gallery() {
  let drawings = null;
  const fill = async (group) => {
    drawings ??= unpack("drawings").then(JSON.parse);
    const texts = await drawings;
    for (const place of group.querySelectorAll(".drawing:empty")) {
      const source = URL.createObjectURL(new Blob([texts[place.dataset.drawing]], { type: "image/svg+xml" }));
      place.append(h("img", { src: source, alt: place.nextElementSibling.textContent }));
    }
    await Promise.all([...group.querySelectorAll("img")].map((image) => image.decode().catch(() => {})));
  };
  document.querySelectorAll(".gallery").forEach((group) => group.addEventListener("toggle", () => group.open && fill(group)));
  const show = async () => {
    const figure = location.hash.startsWith("#figure-") && at(location.hash.slice(1));
    if (!figure) return;
    const group = figure.closest(".gallery");
    group.open = true;
    await fill(group);
    figure.scrollIntoView();
    figure.focus({ preventScroll: true });
  };
  addEventListener("hashchange", show);
  document.querySelectorAll('a[href^="#figure-"]').forEach((link) => link.addEventListener("click", () => setTimeout(show)));
  return show();
}
