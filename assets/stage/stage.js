// The stage: one cell as a machine, its sequence as a ribbon, its memory as strips. `mount(element, payload, callbacks)`
// draws a payload of memviz/stage/payload.py into an element and knows no Streamlit. What it is called with:
//   payload    the content, with `key`; or only { key } when the content is already here; and with it, when wanted,
//              `position` { timestep, unit, phase, node, signal, gradients, weight, serial }, `detail`, the step in
//              double precision, and `gradients`, which have a key of their own and come when the position asks for
//              them; a weight is { signal, column }, a summand and the column of its weights, pointed at elsewhere
//   callbacks  onCommit(position) when the reader comes to rest somewhere; onNeed() when content is missing;
//              isAnswered, whether anybody hears what is committed

import { BarView } from "./bar.js";
import { CardView } from "./card.js";
import { html, prefersStill } from "./dom.js";
import { covers, isFull, switchFull } from "./full.js";
import { meaning, TAKES_KEYS } from "./keys.js";
import { MachineView } from "./machine.js";
import { ahead, start } from "./play.js";
import { Run } from "./run.js";
import { spaceOf } from "./space.js";
import { StripsView } from "./strips.js";

const REST_MS = 150;
const STEP_MS = 800;
const PHASE_MS = 1100;
const START = { timestep: 0, unit: 0, phase: "", node: "", signal: "", gradients: false, weight: null };
const stages = new WeakMap();

export function mount(element, payload, callbacks) {
  let stage = stages.get(element);
  if (!stage) {
    stage = new Stage(element);
    stages.set(element, stage);
  }
  stage.callbacks = callbacks;
  stage.receive(payload);
  return stage;
}

class Stage {
  constructor(element) {
    this.element = element;
    this.run = null;
    this.position = { ...START };
    this.serial = 0;
    this.speed = 1;
    this.playing = null;
    this.hovered = null;
    this.focused = null;
    this.marks = false;
    this.table = false;
    this.timer = null;
    this.held = false;
    this.build();
  }

  build() {
    this.bar = new BarView({
      onPlay: () => this.toggle(this.playing ?? "steps"),
      onInside: () => this.toggle("inside"),
      onSpeed: (speed) => (this.speed = speed),
      onUnit: (unit) => this.move({ unit }),
      onSignal: (signal) => this.move({ signal }),
      onPhase: (phase) => this.goInside(phase),
      onFirst: () => this.step(-Infinity),
      onBack: () => this.step(-1),
      onNext: () => this.step(1),
      onLast: () => this.step(Infinity),
      onGradients: () => this.differentiate(),
      onMarks: () => this.option("marks"),
      onTable: () => this.option("table"),
      onSay: () => this.say(),
      onFull: () => this.fullScreen(),
    });
    this.machine = new MachineView({
      onHover: (node) => this.point("hovered", node),
      onFocus: (node) => this.point("focused", node),
      onPin: (node) => this.pin(node),
      onGrab: () => this.strips.ribbon.focus({ preventScroll: true }),
    });
    this.card = new CardView();
    this.strips = new StripsView({
      onPick: (timestep, unit) => this.move(unit === null ? { timestep } : { timestep, unit }),
      onHold: (held) => this.hold(held),
    });
    this.live = html("div", "live");
    this.live.setAttribute("aria-live", "polite");
    this.note = html("p", "note");
    const middle = html("div", "middle", this.bar.phases, this.machine.root, this.note, this.card.root);
    const { top, legend, bottom } = this.strips;
    this.element.replaceChildren(this.bar.root, top, middle, legend, bottom, this.live);
    this.element.setAttribute("role", "group");
    this.listen();
  }

  listen() {
    const { element } = this;
    const { signal } = (this.life = new AbortController());
    element.addEventListener("keydown", (event) => this.key(event, true));
    const outside = (event) => {
      // Without a focus anywhere the stage takes the keys of time, so that nobody has to click first.
      const on = document.activeElement;
      if (on === null || !(on.shadowRoot || on.matches(TAKES_KEYS))) this.key(event, false);
    };
    document.addEventListener("keydown", outside, { signal });
    document.addEventListener("fullscreenchange", () => this.refit(), { signal });
    this.observer = new ResizeObserver(() => this.refit());
    this.observer.observe(element);
  }

  destroy() {
    this.life.abort();
    this.observer.disconnect();
    this.playing = null;
    clearTimeout(this.timer);
    stages.delete(this.element);
  }

