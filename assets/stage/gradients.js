// The gradients of a run by one loss: what the payload of memviz/stage/gradients.py holds, read by node, wire, signal,
// timestep and unit, and the one scale for all of them. Size is logarithmic, sign is colour, and 0 is the ground.

import { colourScale, css } from "./colours.js";
import { decoded, MINUS, number } from "./numbers.js";

const LEAST = 0.18; // how strong the smallest is, so that it can be told from 0
const SAMPLES = 6;

export class Gradients {
  constructor(payload, units) {
    this.key = payload.key;
    this.loss = payload.loss;
    this.timestep = payload.timestep;
    this.decades = payload.decades;
    this.nodes = payload.nodes;
    this.wires = payload.wires;
    this.units = units;
    this.arrays = decoded(payload.arrays);
    this.initial = decoded(payload.initial);
    this.resets = new Set(payload.resets);
  }

  // By a signal or another array; t = -1 is the state before step 0, and after the last step nothing comes back.
  of(name, t, unit) {
    if (t < 0) return name in this.initial ? this.initial[name].values[unit] : NaN;
    return this.arrays[name].values[t * this.units + unit] ?? 0;
  }

  // By the number on a node; null where it has no single one. Nothing goes back to a state that was thrown away.
  node(id, t, unit) {
    if (!(id in this.nodes)) return null;
    const { array, before } = this.nodes[id];
    if (before && this.resets.has(t)) return 0;
    return this.of(array, before ? t - 1 : t, unit);
  }

  // By the number on a wire, along it alone.
  wire(index, t, unit) {
    return this.wires[index] === null ? null : this.of(this.wires[index], t, unit);
  }

  // How large a gradient is on the scale of all, from LEAST to 1; 0 for 0.
  strength(value) {
    if (value === 0 || Number.isNaN(value)) return 0;
    if (!Number.isFinite(value)) return 1;
    const [low, high] = this.decades;
    return LEAST + (1 - LEAST) * ((Math.log10(Math.abs(value)) - low) / (high - low));
  }

  // A function from a gradient to its colour; `colours` is the diverging scale.
  colour(colours) {
    const scale = colourScale(colours, [-1, 1]);
    const ground = colourScale([middle(colours), middle(colours)], [-1, 1])(0);
    return (value) => {
      if (Number.isNaN(value)) return scale(value);
      return value === 0 ? ground : scale(Math.sign(value) * this.strength(value));
    };
  }

  // The two halves of the scale and the colour of 0, as CSS, with what their ends say; null where all is 0.
  legend(colours) {
    if (this.decades === null) return null;
    const [low, high] = this.decades.map((power) => `1e${power}`.replace("-", MINUS));
    const scale = colourScale(colours, [-1, 1]);
    const samples = Array.from({ length: SAMPLES }, (_, k) => LEAST + ((1 - LEAST) * k) / (SAMPLES - 1));
    const bar = (strengths) => `linear-gradient(to right, ${strengths.map((s) => css(scale(s))).join(", ")})`;
    const negative = bar(samples.map((s) => -s).reverse());
    return { low, high, negative, positive: bar(samples), zero: middle(colours) };
  }

  // What all of it is, in words.
  caption() {
    return `Gradients of L = ${this.loss}, all paths, backwards in time.`;
  }

  // The gradients of a step in words.
  spoken(run, t, unit) {
    const { tokens, strips, signals } = run.payload;
    const values = strips.map((name) => `${signals[name].name} ${number(this.of(name, t, unit))}`);
    const place = `Step ${t} of 0 to ${run.time - 1}, token ${tokens[t]}, unit ${run.unitName(unit)}`;
    return `${place}, gradients of ${this.loss}: ${values.join(", ")}.${run.spokenChanges(t, unit)}`;
  }
}

function middle(colours) {
  return colours[Math.floor(colours.length / 2)];
}
