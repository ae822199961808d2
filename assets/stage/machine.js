// The machine: nodes with numbers, wires with sign and size, in SVG. Built once for a cell, laid out for a width, updated
// for a step. With gradients every wire leads back, from its target to its source.

import { Badge } from "./badge.js";
import { inside, ownSignal } from "./changes.js";
import { set, svg } from "./dom.js";
import { plainLabel } from "./maths.js";
import { number } from "./numbers.js";

const ROW = 70;
const NODE = { width: 80, least: 48, height: 42, operator: 15, tight: 66 };
const SECOND = { height: 16, row: 22 }; // what a second number takes
const MARKED = 9; // what the marks of touched numbers take between two rows
const CORNER = 9;
const ARROW = 7;
const WIRE = { thin: 1.5, thick: 7 };
const PULSE_MS = 380;
const OPERATORS = ["×", "+"];

export class MachineView {
  constructor(handlers) {
    this.handlers = handlers;
    this.root = svg("svg", { class: "machine", role: "group" });
    this.name = null;
  }

  // Build the nodes and wires of a payload's cell; false if they stand already.
  build(payload) {
    this.root.setAttribute("aria-label", `${payload.cell.title} as a machine`);
    if (this.name === payload.cell.name) return false;
    this.name = payload.cell.name;
    this.machine = payload.machine;
    this.payload = payload;
    this.width = null;
    this.wires = payload.machine.wires.map((wire) => this.newWire(wire));
    this.nodes = payload.machine.nodes.filter((node) => node.kind !== "bus").map((node) => this.newNode(node));
    this.byId = Object.fromEntries(this.nodes.map((node) => [node.spec.id, node]));
    this.halo = svg("path", { class: "halo" });
    this.root.replaceChildren(
      svg("g", { class: "wires" }, this.halo, ...this.wires.map((wire) => wire.group)),
      svg("g", { class: "nodes" }, ...this.nodes.map((node) => node.group)),
    );
    return true;
  }

  newWire(spec) {
    const base = svg("path", { class: "base" });
    const value = svg("path", { class: "value" });
    const head = svg("path", { class: "head" });
    const group = svg("g", { class: `wire${spec.dashed ? " dashed" : ""}` }, base, value, head);
    return { spec, group, base, value, head };
  }

