// The card while gradients are shown: the value and the gradient of what is pointed at, and where it comes from.

import { ownSignal } from "./changes.js";
import { html } from "./dom.js";
import { capital, heads, line, parenthesised, productRow, where } from "./lines.js";
import { maths } from "./maths.js";
import { number, sumTexts } from "./numbers.js";

const GATES_FED_BACK = ["input", "forget", "output"];
// The slope of each activation function at its value v, in symbols and as a number.
const SLOPES = {
  sigma: { symbol: (s) => `${s}(1-${s})`, of: (v) => v * (1 - v) },
  tanh: { symbol: (s) => `(1-${s}²)`, of: (v) => 1 - v * v },
  relu: { symbol: () => "[a>0]", of: (v) => (v > 0 ? 1 : 0) },
};

// All signals of the step.
export function gradientsOfStep(context) {
  const { run, t, unit, gradients } = context;
  const rows = run.payload.strips.map((name) => {
    const its = run.payload.signals[name];
    const pre = `${name}_pre` in gradients.arrays ? gradients.of(`${name}_pre`, t, unit) : null;
    const values = [run.signal(name, t, unit), gradients.of(name, t, unit), pre];
    return row(context, name, `${its.symbol}, ${its.name}`, values);
  });
  return [
    html("h2", "", capital(where(context))),
    html("p", "sentence", gradients.caption()),
    html("table", "slopes", heads(["signal", "value", "∂L/∂ of it", "∂L/∂a"]), html("tbody", "", ...rows)),
    html("p", "sentence", "Each a is the pre-activation that the signal is made of."),
  ];
}

// The nodes of a phase.
export function gradientsOfPhase(context, phase) {
  const { run, t, unit, gradients } = context;
  const rows = phase.nodes
    .filter((id) => id in gradients.nodes && id !== "sum")
    .map((id) => {
      const { title, signal, value } = run.nodes[id];
      return row(context, signal, title, [run.value(value, t, unit), gradients.node(id, t, unit)]);
    });
  return [
    html("h2", "", `${phase.title}, backwards: ${where(context)}`),
    html("p", "sentence", gradients.caption()),
    html("table", "slopes", heads(["number", "value", "∂L/∂ of it"]), html("tbody", "", ...rows)),
  ];
}

// What is pointed at.
export function gradientsOfNode(context, node) {
  const { run, t, unit, gradients } = context;
  const head = html("h2", "", `${capital(node.title)}: ${where(context)}`);
  const gradient = gradients.node(node.id, t, unit);
  if (gradient === null) return [head, html("p", "sentence", withoutNumber(context, node))];
  const value = run.value(node.value, t, unit);
  const symbol = symbolOf(node);
  const content = [head, equation(context, node, symbol, "", value), equation(context, node, by(symbol), "", gradient)];
  const said = sentence(context, node, gradient);
  if (said) content.push(html("p", "sentence", said));
  if (node.formula?.function) content.push(saturation(context, node, symbol));
  if (node.id === "tanh") content.push(exposure(context, node));
  if (Array.isArray(node.value)) content.push(sentBack(context, node, gradient));
  const isState = node.kind === "state" || node.kind === "sum" || node.id === "squash";
  if (isState && !node.value.before) {
    const rows = { cell: cellRows, hidden: hiddenRows }[node.value.signal]?.(context) ?? [];
    if (rows.length > 0) content.push(partsTable(context, rows, gradient));
  }
  return content;
}

function symbolOf(node) {
  return Array.isArray(node.value) ? node.formula.symbol : node.value.symbol;
}

function by(symbol) {
  const isOne = /^\\?[A-Za-z]+(_\w|_\{[^}]*\})?(\([^)]*\))?$/.test(symbol) || symbol.startsWith("(");
  return isOne ? `∂L/∂${symbol}` : `∂L/∂(${symbol})`;
}

