// The card: what is pointed at, with its equation and its numbers; else the phase, else the whole step.

import { html } from "./dom.js";
import { capital, heads, line, parenthesised, productRow, where } from "./lines.js";
import { filled, maths, withNumbers } from "./maths.js";
import { exact, MINUS, number, sumTexts } from "./numbers.js";
import { gradientsOfNode, gradientsOfPhase, gradientsOfStep } from "./slopes.js";

const MOST_PRODUCTS = 3;
const MOST_IN_FULL = 3;

export class CardView {
  constructor() {
    this.root = html("section", "card");
    this.root.tabIndex = 0;
    this.root.setAttribute("aria-label", "What is pointed at");
    this.root.setAttribute("role", "region");
  }

  // Each kind of subject replaces the card's content in one go.
  update({ run, timestep, unit, node, phase, table, ground, gradients, brief }) {
    const context = { run, t: timestep, unit, ground, gradients, brief };
    const [ofNode, ofPhase, ofStep] = gradients
      ? [gradientsOfNode, gradientsOfPhase, gradientsOfStep]
      : [nodeContent, phaseContent, wholeStep];
    const content = table
      ? stepTable(context)
      : node
        ? ofNode(context, run.nodes[node])
        : phase
          ? ofPhase(context, phase)
          : ofStep(context);
    this.root.replaceChildren(...content);
  }
}

function wholeStep(context) {
  const { run } = context;
  const inOrder = run.payload.machine.nodes.filter((node) => node.formula && node.formula.signal === node.id);
  const short = inOrder.length > MOST_IN_FULL;
  return [html("h2", "", capital(where(context))), ...inOrder.map((node) => equationBlock(context, node, short))];
}

function phaseContent(context, phase) {
  const { run, t, unit } = context;
  const sentence = phase.sentence.replace(/\{(\w+)\}/g, (_, id) => number(run.value(run.nodes[id].value, t, unit)));
  return [
    html("h2", "", `${phase.title}: ${where(context)}`),
    html("p", "sentence", sentence),
    ...phase.formulas.map((id) => equationBlock(context, run.nodes[id], false)),
  ];
}

function nodeContent(context, node) {
  const { run, t, unit } = context;
  const value = node.kind === "input" ? null : run.value(node.value, t, unit);
  const content = [html("h2", "", `${capital(node.title)}: ${where(context)}`)];
  if (node.id === "x") return [...content, ...inputContent(context)];
  if (node.formula) content.push(equationBlock(context, node, false));
  else if (value !== null) content.push(plainValue(context, node, value));
  if (node.formula) content.push(...summands(context, node.formula));
  if (node.kind === "state" && !node.formula) {
    content.push(html("p", "sentence", t === 0 ? "The state before the first step." : "What the step before left behind."));
  }
  if (node.id === "gates_before") {
    const values = run.gatesBefore(t).filter(({ k }) => k % run.units === unit);
    const listed = values.map(({ name, x }) => `${name} = ${number(x)}`).join(", ");
    content.push(html("p", "sentence", `${listed}. They feed the gates of this step, with those of all other units.`));
  }
  return content;
}

function inputContent({ run, t }) {
  const inputs = run.inputs(t);
  const { features } = run.payload;
  const shown = inputs.slice(0, 6).map(({ name, x }) => `${name} = ${number(x)}`);
  const rest = inputs.length > 6 ? ` and ${inputs.length - 6} more` : "";
  const zero = features.length - inputs.length;
  return [
    html("p", "sentence", inputs.length === 0 ? "Every input is 0 at this step." : `The input: ${shown.join(", ")}${rest}.`),
    ...(zero > 0 && inputs.length > 0
      ? [html("p", "sentence", `The other ${zero} of ${features.length} inputs ${zero > 1 ? "are" : "is"} 0.`)]
      : []),
  ];
}

function plainValue({ run, ground }, node, value) {
  const head = html("span", "left", maths(node.label));
  head.style.color = run.payload.signals[node.signal]?.[ground] ?? "";
  return html("div", "equation", head, html("span", "right", line("", number(value))));
}

// An equation: its symbols, its numbers, its result. `short` leaves out what can be had by pointing.
function equationBlock(context, node, short) {
  const { run, t, unit, ground } = context;
  const { formula } = node;
  const value = run.value(node.value, t, unit);
  const { texts, total } = textsOf(context, formula, value, short);
  const symbols = filled(formula.formula, formula.terms.map((term) => term.symbol));
  const numbers = withNumbers(formula.formula, texts);
  const middle = middleLine(context, formula, value, total);
  // On a projector the whole step is numbers alone, or its end would not be seen.
  const isNamed = symbols !== formula.symbol && formula.formula !== "{}" && !(short && context.brief);
  const lines = isNamed ? [symbols] : [];
  const isNews = formula.formula !== "{}" && !(short && formula.function);
  if (isNews) lines.push(numbers);
  if (middle && !(short && isNews)) lines.push(middle);
  const block = html("div", short ? "equation short" : "equation");
  block.dataset.equation = formula.signal || node.id;
  const head = html("span", "left", maths(formula.symbol));
  head.style.color = run.payload.signals[node.signal]?.[ground] ?? "";
  const body = html("span", "right");
  for (const [index, text] of (lines.length > 0 ? lines : [""]).entries()) {
    body.append(line(text, index >= lines.length - 1 ? number(value) : ""));
  }
  block.append(head, body);
  return block;
}

