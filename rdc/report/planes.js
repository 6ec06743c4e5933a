// The accuracy-distortion plane at each rate, the rate-distortion and the rate-accuracy plane.

const VIEWS = { plane: "accuracy – distortion", distortion: "rate – distortion", accuracy: "rate – accuracy" };
const BITS = { entropy_bits: "entropy of the code", coded_bits: "real file", rate: "nominal" };
const WORDS = {
  plane: "Right is more error, up is more images read right, so up and left is better. Grey crosses and stars are codebooks: no network between the bits and the picture. Shaded is what no codebook of the same rate reaches.",
  distortion: "What each codec makes of its bits: lower is better. Dashed is k-means; solid is the best class-aware codebook of each rate.",
  accuracy: "What a classifier still reads after so few bits: higher is better. Dashed is k-means; solid is the best class-aware codebook of each rate.",
};
const NARROW = "(max-width: 60rem)"; // where the panel lies below the plane, as in page.css
const SAME = 0.06; // rates nearer than this are one: 4.755 as published is 3 log2(3)
const BEYOND = 1.6; // times the error of any codebook of its rate, as on the figure
const PUBLISHED = { le: "square-open", nguyen: "circle-open" };

function planes(codecs) {
  const points = codecs.points;
  const rates = unique(points.map((point) => point.rate)).sort((a, b) => a - b);
  const busiest = rates.reduce((best, rate) => (count(rate) > count(best) ? rate : best), rates[0]);
  const datasets = unique(points.map((point) => point.dataset));
  const state = { view: "plane", rate: { plane: String(busiest), distortion: "all", accuracy: "all" }, measure: "own", bits: "entropy_bits",
    dataset: datasets[0], hidden: { study: new Set(), method: new Set() }, published: true };
  const plot = at("planes-plot");
  let chosen = null, columns = 0;

  function count(rate) {
    const near = (item) => Math.abs(item.rate - rate) < SAME;
    return points.filter((point) => near(point) && !codecs.methods[point.method].book).length
      + codecs.published.filter((item) => near(item) && item.accuracy != null).length;
  }

  // Values as [mean, low, high].
  const values = {
    mse: (point) => point.mse,
    read: (point) => (state.measure === "nll" ? point.nll : point.accuracy[state.measure] || [null, null, null]),
    bits: (point) => (state.bits === "rate" ? [point.rate, null, null] : point[state.bits]),
  };
  const sides = () => ({ plane: ["mse", "read"], distortion: ["bits", "mse"], accuracy: ["bits", "read"] })[state.view];
  const isShare = () => state.measure !== "nll";
  const titles = () => ({ mse: "distortion: MSE per pixel", bits: `bits an image (${BITS[state.bits]})`,
    read: isShare() ? "images read right" : "NLL of the true label (nats)" });
  const readers = () => [["own", "its own classifier"], ["judge", "the judge, which no codec trained with"],
    ...codecs.readers.map((name) => [name, `classifier ${name}, for all codecs`]), ["nll", "NLL under its own classifier"]];

  function inScope(item) {
    const rate = state.rate[state.view];
    return rate === "all" || Math.abs(item.rate - Number(rate)) < SAME;
  }

  function shown(point) {
    return point.dataset === state.dataset && !state.hidden.study.has(point.study) && !state.hidden.method.has(point.method)
      && inScope(point) && sides().every((side) => values[side](point)[0] != null);
  }

  function publishedShown() {
    if (!state.published) return [];
    const read = (item) => ({ own: item.accuracy, nll: item.nll })[state.measure] ?? null;
    return codecs.published
      .map((item) => ({ ...item, values: { mse: item.mse, bits: item.rate, read: read(item) } }))
      .filter((item) => !state.hidden.study.has(item.paper) && inScope(item) && sides().every((side) => item.values[side] != null));
  }

  // Controls.
  function controls() {
    const studies = unique([...points.map((point) => point.study), ...codecs.published.map((item) => item.paper)]);
    const rate = state.rate[state.view];
    at("planes-controls").replaceChildren(
      chips("Picture", "view", Object.entries(VIEWS), (value) => value === state.view, "radio", (value) => { state.view = value; refresh(true); }),
      chips("Rate, bits an image", "rate", [...rates.map((r) => [String(r), Number(r.toFixed(2)).toString()]), ["all", "all"]],
        (value) => value === rate, "radio", (value) => { state.rate[state.view] = value; refresh(); }),
      choice("Read by", readers(), state.measure, (value) => { state.measure = value; refresh(); }, "planes-reader"),
      state.view === "plane" ? "" : choice("Bits counted as", Object.entries(BITS), state.bits, (value) => { state.bits = value; refresh(); }, "planes-bits"));
    at("planes-filters").replaceChildren(
      chips("Papers", "study", studies.map((name) => [name, capital(name)]), (name) => !state.hidden.study.has(name), "checkbox",
        (name, on) => { state.hidden.study[on ? "delete" : "add"](name); refresh(); }),
      datasets.length > 1 ? choice("Images", datasets.map((name) => [name, name]), state.dataset, (value) => { state.dataset = value; refresh(); }, "planes-dataset") : "",
      codecs.published.length ? chips("Beside", "published", [["on", "published points"]], () => state.published, "checkbox",
        (_, on) => { state.published = on; refresh(); }) : "");
  }

  function legend() {
    const entries = Object.entries(codecs.methods).map(([name, look]) => {
      const label = h("label", { class: state.hidden.method.has(name) ? "off" : "" },
        h("input", { type: "checkbox", name: "method", value: name, checked: !state.hidden.method.has(name),
          onchange: (event) => {
            state.hidden.method[event.target.checked ? "delete" : "add"](name);
            label.classList.toggle("off", !event.target.checked);
            refresh();
          } }));
      label.insertAdjacentHTML("beforeend", glyph(look));
      label.append(look.name);
      return label;
    });
    const all = (on) => {
      state.hidden.method = new Set(on ? [] : Object.keys(codecs.methods).filter((name) => !codecs.methods[name].book));
      legend();
      refresh();
    };
    at("planes-methods").replaceChildren(h("legend", {}, "Methods"), h("div", { class: "entries" }, entries),
      h("p", {}, h("button", { type: "button", onclick: () => all(true) }, "all"), h("button", { type: "button", onclick: () => all(false) }, "codebooks only"),
        " Hollow: no dither. Bars: 95 % intervals.", codecs.published.length ? " Open squares (Le) and circles (Nguyen) in black: as published." : ""));
  }

  // Drawing.
  function hover(point) {
    const lines = [`<b>${pointName(codecs, point)}</b>`, pointPlace(point),
      `MSE ${measured(point.mse, (v) => plain(v))}`,
      `read right ${measured(point.accuracy.own, (v) => percent(v, 1))} by ${point.classifier}`,
      `… ${measured(point.accuracy.judge, (v) => percent(v, 1))} by the judge`,
      `NLL ${measured(point.nll, (v) => plain(v, 3))} nats`,
      `bits: entropy ${plain(point.entropy_bits[0])}, real file ${plain(point.coded_bits[0])}`,
      `<i>${point.cells.length > 1 ? `mean and 95 % over ${point.cells.length} seeds` : "95 % over test images"}; click for pictures</i>`];
    return lines.join("<br>");
  }

  function methodTraces(own, axes) {
    const [horizontal, vertical] = sides();
    return Object.keys(codecs.methods).flatMap((name) => {
      const look = codecs.methods[name], rows = own.filter((point) => point.method === name);
      if (!rows.length) return [];
      const bars = (side) => {
        const all = rows.map((point) => values[side](point));
        return { type: "data", symmetric: false, array: all.map(([v, , high]) => (high == null ? 0 : high - v)),
          arrayminus: all.map(([v, low]) => (low == null ? 0 : v - low)), color: `${look.colour}66`, thickness: 1, width: 0 };
      };
      const mean = (side) => rows.map((point) => values[side](point)[0]);
      const open = (point) => !look.book && !point.dither;
      return [{ type: "scatter", mode: "markers", name: look.name, ...axes, x: mean(horizontal), y: mean(vertical),
        error_x: bars(horizontal), error_y: bars(vertical), customdata: rows.map((point) => point.id), text: rows.map(hover),
        hovertemplate: "%{text}<extra></extra>",
        marker: { color: look.colour, size: look.book ? 9 : 10, symbol: rows.map((point) => look.symbol + (open(point) ? "-open" : "")),
          line: { color: rows.map((point) => (open(point) ? look.colour : "#fff")), width: rows.map((point) => (open(point) ? 2 : look.book ? 0 : 1)) } } }];
    });
  }

  function publishedTraces(items, axes) {
    const [horizontal, vertical] = sides();
    return Object.keys(PUBLISHED).flatMap((paper) => {
      const rows = items.filter((item) => item.paper === paper);
      const named = state.rate[state.view] !== "all" && state.view === "plane";
      return rows.length ? [{ type: "scatter", mode: "markers", name: `${capital(paper)}, published`, ...axes,
        x: rows.map((item) => item.values[horizontal]), y: rows.map((item) => item.values[vertical]),
        hovertext: rows.map((item) => `<b>${item.name}, as published</b><br>${bitsName(item.rate)}, MSE ${plain(item.mse)}` +
          (item.accuracy == null ? "" : `, ${percent(item.accuracy)} read right`) + (item.nll == null ? "" : `, NLL ${plain(item.nll)} nats`)),
        ...(named ? { mode: "markers+text", text: rows.map((item) => (item.label ? ` ${capital(paper)}: ${item.label} ` : "")), textposition: rows.map((_, i) => (i % 2 ? "middle left" : "middle right")), textfont: { ...FONT, size: 11, color: SOFT }, cliponaxis: false } : {}),
        hovertemplate: "%{hovertext}<extra></extra>", marker: { symbol: PUBLISHED[paper], size: 9, color: "#000", line: { width: 1.3 } } }] : [];
    });
  }

  // In the plane: the staircase of what codebooks reach, and what they leave open.
  function staircase(own, axes, ranges) {
    const books = own.filter((point) => codecs.methods[point.method].book)
      .map((point) => [values.mse(point)[0], values.read(point)[0]]).sort((a, b) => a[0] - b[0]);
    if (!books.length) return [];
    const better = isShare() ? Math.max : Math.min, far = isShare() ? ranges.y[1] : ranges.y[0];
    const x = [], y = [];
    let best = books[0][1];
    books.forEach(([mse, read], i) => {
      if (i) { x.push(mse); y.push(best); }
      best = better(best, read);
      x.push(mse);
      y.push(best);
    });
    const end = ranges.x[1], from = ranges.x[0];
    x.push(end);
    y.push(best);
    const line = { type: "scatter", mode: "lines", hoverinfo: "skip", ...axes };
    const floor = isShare() ? ranges.y[0] : ranges.y[1];
    return [{ ...line, x: [from, x[0], ...x, end, from], y: [floor, floor, ...y, far, far], fill: "toself", fillcolor: "rgba(0,158,115,.09)", line: { width: 0 } },
      { ...line, x: [x[0], ...x], y: [floor, ...y], line: { color: "#444", width: 1 } }];
  }

  // Over rates: the best codebook of each, k-means and class-aware.
  function references(own, axes) {
    const [, vertical] = sides();
    const lower = vertical === "mse" || !isShare();
    return [["vq", "dash"], ["class_vq", "solid"]].flatMap(([method, dash]) => {
      const rows = own.filter((point) => point.method === method);
      const best = unique(rows.map((point) => point.rate)).sort((a, b) => a - b).map((rate) =>
        rows.filter((point) => point.rate === rate).map((point) => [values.bits(point)[0], values[vertical](point)[0]])
          .reduce((a, b) => ((lower ? b[1] < a[1] : b[1] > a[1]) ? b : a)));
      return best.length ? [{ type: "scatter", mode: "lines", hoverinfo: "skip", ...axes, x: best.map((b) => b[0]), y: best.map((b) => b[1]),
        line: { color: "#444", width: 1.2, dash } }] : [];
    });
  }

  function cleanAccuracy() {
    if (!isShare() || sides()[1] !== "read") return null;
    const clean = codecs.clean[state.dataset] || {};
    if (state.measure !== "own") return clean[state.measure] ?? null;
    return Math.max(...points.filter((point) => point.dataset === state.dataset).map((point) => point.clean));
  }

  function panels(visible, items) {
    if (state.view !== "plane" || state.rate.plane !== "all") return [null];
    return rates.filter((rate) => [...visible, ...items].some((item) => Math.abs(item.rate - rate) < SAME));
  }

  // So far off that the plane would show little but the way there; once chosen, it is in the picture.
  function isFar(point) {
    const books = points.filter((other) => codecs.methods[other.method].book && other.dataset === point.dataset && Math.abs(other.rate - point.rate) < SAME);
    return state.view === "plane" && point !== chosen && books.length > 0 && point.mse[0] > BEYOND * Math.max(...books.map((book) => book.mse[0]));
  }

  function draw() {
    const visible = points.filter(shown), items = publishedShown();
    const found = panels(visible, items), width = plot.clientWidth;
    columns = found.length === 1 ? 1 : Math.max(1, Math.min(3, Math.floor(width / 260)));
    const lines = Math.ceil(found.length / columns), [horizontal, vertical] = sides(), clean = cleanAccuracy();
    const traces = [], pieces = { annotations: [], shapes: [] };
    found.forEach((rate, i) => {
      const near = (item) => rate == null || Math.abs(item.rate - rate) < SAME;
      const own = visible.filter(near), theirs = items.filter(near);
      const key = i ? String(i + 1) : "", axes = { xaxis: `x${key}`, yaxis: `y${key}` };
      const spread = (side) => [...own.filter((point) => !isFar(point)).flatMap((point) => values[side](point)), ...theirs.map((item) => item.values[side])];
      const column = i % columns, line = Math.floor(i / columns);
      const high = lines > 1 ? 0.3 / lines : 0;
      const x = axis(titles()[horizontal], spread(horizontal), { logarithmic: horizontal === "mse", small: found.length > 1 });
      const y = axis(titles()[vertical], spread(vertical), { share: vertical === "read" && isShare(), logarithmic: vertical === "mse" || !isShare(),
        top: vertical === "read" ? clean : null });
      const slot = (k, n, space) => { const size = (1 - space * (n - 1)) / n; return [k * (size + space), k * (size + space) + size]; };
      x.domain = slot(column, columns, columns > 1 ? 0.09 : 0);
      y.domain = slot(lines - 1 - line, lines, high);
      x.anchor = `y${key}`;
      y.anchor = `x${key}`;
      if (column) y.title = { text: "" };
      if (i + columns < found.length) x.title = { text: "" };
      if (found.length > 1) { x.nticks = 4; y.nticks = 5; }
      pieces[`xaxis${key}`] = x;
      pieces[`yaxis${key}`] = y;
      const reach = (a) => (a.range ? (a.type === "log" ? a.range.map((v) => 10 ** v) : a.range) : [0, 1]);
      const ranges = { x: reach(x), y: reach(y) };
      traces.push(...(state.view === "plane" ? staircase(own, axes, ranges) : references(own, axes)));
      if (clean != null) {
        traces.push({ type: "scatter", mode: "lines", hoverinfo: "skip", ...axes, x: ranges.x, y: [clean, clean], line: { color: SOFT, width: 1, dash: "dot" } });
        if (!i) pieces.annotations.push({ xref: `x${key} domain`, yref: `y${key}`, x: 1, y: clean, xanchor: "right", yanchor: "bottom", showarrow: false,
          text: "clean images", font: { ...FONT, size: 11, color: SOFT } });
      }
      traces.push(...publishedTraces(theirs, axes), ...methodTraces(own, axes));
      if (chosen && own.includes(chosen)) {
        traces.push({ type: "scatter", mode: "markers", hoverinfo: "skip", ...axes, x: [values[horizontal](chosen)[0]], y: [values[vertical](chosen)[0]],
          marker: { symbol: "circle-open", size: 22, color: INK, line: { width: 1.6 } } });
      }
      if (found.length > 1) pieces.annotations.push({ xref: `x${key} domain`, yref: `y${key} domain`, x: 0, y: 1, xanchor: "left", yanchor: "bottom",
        showarrow: false, text: `<b>${bitsName(rate)}</b>`, font: FONT });
    });
    if (!visible.length && !items.length) pieces.annotations.push({ xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false,
      text: "No codec of this run fits these filters.", font: { ...FONT, color: SOFT } });
    const tall = found.length === 1 ? Math.max(380, Math.min(540, width * 0.72)) : 250 * lines + 60;
    plot.querySelector(".waiting")?.remove();
    Plotly.react(plot, traces, layout({ ...pieces, height: tall }), CONFIG);
    const far = visible.filter(isFar).length;
    at("planes-count").textContent = `${visible.length} of ${points.length} points` + (items.length ? `, ${items.length} published ones` : "")
      + (items.length && state.view !== "plane" && state.bits !== "rate" ? " (at their nominal rate)" : "")
      + (state.view === "plane" && state.rate.plane !== "all" ? ` at ${bitsName(Number(state.rate.plane))}` : "")
      + (far ? `; ${far} off the scale, to be chosen in the table below` : "");
    table(visible);
  }

  // The same points as a table, each row opening the same panel.
  function table(visible) {
    const fields = [["codec", null], ["Paper", (p) => capital(p.study)], ["Bits", (p) => p.rate], ["Entropy", (p) => p.entropy_bits[0]], ["Real file", (p) => p.coded_bits[0]],
      ["MSE", (p) => p.mse[0]], [isShare() ? "Read right" : "NLL", (p) => values.read(p)[0]], ["Judge", (p) => p.accuracy.judge[0]], ["Seeds", (p) => p.cells.length], ["Epochs", (p) => p.epochs]];
    const form = (name, value) => (typeof value === "string" ? value : /right|Judge/.test(name) ? percent(value, 1) : plain(value));
    const rows = visible.map((point) => h("tr", { "data-id": point.id, class: point === chosen ? "chosen" : "" },
      h("td", { "data-value": pointName(codecs, point) }, h("button", { type: "button", class: "open", onclick: () => choose(point, true) },
        pointName(codecs, point) + (point.dither || codecs.methods[point.method].book ? "" : ", no dither"))),
      fields.slice(1).map(([name, of]) => h("td", { class: typeof of(point) === "string" ? "" : "n", "data-value": of(point) ?? "" }, form(name, of(point))))));
    const built = h("table", { class: "points" }, h("thead", {}, h("tr", {}, fields.map(([name], i) => h("th", { class: i > 1 ? "n" : "" }, name === "codec" ? "Codec" : name)))), h("tbody", {}, rows));
    sortable(built);
    at("points-table").replaceChildren(built);
  }

  function choose(point, move) {
    chosen = point;
    showDetail(codecs, point);
    draw();
    if (move || matchMedia(NARROW).matches) {
      at("detail").focus({ preventScroll: true });
      at("detail").scrollIntoView({ block: "start" });
    }
  }

  function refresh(rebuild) {
    at("planes-caption").textContent = WORDS[state.view];
    if (rebuild) controls();
    draw();
  }

  const first = points.filter((point) => String(point.rate) === state.rate.plane);
  const best = (rows) => rows.reduce((a, b) => (b && b.accuracy.judge[0] - 8 * b.mse[0] > a.accuracy.judge[0] - 8 * a.mse[0] ? b : a), rows[0]);
  chosen = best(first.filter((point) => !codecs.methods[point.method].book)) || first[0];
  at("points").open = !matchMedia(NARROW).matches;
  legend();
  refresh(true);
  showDetail(codecs, chosen);
  plot.on("plotly_click", (event) => {
    const id = event.points.map((point) => point.customdata).find((value) => value != null);
    if (id != null) choose(points.find((point) => point.id === id), false);
  });
  let waiting = null;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(draw, 150); });
  return { choose };
}