function sentence(context, node, gradient) {
  const { t, gradients } = context;
  if (gradient === 0 && t > gradients.timestep) return "Exactly 0: the loss is read before this step.";
  if (node.kind === "state" && node.value.before) {
    if (gradients.resets.has(t)) return "Exactly 0: the state was reset before this step.";
    return t === 0 ? "By the state before the first step." : `All of the gradient by the state after step ${t - 1}.`;
  }
  if (["kept", "written"].includes(node.id)) return "It enters a sum, so it has the sum's gradient.";
  const said = throughTouch(context, node);
  return said || (gradient === 0 ? "Exactly 0." : "");
}

// What becomes of the gradient by a touched number on its way back to what the step made of it.
function throughTouch({ run, t, unit }, node) {
  const own = ownSignal(node);
  const words = own && run.changes.words(own, t, unit);
  if (!words) return "";
  const slope = run.changes.slope(own, t, unit);
  if (slope === 0) return `${capital(words)}: nothing goes further back through this number.`;
  return `${capital(words)}: ${number(slope)} times this goes further back.`;
}

// The gradient by what the step made of a signal: less what interventions let through.
function byMade({ run, unit, gradients }, name, t) {
  const [gradient, slope] = [gradients.of(name, t, unit), run.changes.slope(name, t, unit)];
  return gradient === 0 || slope === 0 ? 0 : gradient * slope;
}

function withoutNumber({ run, t, unit, gradients }, node) {
  if (node.id !== "gates_before" || t === 0 || gradients.resets.has(t)) return "This is a vector: it has no gradient that is one number.";
  const { signals } = run.payload;
  const written = (name) => `∂L/∂${signals[name].symbol} = ${number(gradients.of(name, t - 1, unit))}`;
  const listed = GATES_FED_BACK.map(written);
  return `All of the gradient by the gates of step ${t - 1}: ${listed.join(", ")}.`;
}

// From a value back to the pre-activation behind it, through what was done to it and the slope of the function between.
function saturation(context, node, symbol) {
  const { run, t, unit, gradients } = context;
  const { signal, function: name } = node.formula;
  const letter = run.payload.signals[signal].symbol;
  const pre = gradients.of(`${signal}_pre`, t, unit);
  const at = SLOPES[name].of(run.made(signal, t, unit));
  const [symbols, numbers] = chain(context, signal, by(symbol), SLOPES[name].symbol(symbol), at);
  return equation(context, node, `∂L/∂a_${letter}`, symbols, pre, numbers);
}

function exposure(context, node) {
  const { run, t, unit, gradients } = context;
  const shown = gradients.of("cell_shown", t, unit);
  const at = 1 - run.made("cell_tanh", t, unit) ** 2;
  const [symbols, numbers] = chain(context, "cell_tanh", by(symbolOf(node)), "(1-\\tanh²(c_t))", at);
  return equation(context, node, "to\\;c_t", symbols, shown, numbers);
}

// A gradient times a slope, in symbols and numbers; between the two stands what an intervention lets through.
function chain({ run, t, unit, gradients }, signal, symbol, slope, at) {
  const isTouched = run.changes.at(signal, t, unit).length > 0;
  const through = isTouched ? [number(run.changes.slope(signal, t, unit))] : [];
  const numbers = [number(gradients.of(signal, t, unit)), ...through.map(parenthesised), number(at)];
  return [[symbol, ...through.map(parenthesised), slope].join(" · "), numbers.join(" · ")];
}

// What a product sends back to each factor: its gradient times the other one.
function sentBack(context, node, gradient) {
  const { run, t, unit } = context;
  const values = node.value.map((id) => run.value(run.nodes[id].value, t, unit));
  const rows = node.value.map((id, k) => {
    const isGone = run.nodes[id].value.before && run.changes.resets.has(t);
    const title = run.nodes[id].title;
    return isGone ? { name: `${title}, reset`, value: 0 } : productOf(title, gradient, values[1 - k]);
  });
  const texts = rows.map((one) => number(one.value));
  return productTable(context, "To each factor it sends its gradient times the other", rows, texts);
}

