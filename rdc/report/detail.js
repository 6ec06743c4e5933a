// The panel beside the plane: one codec's pictures, numbers, curve, files and command.

const TERMS = { mse: "MSE per pixel", nll: "NLL (nats)", accuracy: "accuracy", sse: "squared error, summed", features: "deep features",
  w1_pixels: "Wasserstein-1, pixels", w1_ll: "Wasserstein-1, LL", w1_lh: "Wasserstein-1, LH", w1_hl: "Wasserstein-1, HL", w1_hh: "Wasserstein-1, HH" };

function pointName(codecs, point) {
  const lam = point.lam == null ? "" : `, λ = ${plain(point.lam)}`;
  return `${codecs.methods[point.method].name}${lam}`;
}

function pointPlace(point) {
  const dither = point.dither ? "dithered" : "no dither";
  return `${capital(point.study)}, ${point.dataset}, ${bitsName(point.rate)} (${point.dim} × ${point.levels} levels, ${dither})`;
}

function showDetail(codecs, point, seed = 0) {
  const panel = at("detail"), cell = point.cells[seed];
  const several = point.cells.length > 1;
  panel.dataset.point = point.id;
  panel.replaceChildren(
    h("h3", {}, pointName(codecs, point)),
    h("p", { class: "sub" }, pointPlace(point)),
    several ? choice("Seed (numbers are means over seeds)", point.cells.map((c, i) => [String(i), `seed ${c.seed}`]), String(seed),
      (value) => showDetail(codecs, point, Number(value)), "detail-seed") : "",
    ...pictures(codecs, cell),
    ...numbers(point),
    ...curve(cell),
    ...files(point, cell));
  drawCurve(cell);
}

function pictures(codecs, cell) {
  if (!cell.png) return [h("p", { class: "sub" }, "No reconstructions of this cell are on this machine.")];
  const from = codecs.originals[cell.originals];
  const image = (png, alt) => h("img", { src: `data:image/png;base64,${png}`, alt, width: from.size[1] * from.labels.length, height: from.size[0] });
  return [h("h4", {}, "Originals, what the codec makes of them, and what its classifier reads"),
    h("div", { class: "strips", style: `--n: ${from.labels.length}` },
      image(from.png, `Test images of classes ${from.labels.join(", ")}`),
      image(cell.png, `Their reconstructions, read as ${cell.read.join(", ")}`),
      cell.read.map((read, i) => read === from.labels[i] ? h("span", {}, String(read))
        : h("span", { class: "wrong", title: `a ${from.labels[i]} read as ${read}` }, `✗${read}`)))];
}

function numbers(point) {
  const row = (name, value, note) => h("tr", {}, h("td", {}, name, note ? h("small", {}, note) : ""), h("td", {}, value));
  const others = Object.keys(point.accuracy).filter((reader) => !["own", "judge", point.classifier].includes(reader));
  const extra = [["sliced_w1", "Sliced Wasserstein-1"], ["w1_fresh", "Wasserstein-1, fresh critic"], ["w1_critic", "Wasserstein-1, its own critic"]];
  const over = point.cells.length > 1 ? `95 % intervals over ${point.cells.length} seeds` : `95 % intervals over ${point.n_images} test images`;
  return [h("h4", {}, "Bits an image"),
    h("table", {}, h("tbody", {},
      row("nominal", plain(point.rate)),
      row("entropy of the code", measured(point.entropy_bits, (v) => plain(v))),
      row("real range-coded file", measured(point.coded_bits, (v) => plain(v)), "header and dither seed counted"))),
    h("h4", {}, `On test images, ${over}`),
    h("table", {}, h("tbody", {},
      row("MSE per pixel", measured(point.mse, (v) => plain(v))),
      row("PSNR", `${plain(point.psnr[0])} dB`),
      row("NLL", measured(point.nll, (v) => `${plain(v, 3)}`), "nats, its own classifier"),
      row("read right", measured(point.accuracy.own, (v) => percent(v, 1)), `by ${point.classifier}, its own; clean images ${percent(point.clean, 1)}`),
      row("read right by the judge", measured(point.accuracy.judge, (v) => percent(v, 1)), "which none was trained with"),
      others.map((reader) => row(`read right by ${reader}`, measured(point.accuracy[reader], (v) => percent(v, 1)))),
      extra.filter(([key]) => point[key][0] != null).map(([key, name]) => row(name, measured(point[key], (v) => plain(v, 3))))))];
}

function curve(cell) {
  const terms = Object.keys(cell.curves);
  if (!terms.length) return [];
  const first = ["mse", "nll"].find((term) => terms.includes(term)) || terms[0];
  return [h("h4", {}, "Training curve"),
    choice("Term", terms.map((term) => [term, TERMS[term] || term]), first, (term) => drawCurve(cell, term), "detail-term"),
    h("div", { id: "detail-curve", class: "plot curve" })];
}

function drawCurve(cell, term = at("detail-term")?.value) {
  const place = at("detail-curve");
  if (!place) return;
  const looks = { validation: ["validation, after the epoch", "solid", "#0072B2"], train: ["training, mean over it", "dot", "#444444"],
    test: ["test", "dash", "#009E73"] };
  const traces = Object.entries(cell.curves[term]).map(([split, [epochs, values]]) => ({ x: epochs, y: values, type: "scatter",
    mode: epochs.length > 1 ? "lines" : "markers", name: looks[split][0], line: { dash: looks[split][1], color: looks[split][2], width: 1.8 },
    marker: { color: looks[split][2] }, hovertemplate: "epoch %{x}: %{y:.4g}<extra></extra>" }));
  const values = traces.flatMap((trace) => trace.y);
  Plotly.react(place, traces, layout({ height: 192, showlegend: true, legend: { orientation: "h", y: 1.3, x: 0, font: { ...FONT, size: 11 } },
    margin: { l: 44, r: 6, t: 40, b: 34 }, xaxis: { title: { text: "epoch", standoff: 4 }, gridcolor: LINE, zeroline: false, nticks: 6, automargin: true },
    yaxis: { ...axis("", values), nticks: 4 } }), CONFIG);
}

function files(point, cell) {
  const weights = Object.entries(point.weights).filter(([, w]) => w).map(([term, w]) => `${plain(w)} · ${TERMS[term] || term}`).join(" + ");
  const parts = [h("h4", {}, "What it minimised"), h("p", { class: "sub" }, weights),
    h("p", { class: "sub" }, `Recipe ${point.recipe}: ${point.epochs} epochs, ${point.steps} steps, width ${plain(point.width)}` +
      (cell.precision ? `, in ${cell.precision}` : "") + (cell.train_seconds == null ? "." : `, ${seconds(cell.train_seconds)} on ${cell.device}.`) +
      (point.encoder_from ? ` Its encoder is that of ${point.encoder_from}.` : ""))];
  if (cell.command) {
    const said = h("span", { role: "status" });
    parts.push(h("h4", {}, "Its weights, where the run was made"), h("p", { class: "sub" }, h("code", {}, cell.file), ` (key ${cell.key})`),
      h("h4", {}, "The command that makes this cell again"), h("pre", { id: "detail-command" }, cell.command),
      h("button", { class: "copy", type: "button", onclick: () => copy(cell.command, said) }, "Copy"), " ", said);
  }
  return parts;
}

async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
    said.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(at("detail-command"));
    said.textContent = "selected: copy it with your keyboard";
  }
}
