// What interventions do to a run: which numbers they touch, what the steps had made of them, and where the state is reset.

import { decoded } from "./numbers.js";

// What is touched inside a gate has no node of its own: it is marked there, with these letters.
const INSIDE = { pre: "a", from_input: "Wx", from_hidden: "Uh", from_cell: "pc", from_gates: "R", bias: "b" };

export class Changes {
  constructor(payload, { units, time }) {
    this.units = units;
    this.time = time;
    this.resets = new Set(payload?.resets);
    this.made = decoded(payload?.made ?? {});
    this.bySignal = new Map();
    for (const touch of payload?.touches ?? []) {
      const units = touch.units && new Set(touch.units);
      const steps = touch.steps && new Set(touch.steps);
      const acts = (t, unit) => (units?.has(unit) ?? true) && (steps?.has(t) ?? true);
      this.bySignal.set(touch.signal, [...(this.bySignal.get(touch.signal) ?? []), { ...touch, acts }]);
    }
  }

  get isEmpty() {
    return this.bySignal.size === 0 && this.resets.size === 0;
  }

  // What acts on a number, in the order in which it does.
  at(name, t, unit) {
    return (this.bySignal.get(name) ?? []).filter((touch) => touch.acts(t, unit));
  }

  // What is done to a number, in words; empty for nothing.
  words(name, t, unit) {
    return this.at(name, t, unit)
      .map(({ words }) => words)
      .join(", then ");
  }

  // What share of a gradient by a number goes back through what acts on it.
  slope(name, t, unit) {
    return this.at(name, t, unit).reduce((product, { slope }) => product * slope, 1);
  }

  // The mark of a node, for a number of its own and for those inside it; empty for none.
  mark(own, inside, t, unit) {
    const marks = [own, ...inside].flatMap((name) =>
      this.at(name, t, unit).map(({ mark }) => (name === own ? mark : `${letters(name)} ${mark}`)),
    );
    return marks.length > 1 ? `${marks[0]} …` : (marks[0] ?? "");
  }

  // Everything that is done in a step to a unit, for a reader: [signal, words].
  list(t, unit) {
    return [...this.bySignal.keys()].map((name) => [name, this.words(name, t, unit)]).filter(([, words]) => words);
  }

  // The outline of what is touched of some signals, in units by time, as an SVG path.
  outline(names) {
    const touches = names.flatMap((name) => this.bySignal.get(name) ?? []);
    const path = [];
    for (const { steps, units } of touches) {
      for (const [t, width] of runs(steps, this.time)) {
        for (const [unit, height] of runs(units, this.units)) path.push(`M${t} ${unit}h${width}v${height}h${-width}z`);
      }
    }
    return path.join("");
  }
}

// Which signals are inside a gate: its pre-activation and its summands, unless a node of the machine shows them.
export function inside(node, payload) {
  const { signal = "" } = node.formula ?? {};
  if (!(signal in payload.summands) || node.kind === "state") return [];
  const shown = new Set(payload.machine.nodes.map(({ value }) => value?.signal));
  return [`${signal}_pre`, ...payload.summands[signal]].filter((name) => !shown.has(name));
}

// The signal that a node's own number is, as this step leaves it; empty where it is of the step before or a product.
export function ownSignal({ value, kind }) {
  const isOwn = value?.signal && !value.before && !value.complement;
  return isOwn && kind !== "input" ? value.signal : "";
}

function letters(name) {
  const kind = Object.keys(INSIDE).find((end) => name.endsWith(`_${end}`));
  return INSIDE[kind] ?? name;
}

// Ascending whole numbers as [first, count] of what stands side by side; null is all.
function runs(numbers, count) {
  if (numbers === null) return [[0, count]];
  const found = [];
  for (const index of numbers) {
    const last = found.at(-1);
    if (last && last[0] + last[1] === index) last[1] += 1;
    else found.push([index, 1]);
  }
  return found;
}
