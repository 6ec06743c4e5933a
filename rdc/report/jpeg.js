// JPEG: curves of each pair of tables, and a pair at work at a quality: its steps beside real files.

const CURVES = {
  psnr: { name: "rate – distortion", y: "PSNR, dB (mean over pictures)", bits: "bpp_file", classes: null },
  accuracy: { name: "rate – accuracy", y: "images read right", bits: "bpp_scan_dht", classes: true },
  accuracy_judge: { name: "rate – accuracy, by the judge", y: "images read right by the judge", bits: "bpp_scan_dht", classes: true },
  saving: { name: "bytes saved", y: "bytes saved at equal PSNR, %", x: "PSNR, dB", classes: null },
  gain: { name: "points gained", y: "points of accuracy gained at equal bits", x: "bits per pixel, scan and Huffman tables", classes: true },
  gain_judge: { name: "points gained, by the judge", y: "points of accuracy gained, by the judge", x: "bits per pixel, scan and Huffman tables", classes: true },
};
const BITS_TITLES = { bpp_file: "bits per pixel, whole file", bpp_scan_dht: "bits per pixel, scan and Huffman tables" };
const MARKS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star", "hexagon"];
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const COMPONENTS = { 1: ["Steps"], 2: ["Luma steps", "Chroma steps"], 3: ["Luma steps", "Blue-difference steps", "Red-difference steps"] };
const COARSEST = 128; // the step drawn lightest; larger ones too

