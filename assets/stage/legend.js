// What the strips' colours, outlines and hatches mean, between the machine and the strips.

import { html } from "./dom.js";
import { MINUS, number } from "./numbers.js";

const MOST_RESETS = 6; // that are named

export class LegendView {
  constructor() {
    this.root = html("p", "legend");
  }

  // `scale` is that of the gradients: null where all are 0, undefined where values are shown.
  write(run, scale) {
    const { changes, second, payload } = run;
    const about = {
      scale: scale ?? null,
      isGradient: scale !== undefined,
      second: second && payload.second,
      touched: changes.bySignal.size > 0,
      inside: [...changes.bySignal.keys()].some((name) => !payload.strips.includes(name)),
      resets: changes.resets.size > 0,
    };
    const says = JSON.stringify({ ...about, scale, second: second && payload.key });
    if (this.root.dataset.says === says) return;
    this.root.dataset.says = says;
    const entries = [
      ...(about.isGradient ? ofGradients(about.scale) : about.second ? ofSecond(about.second) : []),
      ...(about.touched ? [entry("touched", "outlined: changed by hand")] : []),
      ...(about.inside ? [entry("inside", "dashed outline: inside the gate")] : []),
      ...(about.resets ? [entry("boundary", "double line: the state is reset")] : []),
    ];
    this.root.hidden = entries.length === 0;
    this.root.replaceChildren(...entries);
  }
}

// Negative, exactly 0 and positive, with the sizes at their ends.
function ofGradients(scale) {
  if (scale === null) return ["Every gradient is exactly 0."];
  const { low, high, negative, zero, positive } = scale;
  const bar = (background, className = "bar") => {
    const made = html("i", className);
    made.style.background = background;
    return made;
  };
  return [
    html("span", "half", `${MINUS}${high} … ${MINUS}${low}`, bar(negative)),
    html("span", "half", bar(zero, "zero"), "exactly 0"),
    html("span", "half", bar(positive), `${low} … ${high}`),
    html("span", "", "log scale, the same for all strips and wires"),
  ];
}

function ofSecond({ partners, parts, removed }) {
  const said = [html("span", "", `strips: Δ = after ${MINUS} before`), entry("dashed", "dashed number: before")];
  if (partners?.includes(null)) said.push(entry("hatched", "hatched: nothing to compare with"));
  if (parts === null && removed.length === 0) said.push(html("span", "", "no state differs"));
  return said;
}

function entry(className, text) {
  return html("span", "half", html("i", `sample ${className}`), text);
}

// The signs on the time axis: [step, text]. Gradients are of one run.
export function signsOf(run, isGradient) {
  const { second, changes, payload, time } = run;
  const found = [];
  if (second && !isGradient) {
    const { parts, meets, removed, small, tolerance } = payload.second;
    if (parts !== null) found.push([parts, `the states part at step ${parts}${small ? `, by less than ${number(tolerance, 1)}` : ""}`]);
    if (meets !== null) found.push([meets, `they meet again from step ${meets} on, to ${number(tolerance, 1)}`]);
    for (const t of removed) found.push([Math.min(t, time - 1), t < time ? `a token was removed before step ${t}` : "a token was removed after the last step"]);
  }
  if (changes.resets.size <= MOST_RESETS) for (const t of changes.resets) found.push([t, "reset"]);
  return found.sort(([a], [b]) => a - b);
}
