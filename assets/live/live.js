// Plotly figures that are updated in place. `mount(element, payload, callbacks)` draws one and knows no Streamlit;
// streamlit.js and share/page.js are what calls it. Titles, labels and tables may hold somebody's text: it goes through
// textContent or plotly alone.

import { Brush } from "./brush.js";

const LIBRARY = Symbol.for("memviz.plotly");
const CONFIG = { displayModeBar: false, doubleClick: false, showTips: false, responsive: false };
const PATIENCE_MS = 30_000;
const OUT_OF_SIGHT_MS = 250;
const SEEN_FROM = 0.2; // share of a figure that is in sight
const AXIS = /^[xy]axis\d*$/;
const figures = new WeakMap();

// `payload` is JSON text; without a `source` to load the library from it is given by `lend`. `callbacks`: onTable(open)
// when the table is asked for, onFailure() when nothing can be drawn, onCsv(number), if there is such a file, when it is
// asked for, and again with 0 when it has come, onMove({value, serial}) when the threshold of a figure that has one was
// dragged.
export function mount(element, payload, callbacks) {
  let live = figures.get(element);
  if (!live) {
    live = create(element);
    figures.set(element, live);
  }
  live.callbacks = callbacks;
  if (live.text === payload) return live;
  live.text = payload;
  live.payload = JSON.parse(payload);
  show(live);
  return live;
}

// A promise of the library, on a page that holds it itself.
export function lend(library) {
  window[LIBRARY] = library;
}

export function unmount(element) {
  const live = figures.get(element);
  if (!live) return;
  figures.delete(element);
  live.observer.disconnect();
  live.sight.disconnect();
  clearTimeout(live.idle);
  live.plotly?.purge(live.chart);
  element.replaceChildren();
}

function create(element) {
  const frame = add(element, "div", "frame");
  const live = { frame, chart: add(frame, "div", "chart"), rows: null, plotly: null, text: null, pointer: null, wanted: 0 };
  add(frame, "div", "skeleton");
  live.chart.setAttribute("role", "img");
  live.tools = add(element, "div", "tools");
  live.tools.setAttribute("role", "group");
  live.table = button(live, "Table", "Show the figure's numbers", () => live.callbacks.onTable(!live.payload.table));
  live.csv = button(live, "CSV", "Save all of the figure's numbers, for a spreadsheet or a program", () => askForCsv(live));
  live.files = [
    button(live, "PNG", "Save as a picture", () => saveImage(live, "png")),
    button(live, "SVG", "Save as a drawing", () => saveImage(live, "svg")),
    button(live, "HTML", "Save as a page that needs no network", () => savePage(live)),
  ];
  live.reset = button(live, "Reset zoom", "Show the whole figure; a double click does it, too", () => resetZoom(live));
  for (const file of live.files) file.disabled = true;
  live.reset.hidden = true;
  live.chart.addEventListener("pointermove", (event) => (live.pointer = event));
  live.chart.addEventListener("pointerleave", () => (live.pointer = null));
  live.observer = new ResizeObserver(() => fit(live));
  live.observer.observe(frame);
  live.sight = new IntersectionObserver(
    (entries) => {
      live.isSeen = entries.at(-1).intersectionRatio >= SEEN_FROM;
      if (live.isSeen) live.whenSeen?.();
    },
    { threshold: SEEN_FROM },
  );
  live.sight.observe(frame);
  return live;
}

function show(live) {
  const { figure, name, alt, table, csv } = live.payload;
  live.frame.style.height = `${figure.layout.height}px`;
  live.chart.setAttribute("aria-label", alt);
  live.tools.setAttribute("aria-label", `Tools of the figure ${name}`);
  live.csv.hidden = !live.callbacks.onCsv;
  live.files.at(-1).hidden = !live.payload.source;
  showTable(live, table);
  if (live.payload.brush) brushOf(live).take(live.payload.brush);
  if (csv) saveCsv(live, csv);
  draw(live, live.payload).catch((problem) => {
    console.warn("memviz: a figure could not be drawn in place:", problem);
    live.callbacks.onFailure();
  });
}

