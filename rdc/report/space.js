// Zhang's Fig 3b: rate, distortion and classification loss in three dimensions.

function sheets(points) {
  const groups = new Map();
  for (const point of points.filter((p) => p.lam != null)) {
    const key = [point.dataset, point.study, point.method, point.recipe, point.dither].join("|");
    groups.set(key, [...(groups.get(key) || []), point]);
  }
  return [...groups.values()].filter((own) => unique(own.map((p) => p.rate)).length > 1)
    .sort((a, b) => b.length - a.length);
}

function space(codecs, choose) {
  const plot = at("space-plot");
  const found = sheets(codecs.points.filter((point) => !codecs.methods[point.method].book));
  if (!found.length) {
    at("space").hidden = true;
    document.querySelector('nav a[href="#space"]')?.remove();
    return;
  }
  const state = { sheet: 0, z: "nll", angle: -2.1, turning: null };
  const heights = { nll: ["NLL (nats)", (p) => p.nll[0]], own: ["images read right", (p) => p.accuracy.own[0]],
    judge: ["read right by the judge", (p) => p.accuracy.judge[0]] };
  const eye = () => {
    const far = plot.clientWidth < 560 ? 2.4 : 1.75;
    return { x: far * Math.cos(state.angle), y: far * Math.sin(state.angle), z: 0.4 * far };
  };

  const describe = (own) => `${codecs.methods[own[0].method].name}: ${capital(own[0].study)}, ${own[0].dataset}, recipe ${own[0].recipe}`;
  at("space-controls").replaceChildren(
    choice("Codecs", found.map((own, i) => [String(i), describe(own)]), "0", (value) => { state.sheet = Number(value); draw(); }, "space-sheet"),
    choice("Upwards", Object.entries(heights).map(([name, [title]]) => [name, title]), "nll", (value) => { state.z = value; draw(); }, "space-height"),
    h("span", {}, h("button", { type: "button", "aria-label": "Turn left", onclick: () => turn(0.26) }, "⟲ turn"), " ",
      h("button", { type: "button", "aria-label": "Turn right", onclick: () => turn(-0.26) }, "turn ⟳"), " ",
      h("button", { type: "button", id: "space-spin", "aria-pressed": "false", onclick: spin }, "keep turning")));

  function turn(by) {
    state.angle += by;
    return Plotly.relayout(plot, { "scene.camera.eye": eye() });
  }

  function spin() {
    const button = at("space-spin");
    clearInterval(state.turning);
    state.turning = state.turning ? null : setInterval(() => turn(-0.03), 60);
    button.setAttribute("aria-pressed", String(Boolean(state.turning)));
    button.textContent = state.turning ? "stop" : "keep turning";
  }

  function draw() {
    const own = found[state.sheet], [title, height] = heights[state.z];
    const rates = unique(own.map((p) => p.rate)).sort((a, b) => a - b), lams = unique(own.map((p) => p.lam)).sort((a, b) => a - b);
    const whole = lams.filter((lam) => 2 * own.filter((p) => p.lam === lam).length > rates.length); // a gap would tear the sheet
    const cell = (rate, lam) => own.find((p) => p.rate === rate && p.lam === lam);
    const grid = (of) => whole.map((lam) => rates.map((rate) => { const p = cell(rate, lam); return p ? of(p) : null; }));
    const books = codecs.points.filter((p) => p.method === "vq" && p.dataset === own[0].dataset).sort((a, b) => a.rate - b.rate);
    const hover = (p) => `<b>${pointName(codecs, p)}</b><br>${bitsName(p.rate)}<br>MSE ${plain(p.mse[0])}<br>NLL ${plain(p.nll[0], 3)} nats` +
      `<br>read right ${percent(p.accuracy.own[0], 1)}, by the judge ${percent(p.accuracy.judge[0], 1)}`;
    const dots = (rows, extra) => ({ type: "scatter3d", x: rows.map((p) => p.rate), y: rows.map((p) => p.mse[0]), z: rows.map(height),
      customdata: rows.map((p) => p.id), text: rows.map(hover), hovertemplate: "%{text}<extra></extra>", ...extra });
    const traces = [
      whole.length > 1 ? { type: "surface", x: grid((p) => p.rate), y: grid((p) => p.mse[0]), z: grid(height), colorscale: "Cividis", opacity: 0.82, showscale: false, connectgaps: false,
        hoverinfo: "skip", contours: { x: { highlight: false }, y: { highlight: false }, z: { highlight: false } } } : null,
      ...lams.map((lam) => dots(own.filter((p) => p.lam === lam).sort((a, b) => a.rate - b.rate), { mode: "lines+markers", line: { color: "#333", width: 2 },
        marker: { color: codecs.methods[own[0].method].colour, size: 4.5, line: { color: "#fff", width: 1 } } })),
      dots(books, { mode: "lines+markers", line: { color: "#444", width: 3, dash: "dash" }, marker: { color: "#444", size: 4, symbol: "diamond" } }),
    ].filter(Boolean);
    const side = (text) => ({ title: { text, font: { ...FONT, size: 12 } }, gridcolor: LINE, zeroline: false, tickfont: { ...FONT, size: 11 }, showspikes: false, nticks: 6 });
    plot.querySelector(".waiting")?.remove();
    Plotly.react(plot, traces, layout({ height: plot.clientHeight, margin: { l: 0, r: 0, t: 0, b: 0 },
      scene: { xaxis: side("rate (bits)"), yaxis: side("MSE per pixel"), zaxis: side(title), camera: { eye: eye(), center: { x: 0, y: 0, z: -0.12 } }, aspectmode: "cube" } }), CONFIG);
  }

  whenSeen(plot, () => {
    draw();
    plot.on("plotly_click", (event) => choose(codecs.points.find((p) => p.id === event.points[0].customdata), true));
  });
}
