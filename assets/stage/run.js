// A run: what one payload holds, read by name, timestep and unit. The step in detail is read in double precision, all
// others in the precision of the arrays.

import { Changes } from "./changes.js";
import { Gradients } from "./gradients.js";
import { decode, decoded, number } from "./numbers.js";

const GATES_FED_BACK = ["input", "forget", "output"];

export class Run {
  constructor(payload) {
    this.payload = payload;
    this.units = payload.units;
    this.time = payload.tokens.length;
    this.changes = new Changes(payload.changes, this);
    this.arrays = { ...decoded(payload.arrays), ...decoded(payload.changes?.values ?? {}) };
    this.initial = decoded(payload.initial);
    this.dense = payload.inputs.dense ? decode(payload.inputs.dense).values : null;
    this.products = Object.fromEntries(
      Object.entries(payload.products).map(([name, part]) => [
        name,
        { ...part, weights: part.weights && decode(part.weights), bias: part.bias && decode(part.bias) },
      ]),
    );
    this.whole = payload.whole && decoded(payload.whole); // every unit's hidden state, where some units are drawn
    this.nodes = Object.fromEntries(payload.machine.nodes.map((node) => [node.id, node]));
    this.second = payload.second && {
      arrays: decoded(payload.second.arrays),
      initial: decoded(payload.second.initial),
      resets: new Set(payload.second.resets),
      partners: payload.second.partners,
    };
    this.detail = null;
    this.gradients = null;
  }

  // Take the gradients of a loss, or only their key when they are here already; false when they are not.
  differentiate(payload) {
    if (payload.arrays && this.gradients?.key !== payload.key) this.gradients = new Gradients(payload, this.units);
    return this.gradients?.key === payload.key;
  }

  refine(detail) {
    this.detail = detail && {
      ...detail,
      rows: decoded(detail.rows),
      input: decode(detail.input).values,
      values: decode(detail.values).values,
      made: decoded(detail.made),
      whole: detail.whole && decode(detail.whole).values,
      products: Object.fromEntries(
        Object.entries(detail.products).map(([name, part]) => [name, decoded(part)]),
      ),
    };
  }

  // The number of a unit in its network, where only some are drawn.
  unitName(unit) {
    return this.payload.chosen ? this.payload.chosen[unit] : unit;
  }

  isDetailed(t, unit) {
    return this.detail !== null && this.detail.timestep === t && this.detail.unit === unit;
  }

  // A signal by its name in the trace; t = -1 is the state before step 0.
  signal(name, t, unit) {
    if (t < 0) return name in this.initial ? this.initial[name].values[unit] : NaN;
    if (this.isDetailed(t, unit)) {
      const index = this.detail.names.indexOf(name);
      if (index >= 0) return this.detail.values[index];
    }
    const { detail } = this;
    if (name in this.arrays) {
      const fine = detail && t >= detail.first && t <= detail.timestep;
      return fine
        ? detail.rows[name].values[(t - detail.first) * this.units + unit]
        : this.arrays[name].values[t * this.units + unit];
    }
    if (name.endsWith("_pre")) {
      const parts = this.payload.summands[name.slice(0, -4)];
      return parts.reduce((sum, part) => sum + this.signal(part, t, unit), 0);
    }
    return name in this.products ? this.takenApart(name, t, unit).total : NaN;
  }

  // A part of the state as a step finds it: 0 where it was reset.
  before(name, t, unit) {
    return this.changes.resets.has(t) ? 0 : this.signal(name, t - 1, unit);
  }

  // What the step made of a signal before interventions acted on it.
  made(name, t, unit) {
    const made = this.changes.made[name];
    if (!made) return this.signal(name, t, unit);
    return this.isDetailed(t, unit) ? this.detail.made[name].values[0] : made.values[t * this.units + unit];
  }

  // What a node, a wire or a term carries: a quantity, the product of nodes, or no single number (null).
  value(spec, t, unit) {
    if (spec === null) return null;
    if (Array.isArray(spec)) {
      return spec.reduce((product, id) => product * this.value(this.nodes[id].value, t, unit), 1);
    }
    if (spec.signal === "") return 1;
    const value = spec.before ? this.before(spec.signal, t, unit) : this.signal(spec.signal, t, unit);
    return spec.complement ? 1 - value : value;
  }

  // The step of the second trace that is the partner of a step; null for none.
  partner(t) {
    const { partners } = this.second;
    return partners ? partners[t] : t;
  }

  // The same of the second trace; null where the step has no partner in it.
  secondValue(spec, t, unit) {
    if (spec === null || this.second === null || this.partner(t) === null) return null;
    if (Array.isArray(spec)) {
      return spec.reduce((product, id) => product * this.secondValue(this.nodes[id].value, t, unit), 1);
    }
    if (spec.signal === "") return 1;
    const step = this.partner(t);
    if (spec.before && this.second.resets.has(step)) return 0;
    const at = spec.before ? step - 1 : step;
    const row = at < 0 ? this.second.initial[spec.signal] : this.second.arrays[spec.signal];
    if (!row) return null;
    const value = row.values[at < 0 ? unit : at * this.units + unit];
    return spec.complement ? 1 - value : value;
  }