// The ways on which the gradient by a new cell state comes back: the carousel and the peepholes of the next step, and
// through what this step shows.
function cellRows(context) {
  const { run, t, unit, gradients } = context;
  const rows = [];
  if (run.changes.resets.has(t + 1)) rows.push(cutOff(t + 1));
  else if (t + 1 < run.time) {
    const forget = "forget" in run.payload.signals ? run.signal("forget", t + 1, unit) : 1;
    rows.push(productOf(`carousel, step ${t + 1}`, byMade(context, "cell", t + 1), forget));
    rows.push(...peepholeRows(context, ["input", "forget"], t + 1));
  }
  const slope = "cell_tanh" in run.arrays ? 1 - run.made("cell_tanh", t, unit) ** 2 : 1;
  const through = run.changes.slope("cell_tanh", t, unit) * slope;
  const exposed = [byMade(context, "hidden", t), run.signal("output", t, unit) * through];
  rows.push({ name: "exposure, through h", by: exposed, value: gradients.of("cell_shown", t, unit) });
  return [...rows, ...peepholeRows(context, ["output"], t)];
}

function cutOff(t) {
  return { name: `the state is reset before step ${t}`, value: 0 };
}

function peepholeRows(context, names, t) {
  const { run, unit } = context;
  return names
    .filter((name) => `${name}_from_cell` in run.products)
    .map((name) => {
      const weight = run.products[`${name}_from_cell`].weights.values[unit];
      const { symbol } = run.payload.signals[name];
      const gradient = byMade(context, `${name}_pre`, t) * run.changes.slope(`${name}_from_cell`, t, unit);
      return productOf(`peephole of ${symbol}, step ${t}`, weight, gradient);
    });
}

// 0 times a gradient that has grown beyond all numbers is 0.
function productOf(name, a, b) {
  return { name, by: [a, b], value: a === 0 || b === 0 ? 0 : a * b };
}

// The ways on which the gradient by a new hidden state comes back.
function hiddenRows(context) {
  const { run, t, unit, gradients } = context;
  const rows = [];
  const isCut = run.changes.resets.has(t + 1);
  const later = t + 1 < run.time && !isCut;
  if (isCut) rows.push(cutOff(t + 1));
  if ("update" in run.payload.signals && later) {
    const next = byMade(context, "hidden", t + 1);
    rows.push(productOf(`kept by z, step ${t + 1}`, next, run.signal("update", t + 1, unit)));
  }
  if (later) {
    rows.push({ name: `through the weights, step ${t + 1}`, value: gradients.of("through_weights_later", t, unit) });
  }
  if (t === gradients.timestep) {
    const others = rows.reduce((sum, one) => sum + one.value, 0);
    rows.push({ name: "the loss itself", value: gradients.of("hidden", t, unit) - others });
  }
  return rows;
}

function partsTable(context, rows, total) {
  const texts = sumTexts(rows.map((one) => one.value), total);
  const sum = { name: "sum", value: total, isSum: true };
  return productTable(context, "It comes back along", [...rows, sum], [...texts.terms, texts.total]);
}

// On a projector the factors are left out, or the results would not fit.
function productTable({ brief }, caption, rows, texts) {
  const shown = brief ? rows.map((one) => ({ ...one, by: null })) : rows;
  const body = shown.map((one, index) => productRow(one, texts[index], null));
  return html("table", "products parts", html("caption", "", caption), html("tbody", "", ...body));
}

function row({ run, ground }, signal, name, values) {
  const head = html("th", "", name);
  head.scope = "row";
  head.style.color = run.payload.signals[signal]?.[ground] ?? "";
  const cells = values.map((value) => html("td", "value", ...(value === null ? [] : [maths(number(value))])));
  return html("tr", "", head, ...cells);
}

// A symbol with its number, and where it is a product, its factors before.
function equation({ run, ground }, node, symbol, symbols, value, numbers = "") {
  const head = html("span", "left", maths(symbol));
  head.style.color = run.payload.signals[node.signal]?.[ground] ?? "";
  const body = html("span", "right");
  if (symbols) body.append(line(symbols, ""));
  body.append(line(numbers, number(value)));
  const block = html("div", "equation", head, body);
  block.dataset.equation = symbol;
  return block;
}
