// What the card's lines are made of.

import { html } from "./dom.js";
import { element, maths } from "./maths.js";
import { MINUS, number } from "./numbers.js";

export function where({ run, t, unit }) {
  return `step ${t} of 0 to ${run.time - 1}, “${run.payload.tokens[t]}”, unit ${run.unitName(unit)}`;
}

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// What was done to a number, in words, and what it is then.
export function changedLine(words, result, before = "") {
  const number = before ? [maths(before), " "] : [];
  return html("span", "changed", ...number, html("span", "words", words), " ", equals(), resultOf(result));
}

// A line breaks at the sums' signs where it is too long. With `isMade` its result is not yet what the run has.
export function line(text, result, isMade = false) {
  const pieces = text.split(/(?= [+-] )/).map((piece) => maths(piece));
  // The sign that a piece begins with stands between two summands, wherever the line breaks.
  for (const piece of pieces.slice(1)) piece.querySelector("mo").setAttribute("form", "infix");
  const ending = result && resultOf(result, isMade);
  if (result) pieces.push(text ? html("span", "ending", equals(), ending) : ending);
  return html("span", "line", equals(), html("span", "pieces", ...pieces));
}

function equals() {
  return element("math", element("mo", "="));
}

function resultOf(text, isMade = false) {
  const shown = html(isMade ? "span" : "b", isMade ? "made" : "result", maths(text));
  shown.dataset.value = text;
  return shown;
}

// A row of a table of products: its name, its two factors, its value and, if the largest is given, its share as a bar.
export function productRow(row, text, largest) {
  const by = html("td", "by");
  if (row.by) by.append(maths(`${number(row.by[0])} · ${parenthesised(number(row.by[1]))}`));
  const bar = html("span", row.value < 0 ? "bar negative" : "bar");
  bar.style.width = `${((Math.abs(row.value) / largest) * 100).toFixed(1)}%`;
  const name = html("th", "", row.name);
  name.scope = "row";
  const value = html("td", "value", maths(text));
  const cells = largest === null ? [] : [html("td", "bars", row.isSum ? "" : bar)];
  return html("tr", row.isSum ? "sum" : row.isMarked ? "marked" : "", name, by, value, ...cells);
}

export function parenthesised(text) {
  return text.startsWith(MINUS) ? `(${text})` : text;
}

export function heads(names) {
  const cells = names.map((name) => {
    const head = html("th", name === names[0] ? "" : "value", name);
    head.scope = "col";
    return head;
  });
  return html("thead", "", html("tr", "", ...cells));
}