  // A summand of a pre-activation as products: factor * (sum of weight * x, plus bias), as the step made it. Zero inputs
  // are left out, but for the one of a column that is asked for.
  takenApart(name, t, unit, column = null) {
    const part = this.products[name];
    const fine = this.isDetailed(t, unit) ? this.detail.products[name] : null;
    const weight = (k) => {
      if (fine) return fine.weights.values[k];
      const { values, shape } = part.weights;
      return shape.length === 1 ? values[unit] : values[unit * shape[1] + k];
    };
    const vector = part.weights ? this.vector(part, t, unit).filter(({ k, x }) => x !== 0 || k === column) : [];
    if (part.vector === "inputs" && column !== null && !vector.some(({ k }) => k === column)) {
      const { features, inputs } = this.payload;
      vector.push({ k: column, name: inputs.columns ? `“${features[column]}”` : features[column], x: 0 });
    }
    const terms = vector.map(({ k, name: of, x }) => ({ k, name: of, weight: weight(k), x, value: weight(k) * x }));
    const bias = part.bias ? (fine ? fine.bias.values[0] : part.bias.values[unit]) : null;
    const inner = terms.reduce((sum, term) => sum + term.value, bias ?? 0);
    const factor = part.factor ? this.signal(part.factor, t, unit) : null;
    return { terms, bias, factor, inner, total: factor === null ? inner : factor * inner };
  }

  // A step in words.
  spoken(t, unit) {
    const { tokens, strips, signals } = this.payload;
    const values = strips.map((name) => `${signals[name].name} ${number(this.signal(name, t, unit))}`);
    const place = `Step ${t} of 0 to ${this.time - 1}, token ${tokens[t]}, unit ${this.unitName(unit)}`;
    return `${place}: ${values.join(", ")}.${this.spokenChanges(t, unit)}`;
  }

  // What interventions do in a step, in words; empty for nothing.
  spokenChanges(t, unit) {
    const { changes } = this;
    const said = changes.list(t, unit).map(([name, words]) => {
      const title = this.payload.signals[name]?.name ?? name.replaceAll("_", " ");
      return ` ${title}: made ${number(this.made(name, t, unit))}, ${words}, is ${number(this.signal(name, t, unit))}.`;
    });
    return [changes.resets.has(t) ? " The state was reset before this step." : "", ...said].join("");
  }

  vector(part, t, unit) {
    if (part.vector === "inputs") return this.inputs(t);
    if (part.vector === "cell") return [{ k: 0, name: "new c", x: this.signal("cell", t, unit) }];
    if (part.vector === "cell_before") return [{ k: 0, name: "old c", x: this.before("cell", t, unit) }];
    if (part.vector === "gates") return this.gatesBefore(t);
    if (this.whole) return this.wholeBefore(t);
    return Array.from({ length: this.units }, (_, k) => {
      const h = this.before("hidden", t, k);
      return { k, name: `unit ${k}`, x: part.mask ? h * this.signal(part.mask, t, k) : h };
    });
  }

  // The hidden state of every unit as a step finds it, also of those that are not drawn.
  wholeBefore(t) {
    const { initial, hidden } = this.whole;
    const count = initial.values.length;
    const fine = this.detail?.whole && this.detail.timestep === t ? this.detail.whole : null;
    const at = (k) => (fine ? fine[k] : t === 0 ? initial.values[k] : hidden.values[(t - 1) * count + k]);
    return Array.from({ length: count }, (_, k) => ({ k, name: `unit ${k}`, x: at(k) }));
  }

  inputs(t) {
    const { features, inputs, tokens } = this.payload;
    if (inputs.columns) return [{ k: inputs.columns[t], name: `“${tokens[t]}”`, x: 1 }];
    const fine = this.detail && this.detail.timestep === t;
    return features
      .map((name, k) => ({ k, name, x: fine ? this.detail.input[k] : this.dense[t * features.length + k] }))
      .filter(({ x }) => x !== 0);
  }

  gatesBefore(t) {
    return GATES_FED_BACK.flatMap((gate, block) =>
      Array.from({ length: this.units }, (_, unit) => ({
        k: block * this.units + unit,
        name: `${this.payload.signals[gate].symbol} of unit ${unit}`,
        x: this.gateBefore(gate, block, t, unit),
      })),
    );
  }

  gateBefore(gate, block, t, unit) {
    if (t === 0 && !this.changes.resets.has(0)) return this.initial.gates.values[block * this.units + unit];
    return this.before(gate, t, unit);
  }
}
