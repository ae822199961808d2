// A weight as somebody types it; the twin of memviz/grid/reading.py, which has the last word.

import { MINUS } from "../stage/numbers.js";

const LARGEST = 10000;
const MOST_CHARACTERS = 40;
const NUMBER = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,4})?$/i;
const ONE_COMMA = /^[^,.]*,[^,.]*$/;
const THOUSANDS = /^[+-]?[1-9][0-9]{0,2},[0-9]{3}$/;
const RULE = `A weight is a number from ${MINUS}10,000 to 10,000, such as ${MINUS}0.25`;
const TWO_WAYS = "Write a decimal point: a comma before three digits can be read in two ways";

// { value } or { problem }, a sentence with the rule and what arrived.
export function readWeight(text) {
  const got = `got "${text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text}".`;
  let plain = text.replace(/^ +| +$/g, "").replaceAll(MINUS, "-");
  if (THOUSANDS.test(plain)) return { problem: `${TWO_WAYS}; ${got}` };
  if (ONE_COMMA.test(plain)) plain = plain.replace(",", ".");
  const value = plain.length <= MOST_CHARACTERS && NUMBER.test(plain) ? Number(plain) + 0 : NaN;
  return Math.abs(value) <= LARGEST ? { value } : { problem: `${RULE}; ${got}` };
}