  newNode(spec) {
    const label = svg("text", { class: "label" });
    const shape = svg("rect", { class: "shape" });
    const text = svg("text", { class: "number" });
    const second = svg("text", { class: "second" });
    const under = svg("text", { class: "under" }, plainLabel(spec.under)[0]);
    const group = svg("g", { class: `node ${spec.kind}`, tabindex: "0", role: "button" });
    group.dataset.node = spec.id;
    const badge = new Badge();
    group.append(shape, label, text, second, under, badge.group);
    const { onHover, onFocus, onPin, onGrab } = this.handlers;
    group.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && onHover(spec.id));
    group.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && onHover(null));
    // A click pins; the focus goes to the ribbon, whose keys go on working.
    group.addEventListener("mousedown", (event) => event.preventDefault());
    group.addEventListener("click", () => {
      onGrab();
      onPin(spec.id);
    });
    group.addEventListener("focus", () => onFocus(spec.id));
    group.addEventListener("blur", () => onFocus(null));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      onPin(spec.id);
    });
    const touched = { own: isOperatorOnly(spec) ? "" : ownSignal(spec), inside: inside(spec, this.payload) };
    return { spec, group, shape, label, text, second, under, badge, touched };
  }

  // Place everything for a width in pixels; `scale` makes it larger for a projector. `gradients` turn every arrow round.
  layOut(width, scale, { second, changes }, gradients) {
    const { columns, rows } = this.machine;
    const hasSecond = second !== null;
    const placed = `${width} ${scale} ${hasSecond} ${changes.isEmpty} ${gradients !== null}`;
    if (this.width === placed) return;
    this.width = placed;
    this.isBack = gradients !== null;
    const size = Math.max(NODE.least * scale, Math.min(NODE.width * scale, (width - 16) / (columns + 1) - 11 * scale));
    const margin = size / 2 + 3;
    const step = (width - 2 * margin) / columns;
    const row = (ROW + (hasSecond ? SECOND.row : 0) + (changes.isEmpty ? 0 : MARKED)) * scale;
    this.tall = (NODE.height + (hasSecond ? SECOND.height : 0)) * scale;
    const top = this.tall / 2 + (changes.isEmpty ? 4 : 4 + MARKED) * scale;
    this.at = ([x, y]) => [margin + x * step, top + y * row];
    const bottom = this.tall / 2 + 4 * scale;
    const height = Math.ceil(top + rows * row + bottom);
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.style.height = `${height}px`;
    this.isTight = this.isBack && size < NODE.tight * scale;
    this.root.classList.toggle("tight", this.isTight);
    for (const node of this.nodes) this.placeNode(node, size, scale);
    for (const { spec, label } of this.nodes) label.replaceChildren(...this.labelOf(spec, gradients));
    for (const wire of this.wires) this.placeWire(wire, scale);
  }

  placeNode(node, size, scale) {
    const [x, y] = this.at(node.spec.at);
    const operator = isOperatorOnly(node.spec);
    const width = operator ? 2 * NODE.operator * scale : size;
    const height = operator ? 2 * NODE.operator * scale : this.tall;
    node.half = [width / 2, height / 2];
    node.group.setAttribute("transform", `translate(${x} ${y})`);
    const radius = { state: 5, input: 5, gate: 10, constant: 10, function: 10 }[node.spec.kind];
    set(node.shape, {
      x: -width / 2,
      y: -height / 2,
      width,
      height,
      rx: operator ? width / 2 : (radius ?? NODE.height / 2) * scale,
    });
    const first = -height / 2 + 16 * scale;
    node.label.setAttribute("y", operator ? 5 * scale : first);
    node.text.setAttribute("y", first + 19 * scale);
    node.second.setAttribute("y", first + 36 * scale);
    node.badge.place(node.half, size + 8 * scale, scale);
    set(node.under, { x: 7 * scale, y: height / 2 + 13 * scale });
  }

  // The symbol of a node, or of the derivative by its number.
  labelOf(spec, gradients) {
    const [base, index] = plainLabel(spec.label);
    const parts = [base, ...(index ? [svg("tspan", { class: "index", dy: "0.3em" }, index)] : [])];
    if (!gradients || !(spec.id in gradients.nodes) || isOperatorOnly(spec)) return parts;
    const lead = svg("tspan", { class: "lead" }, this.isTight ? "∂" : "∂L/∂");
    if (base.includes(" ")) return [lead, `(${base})`];
    return OPERATORS.includes(base) ? [lead, " ", ...parts] : [lead, ...parts];
  }

  // A wire's corners from its target back to its source, or to the line of a wire that it leaves on the way.
  back({ source, path }) {
    const length = ([[x, y], [nextX, nextY]]) => Math.hypot(nextX - x, nextY - y);
    const leaves = this.wires.some(
      ({ spec }) => spec.source === source && goAlong(spec.path, path) && length(spec.path) > length(path),
    );
    return path.slice(leaves ? 1 : 0).reverse();
  }

  placeWire(wire, scale) {
    const end = this.isBack ? wire.spec.source : wire.spec.target;
    const path = this.isBack ? this.back(wire.spec) : wire.spec.path;
    const points = path.map(this.at);
    const node = this.byId[end];
    const isTrunk = end === "bus" && (!this.isBack || wire.spec.target === "bus");
    // A wire that leaves another in its middle comes back to the line itself.
    const isFork = this.isBack && !(node && same(path.at(-1), node.spec.at));
    if (node || isFork) trim(points, isFork ? [0, 0] : node.half, isTrunk ? 0 : ARROW * scale);
    const line = rounded(points, CORNER * scale);
    wire.base.setAttribute("d", line);
    wire.value.setAttribute("d", line);
    wire.head.setAttribute("d", isTrunk ? "" : arrow(points, ARROW * scale));
    wire.scale = scale;
    // What comes out of a node starts at its edge, so that its drawing in starts where it can be seen.
    wire.length = null;
  }

  // Show a step. `numbers` gives the value of a node or wire, `colour` the colour of a value, `lit` what is the subject.
  update({ run, timestep, unit, lights, ways, ground, gradients, tokens }) {
    const numberOf = ({ id, kind, value }) => {
      if (gradients) return gradients.node(id, timestep, unit);
      return kind === "input" ? null : run.value(value, timestep, unit);
    };
    for (const node of this.nodes) {
      const value = numberOf(node.spec);
      const digits = this.isTight ? 2 : 3;
      const text = node.spec.id === "x" ? shortened(tokens[timestep]) : value === null ? "" : number(value, digits);
      const shown = isOperatorOnly(node.spec) ? "" : text;
      if (node.text.textContent !== shown) node.text.textContent = shown;
      const what = gradients && value !== null ? `gradient by ${node.spec.title}` : node.spec.title;
      const done = this.touch(node, run, timestep, unit);
      node.group.setAttribute("aria-label", `${what}${text ? `, ${text}` : ""}${done}`);
      const isAlone = isOperatorOnly(node.spec) || gradients;
      const second = isAlone ? null : run.secondValue(node.spec.value, timestep, unit);
      const other = second === null ? "" : number(second);
      if (node.second.textContent !== other) node.second.textContent = other;
      const its = run.payload.signals[node.spec.signal];
      node.group.style.setProperty("--signal", its ? its[ground] : "var(--muted)");
    }
    for (const [index, wire] of this.wires.entries()) {
      const value = gradients ? gradients.wire(index, timestep, unit) : run.value(wire.spec.value, timestep, unit);
      const share = shareOf(value, wire.spec, run, gradients);
      const width = share === null ? WIRE.thin : WIRE.thin + share * (WIRE.thick - WIRE.thin) * (wire.spec.dashed ? 0.5 : 1);
      wire.value.style.strokeWidth = `${(width * wire.scale).toFixed(1)}px`;
      const sign = share === null ? "var(--wire)" : value < 0 ? "var(--negative)" : "var(--positive)";
      wire.group.style.setProperty("--carries", sign);
    }
    this.light(lights, ways);
  }

  // Mark a node whose number is touched, or was thrown away; what is done to it comes back in words.
  touch({ spec, group, badge, touched }, run, t, unit) {
    const { changes } = run;
    if (changes.isEmpty && !badge.shown) return "";
    const isOld = spec.value?.before || spec.id === "gates_before";
    const isReset = isOld && changes.resets.has(t);
    const mark = isReset ? "reset" : changes.mark(touched.own, touched.inside, t, unit);
    badge.write(mark);
    group.classList.toggle("touched", mark !== "");
    if (isReset) return ", reset before this step";
    const words = [touched.own, ...touched.inside].map((name) => changes.words(name, t, unit)).filter(Boolean);
    return words.length > 0 ? `, ${words.join(", ")}` : "";
  }

  // Bring nodes to the foreground, with the wires that lead to them and where those come from; or with `ways`, wires by
  // their place, and where they come from.
  light(ids, ways = null) {
    this.root.classList.toggle("focused", ids !== null);
    const lit = new Set(ids ?? []);
    const targets = new Set(ids ?? []);
    if (this.isBack && targets.has("cell")) targets.add("sum"); // the line between them is c_t
    const [from, to] = this.isBack ? ["target", "source"] : ["source", "target"];
    // What a gate reads comes along the bus, from x and h.
    if (this.wires.some(({ spec }) => spec[from] === "bus" && targets.has(spec[to]))) targets.add("bus");
    for (const [index, wire] of this.wires.entries()) {
      wire.lit = ways ? ways.includes(index) : targets.has(wire.spec[to]);
      wire.group.classList.toggle("lit", wire.lit);
      if (wire.lit) lit.add(wire.spec[from]);
    }
    for (const node of this.nodes) node.group.classList.toggle("lit", lit.has(node.spec.id));
    this.halo.setAttribute("d", ways ? this.wayOf(ways.map((index) => this.wires[index].spec)) : "");
  }

  // One way through some wires; of the bus only the part up to where it is left.
  wayOf(specs) {
    const leaves = specs.find(({ source, target }) => source === "bus" && target !== "bus");
    const paths = specs.map(({ source, target, path }) => (source === target ? [path[0], leaves.path[0]] : path));
    return paths.map((path) => `M${path.map((place) => this.at(place).join(" ")).join("L")}`).join("");
  }

  // Let the values travel along the wires that are lit.
  pulse() {
    for (const wire of this.wires) {
      if (!wire.lit) continue;
      wire.length ??= wire.value.getTotalLength();
      const dash = `${wire.length} ${wire.length}`;
      wire.value.animate(
        [
          { strokeDasharray: dash, strokeDashoffset: wire.length },
          { strokeDasharray: dash, strokeDashoffset: 0 },
        ],
        { duration: PULSE_MS, easing: "ease-out" },
      );
    }
  }

  mark(pinned) {
    for (const node of this.nodes) {
      node.group.classList.toggle("pinned", node.spec.id === pinned);
      node.group.setAttribute("aria-pressed", String(node.spec.id === pinned));
    }
  }
}