// The numbers of the terms, and their total: summands with as many digits as make them add up.
function textsOf({ run, t, unit }, formula, value, short) {
  const values = formula.terms.map((term) => run.value(term, t, unit));
  const total = formula.function ? run.signal(`${formula.signal}_pre`, t, unit) : value;
  if (formula.formula === "1 - {}") {
    const { terms } = sumTexts([1, -values[0]], value);
    return { texts: [terms[1].replace(MINUS, "")], total: number(total) };
  }
  if (!isSum(formula)) return { texts: values.map((each) => number(each)), total: number(total) };
  const { terms, total: text } = sumTexts(values, total);
  return { texts: terms, total: short ? number(total) : text };
}

function isSum(formula) {
  return formula.terms.length > 1 && !formula.formula.includes("\\,{}");
}

// Between the numbers and the result: the pre-activation in its function, or the two products of a state.
function middleLine({ run, t, unit }, formula, value, total) {
  if (formula.function) {
    const name = { sigma: "\\sigma(", tanh: "\\tanh(", relu: "\\max(0, " }[formula.function];
    return `${name}${total})`;
  }
  if (!formula.formula.includes(" + ") || isSum(formula)) return "";
  const values = formula.terms.map((term) => run.value(term, t, unit));
  let next = 0;
  const products = formula.formula
    .split(" + ")
    .map((part) => (part.match(/\{\}/g) ?? []).reduce((product) => product * values[next++], 1));
  return withNumbers("{} + {}", sumTexts(products, value).terms);
}

// Each summand of a formula taken apart into its products: the largest by name, the rest as one.
function summands(context, formula) {
  const { run, t, unit } = context;
  return formula.terms
    .filter((term) => term.signal in run.products)
    .map((term) => summand(run.takenApart(term.signal, t, unit), term, run.signal(term.signal, t, unit)));
}

function summand(apart, term, total) {
  const inner = apart.factor === null ? total : apart.inner;
  const sorted = [...apart.terms].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  // One product more instead of a rest of one.
  const most = sorted.length === MOST_PRODUCTS + 1 ? MOST_PRODUCTS + 1 : MOST_PRODUCTS;
  const largestOnes = sorted.slice(0, most);
  const rest = sorted.slice(most);
  const rows = largestOnes.map((one) => ({ name: one.name, by: [one.weight, one.x], value: one.value }));
  if (rest.length > 0) {
    rows.push({ name: `the other ${rest.length}`, value: rest.reduce((sum, one) => sum + one.value, 0) });
  }
  if (apart.bias !== null && apart.terms.length > 0) rows.push({ name: "bias", value: apart.bias });
  const texts = sumTexts(rows.map((row) => row.value), inner);
  const table = html("table", "products");
  table.dataset.summand = term.signal;
  const caption = html("caption", "", maths(`${term.symbol} = ${number(total)}`));
  if (apart.factor !== null) caption.append(maths(`= ${number(apart.factor)} · ${parenthesised(number(inner))}`));
  table.append(caption);
  if (rows.length === 0 || apart.terms.length === 0) return table;
  const largest = Math.max(...rows.map((row) => Math.abs(row.value))) || 1;
  const body = html("tbody");
  for (const [index, row] of rows.entries()) body.append(productRow(row, texts.terms[index], largest));
  if (rows.length > 1) body.append(productRow({ name: "sum", value: inner, isSum: true }, texts.total, largest));
  table.append(body);
  return table;
}

function stepTable(context) {
  const { run, t, unit, gradients } = context;
  const detailed = run.isDetailed(t, unit);
  const names = detailed ? run.detail.names : Object.keys(run.arrays);
  const body = html("tbody");
  for (const name of names) {
    const value = run.signal(name, t, unit);
    const head = html("th", "", name);
    head.scope = "row";
    const row = html("tr", "", head, html("td", "value", detailed ? exact(value) : number(value, 7)));
    if (gradients && name in gradients.arrays) row.append(html("td", "value", number(gradients.of(name, t, unit), 7)));
    body.append(row);
  }
  const table = html("table", "step-table", html("caption", "", capital(where(context))), body);
  if (gradients) body.before(heads(["signal", "value", "∂L/∂ of it"]));
  return [table];
}