  // Take what arrived. Position and unit stay where the reader put them; an answer to an older move moves nothing.
  receive(payload) {
    if (payload.arrays) {
      if (this.run?.payload.key !== payload.key) this.run = new Run(payload);
    } else if (this.run?.payload.key !== payload.key) {
      this.callbacks.onNeed();
      return;
    }
    if (payload.gradients && !this.run.differentiate(payload.gradients)) {
      this.callbacks.onNeed();
      return;
    }
    this.run.refine(payload.detail ?? null);
    const { position } = payload;
    const isOld = position && position.serial < this.serial;
    if (position && !isOld && this.timer === null && this.playing === null && !this.held) {
      this.serial = position.serial;
      this.position = { ...START, ...position };
      delete this.position.serial;
    }
    this.element.setAttribute("aria-label", `${this.run.payload.cell.title}, step by step`);
    this.isChanging = this.space !== undefined && this.drawnKey !== undefined && this.drawnKey !== payload.key;
    this.drawnKey = payload.key;
    this.draw();
    this.isChanging = false;
    requestAnimationFrame(() => this.refit()); // a call without news: the theme changed
  }

  // Where the reader is, within what this run has.
  where() {
    const { run, position } = this;
    const { payload } = run;
    return {
      timestep: Math.min(position.timestep, run.time - 1),
      unit: Math.min(position.unit, run.units - 1),
      phase: payload.machine.phases.find(({ id }) => id === position.phase) ?? null,
      node: position.node in run.nodes ? position.node : "",
      gradients: position.gradients ? run.gradients : null,
      weight: position.weight?.signal in payload.machine.ways ? position.weight : null,
      signal: payload.strips.includes(position.signal) ? position.signal : payload.strips.includes("cell") ? "cell" : "hidden",
    };
  }

  measure() {
    const found = spaceOf(this.element, this.machine.root, this.strips.ribbonLabel, !this.space);
    if (found) this.space = found;
    return found !== null;
  }

  // The page's width, mode or theme may have changed.
  refit() {
    const before = JSON.stringify(this.space);
    if (this.measure() && JSON.stringify(this.space) !== before) this.draw();
  }

  // Draw everything anew: another run, or another space for it.
  draw() {
    if (!this.run || !(this.space || this.measure())) return;
    const { run } = this;
    const { width, isNarrow, ground, scale, panel, gutter } = this.space;
    this.bar.take(run);
    if (this.machine.build(run.payload)) this.hovered = this.focused = null; // what was pointed at is gone
    const { gradients } = this.where();
    const note = gradients?.caption() ?? run.payload.cell.note;
    if (this.note.textContent !== note) this.note.textContent = note;
    this.element.classList.toggle("backwards", gradients !== null);
    this.bar.gradients.hidden = !this.callbacks.isAnswered && run.gradients === null;
    this.machine.layOut(panel, scale, run, gradients);
    this.strips.take(run, ground, gradients);
    this.strips.layOut(width - gutter, scale, isNarrow);
    this.drawn = {};
    this.show();
  }

  // Draw the step where the reader is.
  show() {
    if (!this.run || !this.space) return;
    const { run } = this;
    const { ground } = this.space;
    const { timestep, unit, phase, node, signal, gradients, weight } = this.where();
    const pointed = [this.hovered, this.focused].find((id) => id in run.nodes);
    // The way of a weight's product, until the reader points at something else.
    const way = pointed || !weight ? null : run.payload.machine.ways[weight.signal];
    const subject = pointed ?? way?.node ?? node;
    const lights = subject ? [subject] : phase ? phase.nodes : null;
    const ways = way?.wires ?? null;
    this.machine.update({ run, timestep, unit, lights, ways, ground, gradients, tokens: run.payload.tokens });
    this.machine.mark(node);
    if (this.drawn.signal !== signal || this.drawn.unit !== unit) this.strips.tint(signal, unit);
    this.strips.place(timestep);
    const { playing, marks, table } = this;
    const full = isFull(this.element);
    const wished = this.position.gradients;
    this.writeCard({ run, timestep, unit, node: subject, phase, table, ground, gradients, weight, brief: full });
    this.bar.update({ run, timestep, unit, signal, phase: phase?.id ?? "", playing, marks, table, full, gradients: wished });
    this.drawn = { signal, unit };
  }

  // After a change from outside the pictures come first: setting formulas takes as long as they do. What is written late
  // is the newest all the same: the reader may have gone on meanwhile.
  writeCard(content) {
    this.subject = content;
    const write = () => this.card.update(this.subject);
    if (this.isChanging) requestAnimationFrame(() => setTimeout(write));
    else write();
  }