// The number of a sum is on the state that it leads to; Elman's sum is a number of its own.
function isOperatorOnly(spec) {
  return spec.kind === "sum" && spec.signal !== "";
}

// How thick a wire is, from 0 to 1; null where it carries no single number, or a gradient of exactly 0.
function shareOf(value, spec, run, gradients) {
  if (value === null || Number.isNaN(value)) return null;
  if (gradients) return value === 0 ? null : gradients.strength(value);
  return Math.min(1, Math.abs(value) / reach(spec, run));
}

// Whether two paths leave one place in one direction.
function goAlong([start, next], [otherStart, otherNext]) {
  const way = (k, from, to) => Math.sign(to[k] - from[k]);
  return same(start, otherStart) && [0, 1].every((k) => way(k, start, next) === way(k, otherStart, otherNext));
}

function same([x, y], [otherX, otherY]) {
  return x === otherX && y === otherY;
}

// The value at which a wire is at its thickest.
function reach(spec, run) {
  const signal = spec.value.signal;
  if (signal && run.payload.signals[signal]) return run.payload.signals[signal].range[1];
  if (signal) return 4; // a pre-activation or one of its summands: sigma(4) is 0.98
  return (run.payload.signals.cell ?? run.payload.signals.hidden).range[1];
}

function shortened(token) {
  const letters = [...token];
  return letters.length > 6 ? `${letters.slice(0, 5).join("")}…` : token;
}