// A method's symbol as a small drawing, for the list of methods.
function glyph(look) {
  const c = look.colour, fill = `fill="${c}"`, stroke = `fill="none" stroke="${c}" stroke-width="2"`;
  const star = (n, inner) => Array.from({ length: 2 * n }, (_, i) => {
    const r = i % 2 ? inner : 6.4, angle = (Math.PI * i) / n - Math.PI / 2;
    return `${(7 + r * Math.cos(angle)).toFixed(1)},${(7 + r * Math.sin(angle)).toFixed(1)}`;
  }).join(" ");
  const shapes = {
    circle: `<circle cx="7" cy="7" r="5" ${fill}/>`,
    square: `<rect x="2.5" y="2.5" width="9" height="9" ${fill}/>`,
    diamond: `<path d="M7 1 13 7 7 13 1 7Z" ${fill}/>`,
    "triangle-up": `<path d="M7 2 12.5 12H1.5Z" ${fill}/>`,
    "triangle-down": `<path d="M7 12 1.5 2H12.5Z" ${fill}/>`,
    cross: `<path d="M5 1.5H9V5H12.5V9H9V12.5H5V9H1.5V5H5Z" ${fill}/>`,
    x: `<path d="M2.5 2.5 11.5 11.5M11.5 2.5 2.5 11.5" ${stroke}/>`,
    star: `<polygon points="${star(5, 2.6)}" ${fill}/>`,
    hexagram: `<polygon points="${star(6, 3.7)}" ${fill}/>`,
  };
  return `<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">${shapes[look.symbol]}</svg>`;
}