  point(how, node) {
    if (this[how] === node) return;
    this[how] = node;
    this.show();
  }

  option(name) {
    this[name] = !this[name];
    if (name === "marks") this.strips.mark(this.marks);
    this.show();
  }

  // From values to gradients and back; they are asked for where they are not here yet.
  differentiate() {
    if (this.bar.gradients.hidden) return;
    this.stop();
    this.position.gradients = !this.position.gradients;
    this.draw();
    this.commit();
  }

  step(by) {
    const to = this.where().timestep + by;
    this.move({ timestep: Math.min(this.run.time - 1, Math.max(0, to)) });
  }

  // The reader goes somewhere; Python hears of it when they come to rest. Another unit or signal does not stop the play.
  move(change) {
    if (!this.run) return;
    if ("timestep" in change || "phase" in change) this.stop();
    if ("unit" in change || "phase" in change || "node" in change) this.position.weight = null;
    Object.assign(this.position, change);
    this.show();
    this.commitSoon();
  }

  // Light a phase; it takes the place of what was pinned.
  goInside(phase) {
    this.table = false;
    this.move({ phase, node: "" });
    if (phase && !prefersStill()) this.machine.pulse();
  }

  pin(node) {
    this.table = false;
    this.move({ node: this.position.node === node ? "" : node });
  }

  // While the pointer drags, nothing is told; what it is let go at, is.
  hold(held) {
    this.held = held;
    if (held) this.strips.ribbon.focus({ preventScroll: true });
    else this.commitSoon();
  }

  commitSoon() {
    clearTimeout(this.timer);
    if (this.held || this.playing !== null) return;
    this.timer = setTimeout(() => this.commit(), REST_MS);
  }

  commit() {
    clearTimeout(this.timer);
    this.timer = null;
    this.serial += 1;
    const { timestep, unit } = this.where();
    const { phase, node, signal, gradients, weight } = this.position; // as wished for, also where this cell has no such thing
    const has = this.run.payload.key;
    const has_gradients = this.run.gradients?.key ?? "";
    const { serial } = this;
    const place = { timestep, unit, phase, node, signal, gradients, weight };
    this.callbacks.onCommit({ ...place, serial, has, has_gradients });
  }

  toggle(how) {
    if (this.playing === how) {
      this.pause();
      return;
    }
    if (this.next(how) === null) Object.assign(this.position, start(this.run, this.isBack()));
    clearTimeout(this.timer);
    this.timer = null;
    this.playing = how;
    this.element.classList.add("playing");
    this.since = null;
    this.table = false;
    if (how === "steps") this.position.phase = "";
    else this.position.node = "";
    this.show();
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    if (this.playing === null || !this.element.isConnected) return;
    this.since ??= now;
    const wait = (this.playing === "inside" ? PHASE_MS : STEP_MS) / this.speed;
    if (now - this.since >= wait) {
      this.since = now;
      const next = this.next(this.playing);
      if (next === null) {
        this.pause();
        return;
      }
      Object.assign(this.position, next);
      this.show();
      if (this.playing === "inside") this.machine.pulse();
    }
    this.frame = requestAnimationFrame((next) => this.tick(next));
  }

  // Where a play goes on to; null at its end.
  next(how) {
    return ahead(this.run, this.where(), how === "inside", this.isBack());
  }

  isBack() {
    return this.where().gradients !== null;
  }

  pause() {
    this.stop();
    this.show();
    this.commit();
  }

  stop() {
    this.playing = null;
    this.element.classList.remove("playing");
  }

  key(event, isFocused) {
    const means = this.run && meaning(event, isFocused);
    if (!means) return;
    const [action, by] = means;
    event.preventDefault();
    event.stopPropagation();
    if (action === "step") this.step(by);
    if (action === "unit") this.move({ unit: Math.min(this.run.units - 1, Math.max(0, this.where().unit + by)) });
    if (action === "play") this.toggle(this.playing ?? "steps");
    if (action === "say") this.say();
    if (action === "full") this.fullScreen();
    if (action === "gradients") this.differentiate();
    if (action === "leave") this.leave();
  }

  // Out of what covers the page, else out of phase and pin.
  leave() {
    if (covers(this.element)) this.fullScreen();
    else this.move({ node: "", phase: "" });
  }

  say() {
    const { timestep, unit, gradients } = this.where();
    this.live.textContent = gradients?.spoken(this.run, timestep, unit) ?? this.run.spoken(timestep, unit);
  }

  fullScreen() {
    this.table = false;
    this.strips.ribbon.focus({ preventScroll: true });
    switchFull(this.element, () => this.refit());
  }
}
