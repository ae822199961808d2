// The card: what is pointed at, with its equation and its numbers; else the phase, else the whole step.

import { ownSignal } from "./changes.js";
import { html } from "./dom.js";
import { capital, changedLine, heads, line, parenthesised, productRow, where } from "./lines.js";
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
  update({ run, timestep, unit, node, phase, table, ground, gradients, brief, weight }) {
    const context = { run, t: timestep, unit, ground, gradients, brief, weight };
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
  const equations = inOrder.map((node) => equationBlock(context, node, short));
  return [html("h2", "", capital(where(context))), ...resetSentence(context), ...equations];
}

function resetSentence({ run, t }) {
  return run.changes.resets.has(t) ? [html("p", "sentence", "The state was reset to 0 before this step.")] : [];
}

function phaseContent(context, phase) {
  const { run, t, unit } = context;
  const sentence = phase.sentence.replace(/\{(\w+)\}/g, (_, id) => number(run.value(run.nodes[id].value, t, unit)));
  return [
    html("h2", "", `${phase.title}: ${where(context)}`),
    html("p", "sentence", sentence),
    ...resetSentence(context),
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
    const before = t === 0 ? "The state before the first step." : "What the step before left behind.";
    content.push(...(run.changes.resets.has(t) ? resetSentence(context) : [html("p", "sentence", before)]));
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

// An equation: its symbols, its numbers, its result, and what was done to that. `short` leaves out what can be had by
// pointing.
function equationBlock(context, node, short) {
  const { run, t, unit, ground } = context;
  const { formula } = node;
  const own = ownSignal(node);
  const made = own ? run.made(own, t, unit) : run.value(node.value, t, unit);
  const { texts, total } = textsOf(context, formula, made, short);
  const symbols = filled(formula.formula, formula.terms.map((term) => term.symbol));
  const numbers = withNumbers(formula.formula, texts);
  const inner = innerChange(context, formula, total);
  const middle = middleLine(context, formula, made, inner ? inner.value : total);
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
  const words = own && run.changes.words(own, t, unit);
  const body = html("span", "right");
  for (const [index, text] of (lines.length > 0 ? lines : [""]).entries()) {
    // What is inside the function is changed before the function is applied.
    if (inner && text === middle) body.append(inner.line);
    body.append(line(text, index >= lines.length - 1 ? number(made) : "", Boolean(words)));
  }
  if (inner && !lines.includes(middle)) body.append(inner.line);
  if (words) body.append(changedLine(words, number(run.signal(own, t, unit))));
  block.append(head, body);
  return block;
}

// What was done to a pre-activation that the machine has no node for; null for nothing.
function innerChange({ run, t, unit }, formula, total) {
  const name = `${formula.signal}_pre`;
  const words = formula.signal in run.payload.summands && run.changes.words(name, t, unit);
  if (!words) return null;
  const value = number(run.signal(name, t, unit));
  const letter = run.payload.signals[formula.signal].symbol;
  return { value, line: changedLine(words, value, `a_${letter} = ${total}`) };
}

// The numbers of the terms, and their total: summands with as many digits as make them add up.
function textsOf({ run, t, unit }, formula, made, short) {
  const values = formula.terms.map((term) => run.value(term, t, unit));
  const total = formula.signal in run.payload.summands ? run.made(`${formula.signal}_pre`, t, unit) : made;
  if (formula.formula === "1 - {}") {
    const { terms } = sumTexts([1, -values[0]], made);
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
function middleLine({ run, t, unit }, formula, made, total) {
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
  return withNumbers("{} + {}", sumTexts(products, made).terms);
}

// Each summand of a formula taken apart into its products: the largest by name, the rest as one. A weight that is pointed
// at comes first, its product at the head of its summand.
function summands(context, formula) {
  const { run, t, unit, weight } = context;
  const terms = formula.terms.filter((term) => term.signal in run.products);
  const isMarked = (term) => term.signal === weight?.signal;
  return [...terms.filter(isMarked), ...terms.filter((term) => !isMarked(term))].map((term) => {
    const column = isMarked(term) ? (weight.column ?? 0) : null;
    return summand(context, run.takenApart(term.signal, t, unit, column), term, column);
  });
}

function summand({ run, t, unit }, apart, term, column) {
  const made = run.made(term.signal, t, unit);
  const inner = apart.factor === null ? made : apart.inner;
  const rank = (one) => (one.k === column ? Infinity : Math.abs(one.value));
  const sorted = [...apart.terms].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a)));
  // One product more instead of a rest of one.
  const most = sorted.length === MOST_PRODUCTS + 1 ? MOST_PRODUCTS + 1 : MOST_PRODUCTS;
  const largestOnes = sorted.slice(0, most);
  const rest = sorted.slice(most);
  const rows = largestOnes.map(({ k, name, weight, x, value }) => ({ name, by: [weight, x], value, isMarked: k === column }));
  if (rest.length > 0) {
    rows.push({ name: `the other ${rest.length}`, value: rest.reduce((sum, one) => sum + one.value, 0) });
  }
  if (apart.bias !== null && apart.terms.length > 0) rows.push({ name: "bias", value: apart.bias });
  const texts = sumTexts(rows.map((row) => row.value), inner);
  const table = html("table", "products");
  table.dataset.summand = term.signal;
  const caption = html("caption", "", maths(`${term.symbol} = ${number(made)}`));
  if (apart.factor !== null) caption.append(maths(`= ${number(apart.factor)} · ${parenthesised(number(inner))}`));
  const words = run.changes.words(term.signal, t, unit);
  if (words) caption.append(changedLine(words, number(run.signal(term.signal, t, unit))));
  if (column !== null && apart.terms.length === 0) caption.classList.add("marked");
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
  const write = (value) => (detailed ? exact(value) : number(value, 7));
  const isChanged = run.changes.list(t, unit).length > 0;
  const body = html("tbody");
  for (const name of names) {
    const head = html("th", "", name);
    head.scope = "row";
    const row = html("tr", "", head, html("td", "value", write(run.signal(name, t, unit))));
    if (gradients && name in gradients.arrays) row.append(html("td", "value", number(gradients.of(name, t, unit), 7)));
    else if (gradients && isChanged) row.append(html("td"));
    const words = run.changes.words(name, t, unit);
    if (words) row.append(html("td", "done", `made ${write(run.made(name, t, unit))}, ${words}`));
    body.append(row);
  }
  const table = html("table", "step-table", html("caption", "", capital(where(context))), body);
  const columns = ["signal", "value", ...(gradients ? ["∂L/∂ of it"] : []), ...(isChanged ? ["made, and what was done"] : [])];
  if (columns.length > 2) body.before(heads(columns));
  return [...resetSentence(context), table];
}