async function draw(live, payload) {
  const plotly = await library(payload.source);
  await inSight(live);
  // A newer figure, or the end of this one, may have come while the library was loading.
  if (live.payload !== payload || !live.chart.isConnected) return;
  const { data, layout } = asBrushed(live, structuredClone(payload.figure));
  delete layout.height; // the frame has it
  layout.uirevision = revision(layout);
  // Lines that were switched off in the legend stay off as long as the legend has the same lines.
  layout.legend = { ...layout.legend, uirevision: JSON.stringify(data.map((trace) => trace.name)) };
  live.drawn = payload.figure.layout;
  await plotly.react(live.chart, data, layout, CONFIG);
  if (!live.plotly) begin(live, plotly);
  live.brush?.place();
  showZoom(live);
  hoverAgain(live);
}

function brushOf(live) {
  live.brush ??= new Brush(
    live.frame,
    live.chart,
    () => {
      cancelAnimationFrame(live.soon);
      live.soon = requestAnimationFrame(() => draw(live, live.payload).catch(() => live.callbacks.onFailure()));
    },
    (at) => live.callbacks.onMove(at),
  );
  return live.brush;
}

function asBrushed(live, figure) {
  return live.brush ? live.brush.applied(figure) : figure;
}

// What cannot be seen is drawn when the page has nothing else to do, or when it comes into sight.
function inSight(live) {
  if (live.isSeen) return null;
  return new Promise((resolve) => {
    live.whenSeen = resolve;
    clearTimeout(live.idle);
    live.idle = setTimeout(resolve, OUT_OF_SIGHT_MS);
  });
}

function begin(live, plotly) {
  live.plotly = plotly;
  live.frame.classList.add("drawn");
  live.chart.on("plotly_relayout", () => showZoom(live));
  live.chart.on("plotly_doubleclick", () => resetZoom(live));
  for (const file of live.files) file.disabled = false;
}

// A zoom is kept while this is the same: the same axes, and as many timesteps. In a sequence of another length the old
// window means something else, so the whole of it is shown.
function revision(layout) {
  const axes = Object.keys(layout).filter((name) => AXIS.test(name));
  return JSON.stringify(axes.sort().map((name) => [name, name.startsWith("x") && layout[name].range]));
}

// Of the figure that is drawn: a newer one may wait, with other axes.
function showZoom(live) {
  const wanted = live.drawn;
  const shown = live.chart.layout;
  live.reset.hidden = !Object.keys(wanted).some((name) => {
    if (!AXIS.test(name)) return false;
    const range = wanted[name].range;
    return range ? !same(range, shown[name].range) : shown[name].autorange === false;
  });
}

function same(a, b) {
  return a.every((end, k) => Math.abs(end - b[k]) < 1e-9);
}

async function resetZoom(live) {
  const change = {};
  for (const [name, axis] of Object.entries(live.drawn)) {
    if (!AXIS.test(name)) continue;
    if (axis.range) change[`${name}.range`] = [...axis.range];
    else change[`${name}.autorange`] = axis.autorange ?? true;
  }
  const focused = document.activeElement === live.reset;
  await live.plotly.relayout(live.chart, change);
  if (focused) live.table.focus(); // the button is gone; the keyboard must not start over at the top of the page
}

// Drawing anew takes the hover label away; the pointer that rests on the figure gets it back.
function hoverAgain(live) {
  if (!live.pointer) return;
  const { clientX, clientY } = live.pointer;
  const under = document.elementFromPoint(clientX, clientY);
  if (!under || !live.chart.contains(under)) return;
  under.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, clientX, clientY, view: window }));
}

function fit(live) {
  if (!live.plotly || live.chart.offsetWidth === 0) return;
  const resized = live.plotly.Plots.resize(live.chart);
  resized.then(() => live.brush?.place()).catch(() => {}); // it rejects when the figure is hidden meanwhile
}

