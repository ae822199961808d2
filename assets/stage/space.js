// The room that the stage has: width, mode and theme. Nothing else reads from the page's layout, which would make the
// browser lay out again in the middle of a change.

import { groundOf } from "./colours.js";
import { isFull } from "./full.js";
import { lowersIndices } from "./maths.js";

const NARROW = 600;
const BASE_FONT = 14;

// Null where there is nothing to be seen yet.
export function spaceOf(element, machine, label, isFirst) {
  if (element.clientWidth === 0) return null;
  element.classList.toggle("projector", isFull(element));
  const style = getComputedStyle(element);
  const width = element.clientWidth - 2 * parseFloat(style.paddingLeft);
  const isNarrow = width < NARROW;
  element.classList.toggle("narrow", isNarrow);
  if (isFirst) element.classList.toggle("flat-maths", !lowersIndices(element));
  const ground = groundOf(style);
  element.dataset.ground = ground;
  const scale = parseFloat(getComputedStyle(element).fontSize) / BASE_FONT;
  return { width, isNarrow, ground, scale, panel: machine.clientWidth, gutter: label.offsetWidth };
}
