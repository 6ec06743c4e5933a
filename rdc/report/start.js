// The page begins: what can be used without plotly.js first, then the pictures.

async function begin() {
  document.querySelectorAll("table.sortable").forEach(sortable);
  ledger();
  gallery();
  const [library, data] = await Promise.all([unpack("plotly"), unpack("data")]);
  document.head.append(h("script", {}, library));
  const { codecs, jpeg } = JSON.parse(data);
  if (codecs && codecs.points.length) {
    const { choose } = planes(codecs);
    space(codecs, choose);
  }
  if (jpeg.length) jpegWing(jpeg);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

begin().catch((error) => {
  at("trouble").hidden = false;
  at("trouble").textContent = `This page could not draw its pictures (${error.message}). It needs a browser of 2023 or later.`;
  throw error;
});
