// A run on a page of its own, without a server: the stage and figures, whose data stand in the page. In a notebook the
// page stands in a frame, which grows with it and whose notebook says whether it is dark.

import { lend, mount as mountFigure } from "../live/live.js";
import { mount as mountStage } from "../stage/stage.js";

const { body, documentElement: root } = document;
const scheme = matchMedia("(prefers-color-scheme: dark)");
const frame = window.frameElement?.matches("iframe.memviz") ? window.frameElement : null;
const host = frame?.ownerDocument.body ?? null;
const payload = read("payload");
const drawn = read("figures").map((figure) => ({ ...figure, element: null, isTabled: false }));

function read(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

// "light" or "dark": as this page was asked to be, else as the notebook around it, else as the browser.
function ground() {
  return root.dataset.wish || groundOfNotebook() || (scheme.matches ? "dark" : "light");
}

// As JupyterLab or VS Code says it; "" where there is neither.
function groundOfNotebook() {
  const { jpThemeLight, vscodeThemeKind } = host?.dataset ?? {};
  if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark";
  if (vscodeThemeKind) return vscodeThemeKind.endsWith("light") ? "light" : "dark";
  return "";
}

function colour() {
  if (root.dataset.ground === ground()) return;
  root.dataset.ground = ground();
  mountStage(document.querySelector(".stage"), payload, { onCommit: () => {}, onNeed: () => {}, isAnswered: false });
  delete payload.position; // where the reader is from now on is theirs
  for (const figure of drawn) draw(figure);
}

function draw(figure) {
  const { name, alt, table, isTabled } = figure;
  figure.element ??= figures.appendChild(Object.assign(document.createElement("div"), { className: "memviz-live" }));
  const shown = { figure: figure[ground()], name, alt, table: isTabled ? table : null, csv: null, source: "" };
  mountFigure(figure.element, JSON.stringify(shown), {
    onTable: (isOpen) => {
      figure.isTabled = isOpen;
      draw(figure);
    },
    onFailure: () => {
      figures.textContent = "The figures are not shown: this browser cannot unpack what draws them. A newer one can.";
    },
  });
}

// plotly.js stands in the page as gzip, a third of its size.
async function plotly() {
  const bytes = Uint8Array.from(atob(read("plotly")), (letter) => letter.charCodeAt(0));
  const text = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(text).text();
  document.head.append(script);
  return window.Plotly;
}

const figures = document.querySelector(".figures");
if (drawn.length > 0) lend(plotly());
colour();
scheme.addEventListener("change", colour);
if (host) {
  new MutationObserver(colour).observe(host, { attributes: true });
  const grow = () => (frame.style.height = `${Math.ceil(body.getBoundingClientRect().height)}px`);
  new ResizeObserver(grow).observe(body);
}
