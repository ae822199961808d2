// The controls of the stage: time, the phases of a step, and what is shown.

import { html, set, svg } from "./dom.js";

const ICONS = {
  first: "M5 4v16M19 5 8 12l11 7Z",
  back: "M17 5 6 12l11 7Z",
  play: "M7 4v16l13-8Z",
  pause: "M7 4v16M17 4v16",
  next: "M7 5l11 7-11 7Z",
  last: "M19 4v16M5 5l11 7-11 7Z",
  inside: "M4 6v12l7-6ZM14 6v12l7-6Z",
  full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
};
const SPEEDS = [0.5, 1, 2, 4];

function icon(name) {
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
}

function button(label, hint, onClick, iconName) {
  const made = set(html("button"), { type: "button", title: hint });
  if (iconName) {
    made.append(icon(iconName));
    made.setAttribute("aria-label", label);
  } else {
    made.append(label);
  }
  made.addEventListener("click", onClick);
  return made;
}

function choice(label, onChange) {
  const select = set(html("select"), { "aria-label": label });
  select.addEventListener("change", () => onChange(select.value));
  return select;
}

function offer(select, options, chosen) {
  const wanted = options.map(([value, text]) => `${value}\n${text}`).join("\r");
  if (select.dataset.options !== wanted) {
    select.replaceChildren(...options.map(([value, text]) => set(html("option", "", text), { value })));
    select.dataset.options = wanted;
  }
  select.value = String(chosen);
}

export class BarView {
  constructor(handlers) {
    this.play = button("Play", "Play (space)", handlers.onPlay, "play");
    this.speed = choice("Speed", (value) => handlers.onSpeed(Number(value)));
    offer(this.speed, SPEEDS.map((speed) => [speed, `${speed}×`.replace("0.5", "½")]), 1);
    this.readout = html("span", "readout");
    this.unit = choice("Unit", (value) => handlers.onUnit(Number(value)));
    this.signal = choice("Ribbon shows", handlers.onSignal);
    this.gradients = button("Gradients", "What the loss asks of each number, backwards in time (G)", handlers.onGradients);
    this.marks = button("Saturation", "Mark gates below .05 and above .95 in the strips", handlers.onMarks);
    this.table = button("Table", "All numbers of this step, in full", handlers.onTable);
    this.say = button("Say the step", "Have a screen reader say this step (S)", handlers.onSay);
    this.full = button("Full screen", "Full screen, for a projector (F)", handlers.onFull, "full");
    // What a lecturer does not need while projecting.
    for (const extra of [this.marks, this.table, this.say]) extra.classList.add("extra");
    this.root = html(
      "div",
      "bar",
      button("First step", "First step (Home)", handlers.onFirst, "first"),
      button("Step back", "Step back (←)", handlers.onBack, "back"),
      this.play,
      button("Next step", "Next step (→)", handlers.onNext, "next"),
      button("Last step", "Last step (End)", handlers.onLast, "last"),
      this.speed,
      this.readout,
      html("label", "", "Unit ", this.unit),
      html("label", "", "Ribbon shows ", this.signal),
      this.gradients,
      this.marks,
      this.table,
      this.say,
      this.full,
    );
    this.phases = set(html("div", "phases"), { role: "group", "aria-label": "Phases of the step" });
    this.inside = button("Play inside", "Play through the phases of each step", handlers.onInside);
    this.inside.prepend(icon("inside"));
    this.onPhase = handlers.onPhase;
  }

  // Offer what a run has.
  take(run) {
    const { payload } = run;
    offer(this.unit, Array.from({ length: run.units }, (_, unit) => [unit, String(run.unitName(unit))]), this.unit.value);
    const signals = payload.strips.map((name) => [name, `${payload.signals[name].symbol}, ${payload.signals[name].name}`]);
    offer(this.signal, signals, this.signal.value);
    if (this.of === payload.cell.name) return;
    this.of = payload.cell.name;
    const phases = [{ id: "", title: "Whole step" }, ...payload.machine.phases];
    this.buttons = phases.map((phase) => {
      const made = button(phase.title, "", () => this.onPhase(phase.id));
      made.dataset.phase = phase.id;
      return made;
    });
    this.phases.replaceChildren(...this.buttons, this.inside);
  }

  update({ run, timestep, unit, signal, phase, playing, marks, table, full, gradients }) {
    const isPlaying = playing !== null;
    if ((this.play.getAttribute("aria-label") === "Pause") !== isPlaying) {
      this.play.replaceChildren(icon(isPlaying ? "pause" : "play"));
      this.play.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
    }
    this.readout.textContent = `step ${timestep} of 0 to ${run.time - 1}, “${run.payload.tokens[timestep]}”`;
    this.unit.value = String(unit);
    this.signal.value = signal;
    for (const made of this.buttons) made.setAttribute("aria-pressed", String(made.dataset.phase === phase));
    this.inside.setAttribute("aria-pressed", String(playing === "inside"));
    this.gradients.setAttribute("aria-pressed", String(gradients));
    this.marks.setAttribute("aria-pressed", String(marks));
    this.marks.disabled = run.gradients !== null && gradients; // it is about values
    this.table.setAttribute("aria-pressed", String(table));
    this.full.setAttribute("aria-pressed", String(full));
  }
}