// End a line at the edge of its target, with room for the arrow.
function trim(points, [halfWidth, halfHeight], room) {
  const [x, y] = points.at(-1);
  const [px, py] = points.at(-2);
  // Never beyond the corner before: the arrow would point the other way.
  const back = (half, way) => Math.sign(way) * Math.min(half + room, Math.abs(way) - 2);
  const along = px === x ? [0, back(halfHeight, py - y)] : [back(halfWidth, px - x), 0];
  // A line that comes in beside the middle ends at the edge all the same.
  points[points.length - 1] = [x + along[0], y + along[1]];
}

function rounded(points, radius) {
  const parts = [`M${points[0].join(" ")}`];
  for (let k = 1; k < points.length - 1; k += 1) {
    const before = towards(points[k], points[k - 1], radius);
    const after = towards(points[k], points[k + 1], radius);
    parts.push(`L${before.join(" ")}Q${points[k].join(" ")} ${after.join(" ")}`);
  }
  parts.push(`L${points.at(-1).join(" ")}`);
  return parts.join("");
}

function towards([x, y], [tx, ty], distance) {
  const length = Math.hypot(tx - x, ty - y);
  const share = length === 0 ? 0 : Math.min(0.5, distance / length);
  return [x + (tx - x) * share, y + (ty - y) * share];
}

function arrow(points, size) {
  const [x, y] = points.at(-1);
  const [px, py] = points.at(-2);
  const length = Math.hypot(x - px, y - py) || 1;
  const [dx, dy] = [((x - px) / length) * size, ((y - py) / length) * size];
  return `M${x - dy * 0.8} ${y + dx * 0.8}L${x + dx} ${y + dy}L${x + dy * 0.8} ${y - dx * 0.8}Z`;
}
