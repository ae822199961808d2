// The panels of the small multiples: a strip of units by time, a line of norms, and the tokens above them.

import { colourScale } from "../colours.js";
import { html, svg } from "../dom.js";
import { MINUS, number } from "../numbers.js";

const LEAST = 0.18; // how strong the smallest gradient is, so that it can be told from 0
const LETTER = 7.6; // px that a letter of the ribbon takes
const ROOM = { top: 6, bottom: 6 };

// A function from a value of a row to its colour: gates and sizes run from the ground up, signed values from both ends.
export function colourOf(row, scales, ground) {
  const colours = scales[row.scale === "signed" ? "diverging" : "sequential"][ground];
  const scale = colourScale(colours, [0, 1]);
  if (row.range === null) return () => scale(0);
  if (row.scale !== "log") return colourScale(colours, row.range);
  const [low, high] = row.range;
  return (log) => scale(log === -Infinity ? 0 : LEAST + ((1 - LEAST) * (log - low)) / (high - low));
}

// The colours of a row's scale from its low to its high end.
export function samplesOf(row, scales, ground) {
  const colours = scales[row.scale === "signed" ? "diverging" : "sequential"][ground];
  if (row.scale !== "log") return colours;
  const scale = colourScale(colours, [0, 1]);
  return [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const [r, g, b] = scale(LEAST + (1 - LEAST) * share);
    return `rgb(${r}, ${g}, ${b})`;
  });
}

// A number of a row as it is written; that of a size is a logarithm.
export function written(row, value) {
  return row.scale === "log" ? powerOfTen(value) : number(value);
}

// A number by its log10, of any size, as memviz/theme.py writes it.
export function powerOfTen(log, digits = 2) {
  if (Number.isNaN(log)) return "undefined";
  if (!Number.isFinite(log)) return log > 0 ? "∞" : "0";
  if (Math.abs(log) < 300) return number(10 ** log, digits);
  let power = Math.floor(log);
  let mantissa = (10 ** (log - power)).toFixed(digits - 1);
  if (mantissa.startsWith("10")) [mantissa, power] = [(1).toFixed(digits - 1), power + 1];
  return `${mantissa}e${power}`.replaceAll("-", MINUS);
}

// A power of ten at the end of a scale.
export function power(exponent) {
  if (exponent === 0 || exponent === 1) return String(10 ** exponent);
  return `1e${exponent}`.replaceAll("-", MINUS);
}

// One pixel for each number; the browser stretches it.
export function paint(canvas, values, time, units, colour) {
  canvas.width = time;
  canvas.height = units;
  const context = canvas.getContext("2d");
  const image = context.createImageData(time, units);
  for (let t = 0; t < time; t += 1) {
    for (let unit = 0; unit < units; unit += 1) {
      const [r, g, b] = colour(values[t * units + unit]);
      const at = (unit * time + t) * 4;
      image.data[at] = r;
      image.data[at + 1] = g;
      image.data[at + 2] = b;
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}

// The norms of a run as a line over the middles of its steps; an exact 0 is a cross on the floor.
export function drawLine(figure, values, range, width, height) {
  figure.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const step = width / values.length;
  const [low, high] = range ?? [0, 1];
  const x = (t) => (t + 0.5) * step;
  const y = (log) => height - ROOM.bottom - ((log - low) / (high - low)) * (height - ROOM.top - ROOM.bottom);
  const runs = [];
  const zeros = [];
  let run = [];
  values.forEach((log, t) => {
    if (Number.isFinite(log)) run.push(`${x(t).toFixed(2)},${y(log).toFixed(2)}`);
    if (log === -Infinity) zeros.push(x(t));
    if (!Number.isFinite(log) || t === values.length - 1) {
      if (run.length) runs.push(run);
      run = [];
    }
  });
  const lines = runs.map((points) =>
    points.length > 1
      ? svg("polyline", { class: "norm", points: points.join(" ") })
      : svg("circle", { class: "dot", r: 2.5, cx: points[0].split(",")[0], cy: points[0].split(",")[1] }),
  );
  const floor = height - ROOM.bottom;
  const marks = zeros.map((at) => {
    const arm = Math.min(3, step / 2);
    return svg("path", { class: "zero", d: `M${at - arm} ${floor - 3}L${at + arm} ${floor + 3}M${at - arm} ${floor + 3}L${at + arm} ${floor - 3}` });
  });
  const axis = [low, high].map((log) => svg("line", { class: "axis", x1: 0, x2: width, y1: y(log), y2: y(log) }));
  figure.replaceChildren(...(range ? axis : []), ...lines, ...marks);
}

// What differs, as a table: a row for each of `rows`, a column for each run.
export function tableOf(columns, rows) {
  const head = (text, scope, ...more) => {
    const made = html("th", "", text, ...more);
    made.scope = scope;
    return made;
  };
  const heads = columns.map(({ letter, label }) => head(html("b", "", letter), "col", ` ${label}`));
  const lines = rows.map(({ name, texts }) => html("tr", "", head(name, "row"), ...texts.map((text) => html("td", "", text))));
  return html("table", "", html("thead", "", html("tr", "", head("side", "col"), ...heads)), html("tbody", "", ...lines));
}

// How wide a column is in which every token can be read.
export function roomFor(tokens) {
  return tokens.length * Math.max(...tokens.map((token) => [...token].length)) * LETTER;
}

// The tokens above a column, each where it fits; where they do not, the numbers of the first and the last step.
export function drawTokens(ribbon, tokens, width) {
  const step = width / tokens.length;
  const fits = width >= roomFor(tokens);
  ribbon.classList.toggle("ends", !fits);
  if (!fits) {
    ribbon.replaceChildren(html("span", "", "0"), html("span", "", String(tokens.length - 1)));
    return;
  }
  ribbon.replaceChildren(
    ...tokens.map((token, t) => {
      const cell = html("span", "token", token);
      cell.style.cssText = `left:${t * step}px;width:${step}px`;
      return cell;
    }),
  );
}