function jpegWing(studies) {
  const state = { study: 0, curve: "psnr", tables: null, quality: null };
  const plot = at("jpeg-plot");
  const study = () => studies[state.study];
  const title = (name) => study().tables.find((t) => t.name === name).title;

  function controls() {
    const allowed = Object.entries(CURVES).filter(([key, curve]) => (curve.classes == null || curve.classes === study().classes)
      && study().tables.some((t) => t[key]));
    if (!allowed.some(([key]) => key === state.curve)) state.curve = allowed[0][0];
    at("jpeg-controls").replaceChildren(
      choice("Pictures", studies.map((s, i) => [String(i), `${s.study}: ${s.pictures} pictures, ${s.subsampling}`]), String(state.study),
        (value) => { state.study = Number(value); start(); }, "jpeg-study"),
      chips("Curves", "jpeg-curve", allowed.map(([key, curve]) => [key, curve.name]), (key) => key === state.curve, "radio", (key) => { state.curve = key; draw(); }));
  }

  function draw() {
    const curve = CURVES[state.curve], against = curve.x != null;
    const traces = study().tables.flatMap((t, i) => {
      const values = t[state.curve];
      if (!values) return [];
      const look = { type: "scatter", name: t.title, legendgroup: t.name, visible: study().ablation.includes(t.name) ? "legendonly" : true, line: { color: t.colour, width: 1.8, dash: t.dash } };
      if (against) {
        return [{ ...look, x: values.at.concat([...values.at].reverse()), y: values.high.concat([...values.low].reverse()), fill: "toself", mode: "none",
          fillcolor: `${t.colour}1f`, hoverinfo: "skip", showlegend: false },
        { ...look, mode: "lines+markers", x: values.at, y: values.value, marker: { symbol: MARKS[i % MARKS.length], color: t.colour, size: 6 },
          text: values.at.map((x, k) => `<b>${t.title}</b><br>${curve.x} ${plain(x)}<br>${plain(values.value[k], 3)} (${plain(values.low[k], 3)} to ${plain(values.high[k], 3)})`),
          hovertemplate: "%{text}<extra></extra>" }];
      }
      const score = (k) => (state.curve === "psnr" ? `PSNR ${plain(t.psnr[k])} dB, MSE ${plain(t.mse[k])}` : `read right ${measured(values[k], (v) => percent(v, 1))}`);
      const y = values.map((value) => (Array.isArray(value) ? value[0] : value));
      const bars = Array.isArray(values[0]) ? { error_y: { type: "data", symmetric: false, array: values.map(([v, , high]) => high - v),
        arrayminus: values.map(([v, low]) => v - low), color: t.colour, thickness: 1, width: 0 } } : {};
      return [{ ...look, ...bars, mode: "lines+markers", x: t[curve.bits], y, marker: { symbol: MARKS[i % MARKS.length], color: t.colour, size: 7 },
        customdata: t.quality.map((q) => [t.name, q]),
        text: t.quality.map((q, k) => `<b>${t.title}</b>, quality ${q}<br>${plain(t[curve.bits][k], 3)} bits per pixel<br>${score(k)}<br><i>click to see it at work</i>`),
        hovertemplate: "%{text}<extra></extra>" }];
    });
    const narrow = plot.clientWidth < 560;
    const share = state.curve.startsWith("accuracy");
    const y = axis(curve.y, traces.flatMap((trace) => trace.y), { logarithmic: false, share });
    const x = axis(against ? curve.x : BITS_TITLES[curve.bits], traces.flatMap((trace) => trace.x), { logarithmic: !against });
    plot.querySelector(".waiting")?.remove();
    Plotly.react(plot, traces, layout({ height: narrow ? 520 : 440, xaxis: x, yaxis: { ...y, zeroline: against, zerolinecolor: SOFT }, showlegend: true,
      legend: narrow ? { orientation: "h", y: -0.2, yanchor: "top", x: 0 } : { x: 1.01, y: 1, xanchor: "left" },
      margin: { l: 56, r: narrow ? 8 : 20, t: 12, b: 48 } }), CONFIG);
    at("jpeg-note").textContent = against
      ? `Compared with ${title(study().reference)}; bands are 95 % intervals over pictures. Above the line is better.`
      : `Means over ${study().pictures} pictures, one point for each quality.` + (share ? " Bars are 95 % intervals over pictures." : "");
  }

  // A pair at work.
  const atWork = () => study().tables.filter((t) => Object.keys(t.files).length && Object.keys(t.steps).length);
  const qualities = () => Object.keys(atWork()[0].files).map(Number).sort((a, b) => a - b);

  function choiceOfTables() {
    const all = qualities();
    const output = h("output", { for: "jpeg-quality" });
    const range = h("input", { type: "range", id: "jpeg-quality", min: 0, max: all.length - 1, step: 1, value: all.indexOf(state.quality),
      oninput: (event) => { state.quality = all[event.target.value]; say(); work(); } });
    const say = () => { output.textContent = `quality ${state.quality}`; range.setAttribute("aria-valuetext", `quality ${state.quality}`); };
    say();
    at("jpeg-choice").replaceChildren(
      choice("Tables", atWork().map((t) => [t.name, t.title]), state.tables, (value) => { state.tables = value; work(); }, "jpeg-set"),
      h("label", { class: "field" }, h("span", {}, "Quality: coarse to fine"), range, " ", output));
  }

  function heat(values, name) {
    const cells = values.map((step) => {
      const place = Math.min(1, Math.log(step) / Math.log(COARSEST)) * (VIRIDIS.length - 1), k = Math.min(VIRIDIS.length - 2, Math.floor(place));
      const colour = VIRIDIS[k].map((c, i) => Math.round(c + (place - k) * (VIRIDIS[k + 1][i] - c)));
      return h("span", { style: `background: rgb(${colour}); color: ${place > 2.1 ? "#000" : "#fff"}` }, String(step));
    });
    return h("div", {}, h("h4", {}, name), h("div", { class: "heat", role: "img", "aria-label": `${name}: 8 by 8 steps, from ${values[0]} at the lowest frequency to ${values[63]} at the highest` }, cells),
      h("div", { class: "ramp", style: `background: linear-gradient(90deg, ${VIRIDIS.map((c) => `rgb(${c})`)})` }),
      h("div", { class: "ends" }, h("span", {}, "1, fine"), h("span", {}, `${COARSEST}, coarse`)));
  }

  // The quality at which the reference's files come nearest to so many bits per pixel.
  function nearest(reference, bits) {
    const known = qualities().map((q) => [q, reference.bpp_file[reference.quality.indexOf(q)]]);
    return known.reduce((a, b) => (Math.abs(Math.log(b[1] / bits)) < Math.abs(Math.log(a[1] / bits)) ? b : a))[0];
  }

  function work() {
    const chosen = study().tables.find((t) => t.name === state.tables), steps = chosen.steps[state.quality];
    const reference = study().tables.find((t) => t.name === study().reference);
    const means = (t, quality) => { const k = t.quality.indexOf(quality); return `${plain(t.bpp_file[k], 3)} bits per pixel, ${plain(t.psnr[k])} dB`; };
    const bits = (t, quality) => t.bpp_file[t.quality.indexOf(quality)];
    const more = (t, quality, than) => { const change = Math.round(100 * (bits(t, quality) / bits(than, state.quality) - 1)); return `${Math.abs(change)} % ${change < 0 ? "fewer" : "more"}`; };
    const other = nearest(reference, bits(chosen, state.quality));
    const image = (source, alt) => h("img", { src: source, alt });
    const jpegs = (t, quality) => (t.files[quality] || []).map((file, i) => image(`data:image/jpeg;base64,${file}`, `${study().crops[i].name} by ${t.title} at quality ${quality}`));
    const size = (t, quality) => (t.files[quality] || []).map((file) => `${Math.round(file.replace(/=+$/, "").length * 3 / 4)}`).join(" and ");
    const many = study().crops.length > 3;
    const originals = study().crops.map((crop) => image(`data:image/png;base64,${crop.png}`, `${crop.name}, original`));
    const mine = jpegs(chosen, state.quality), theirs = jpegs(reference, other);
    const words = (t, quality) => [h("b", {}, `${t.title}, quality ${quality}`), `: ${means(t, quality)} over all pictures.` + (many ? "" : ` These files: ${size(t, quality)} bytes.`)];
    const crops = many
      ? [h("p", {}, h("b", {}, "Originals")), originals, h("p", {}, ...words(chosen, state.quality)), mine, ...(chosen === reference ? [] : [h("p", {}, ...words(reference, other)), theirs])]
      : [...originals.flatMap((original, i) => [original, mine[i], chosen === reference ? h("span") : theirs[i]]),
        h("p", {}, "Left: original. Middle: ", ...words(chosen, state.quality)),
        chosen === reference ? "" : h("p", {}, `Right, the nearest in bits that is kept here (${more(reference, other, chosen)}): `, ...words(reference, other))];
    at("jpeg-tables").replaceChildren(h("div", { class: "workbench" }, h("div", { class: "heats" }, steps.map((values, i) => heat(values, COMPONENTS[steps.length][i]))),
      h("div", { class: "looks" }, h("h4", {}, "Real files, decoded by your browser"), h("div", { class: many ? "crops many" : "crops" }, crops.flat()))));
  }

  function start() {
    controls();
    draw();
    at("jpeg-work").hidden = !atWork().length;
    if (!atWork().length) return;
    const all = qualities();
    const liked = atWork().find((t) => t.name.startsWith("tuned")) || atWork().at(-1);
    state.tables = liked.name;
    state.quality = all[Math.min(2, all.length - 1)];
    choiceOfTables();
    work();
  }

  whenSeen(plot, () => {
    start();
    plot.on("plotly_click", (event) => {
      const found = event.points.find((point) => point.customdata)?.customdata;
      if (!found) return;
      if (!atWork().some((t) => t.name === found[0])) return;
      state.tables = found[0];
      state.quality = qualities().reduce((a, b) => (Math.abs(b - found[1]) < Math.abs(a - found[1]) ? b : a));
      choiceOfTables();
      work();
    });
    addEventListener("resize", () => draw());
  });
}