function saveImage(live, format) {
  const { clientWidth: width, clientHeight: height } = live.chart;
  live.plotly.downloadImage(live.chart, { format, scale: 2, width, height, filename: `memviz-${live.payload.name}` });
}

async function savePage(live) {
  const { figure, name, source } = live.payload;
  const script = await (await fetch(new URL(source, document.baseURI))).text();
  // A figure's text could otherwise end the script that it stands in.
  const drawn = JSON.stringify([figure.data, figure.layout]).replaceAll("<", "\\u003c");
  const page = [
    `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>memviz: ${name}</title>\n<div id="figure"></div>\n`,
    `<script>${script}</script>\n`,
    `<script>Plotly.newPlot("figure", ...${drawn}, { displaylogo: false, responsive: true });</script>\n</html>\n`,
  ];
  save(page, "text/html", `memviz-${name}.html`);
}

// The server has all rows, this page at most those of the table. A number that was never used before tells a new wish
// from an old one, of a figure that was here earlier.
function askForCsv(live) {
  live.wanted = Date.now();
  live.callbacks.onCsv(live.wanted);
}

// The file comes with every answer of the server until it hears that it has come.
function saveCsv(live, { number, text }) {
  live.payload.csv = null; // it may be large
  if (live.wanted && live.wanted !== number) return; // asked for again: the answer to that is on its way
  if (live.wanted) save([text], "text/csv", `memviz-${live.payload.name}.csv`);
  live.wanted = 0;
  live.callbacks.onCsv(0);
}

function save(parts, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function showTable(live, table) {
  live.table.setAttribute("aria-pressed", String(Boolean(table)));
  live.frame.classList.toggle("tabled", Boolean(table));
  const scrolled = live.rows?.scrollTop ?? 0;
  const focused = document.activeElement === live.rows;
  live.rows?.remove();
  live.rows = table ? add(live.frame, "div", "rows") : null;
  if (!table) return;
  live.rows.tabIndex = 0;
  live.rows.setAttribute("role", "region");
  live.rows.setAttribute("aria-label", `Table of the figure ${live.payload.name}`);
  fill(add(live.rows, "table"), table);
  live.rows.scrollTop = scrolled;
  if (focused) live.rows.focus();
}

function fill(element, { columns, rows, total }) {
  const count = (n) => n.toLocaleString("en");
  add(element, "caption").textContent =
    rows.length < total ? `The first ${count(rows.length)} of ${count(total)} rows` : `${count(total)} rows`;
  const head = add(add(element, "thead"), "tr");
  for (const name of columns) {
    const cell = add(head, "th");
    cell.scope = "col";
    cell.textContent = name;
  }
  const body = add(element, "tbody");
  for (const row of rows) {
    const line = add(body, "tr");
    for (const value of row) add(line, "td").textContent = value;
  }
}

// The library, loaded once for all figures of the document: a second figure waits for the same promise.
function library(source) {
  window[LIBRARY] ??= new Promise((resolve, reject) => {
    const before = window.Plotly;
    const script = document.createElement("script");
    script.src = new URL(source, document.baseURI);
    setTimeout(() => reject(new Error(`${script.src} did not load in ${PATIENCE_MS} ms`)), PATIENCE_MS);
    script.onerror = () => reject(new Error(`${script.src} did not load`));
    // A server without the route answers with a page and status 200: only the library itself is a success.
    script.onload = () =>
      window.Plotly && window.Plotly !== before ? resolve(window.Plotly) : reject(new Error("no plotly.js there"));
    document.head.appendChild(script);
  });
  return window[LIBRARY];
}

function button(live, text, title, act) {
  const element = add(live.tools, "button");
  element.type = "button";
  element.textContent = text;
  element.title = title;
  element.addEventListener("click", act);
  return element;
}

function add(parent, tag, name) {
  const element = parent.appendChild(document.createElement(tag));
  if (name) element.className = name;
  return element;
}
