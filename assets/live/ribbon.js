// A sequence as a paragraph of coloured cells. `mount(element, payload)` draws one and knows no Streamlit; the adapter is
// at the end. Tokens may be somebody's text: they go through textContent and attributes alone.

const BLACK_ABOVE = 0.179; // the luminance at which black and white text stand out alike, by 4.6 to 1
const inks = new Map();
const ribbons = new WeakMap();

// `payload` is JSON text. Cells that are there already are changed only where they differ.
export function mount(element, payload) {
  if (!ribbons.has(element)) ribbons.set(element, create(element));
  const ribbon = ribbons.get(element);
  if (ribbon.payload === payload) return;
  ribbon.payload = payload;
  const { tokens, colours, texts, under, alt, legend, scale, steps } = JSON.parse(payload);
  ribbon.list.setAttribute("aria-label", alt);
  const { cells, list } = ribbon;
  while (cells.length > tokens.length) cells.pop().element.remove();
  while (cells.length < tokens.length) cells.push(newCell(list));
  cells.forEach((cell, t) => fill(cell, tokens[t], colours[t], texts[t] ?? tokens[t], edge(steps, t), under[t]));
  showLegend(ribbon.legend, legend, scale);
}

function create(element) {
  const list = add(element, "div", "cells");
  list.setAttribute("role", "list");
  list.tabIndex = 0; // a long sequence scrolls, by keyboard too
  return { list, legend: add(element, "div", "legend"), cells: [], payload: null };
}

function newCell(list) {
  const element = add(list, "span", "cell");
  element.setAttribute("role", "listitem");
  return { element, shown: null };
}

// Only the first and the last cell are numbered: between rows there is no room.
function edge(steps, t) {
  return t === 0 || t === steps.length - 1 ? String(steps[t]) : "";
}

function fill(cell, token, colour, text, step, below) {
  const { element } = cell;
  const shown = JSON.stringify([token, colour, text, step, below]);
  if (cell.shown === shown) return;
  cell.shown = shown;
  element.textContent = token;
  if (below !== undefined) add(element, "span", "under").textContent = below;
  element.title = text;
  element.setAttribute("aria-label", text);
  element.style.background = colour;
  element.style.color = inkOn(colour);
  element.dataset.step = step;
}

function showLegend(element, legend, scale) {
  element.replaceChildren();
  element.hidden = !legend;
  if (!legend) return;
  add(element, "span").textContent = legend[0];
  add(element, "i").style.background = `linear-gradient(to right, ${scale.join(", ")})`;
  add(element, "span").textContent = legend[1];
}

function inkOn(colour) {
  if (!inks.has(colour)) inks.set(colour, luminance(colour) > BLACK_ABOVE ? "#000000" : "#ffffff");
  return inks.get(colour);
}

// A canvas knows the red, green and blue of every way to write a colour.
function luminance(colour) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = Array.from(context.getImageData(0, 0, 1, 1).data, (part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function add(parent, tag, name = "") {
  const element = parent.appendChild(document.createElement(tag));
  element.className = name;
  return element;
}

// The adapter: Streamlit calls this again at every change of data or theme.
export default function ({ data, parentElement }) {
  mount(parentElement.querySelector(".ribbon"), new TextDecoder().decode(data));
}
