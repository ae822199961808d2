// The ribbon of tokens and the memory strips: units by time, one above the other, aligned, with one cursor.
// Tokens are somebody's text: they go through textContent, never into markup.

import { AxisView } from "./axis.js";
import { colourScale, css, inkOn } from "./colours.js";
import { html, set } from "./dom.js";
import { LegendView } from "./legend.js";
import { number } from "./numbers.js";
import { Outline } from "./outline.js";

const TOKEN = { least: 11, tight: 14, touch: 28, letter: 9, most: 120, value: 44, gradient: 58, roomFor: 3 };
const STRIP = { least: 30, unit: 2.5, most: 64 };
const MARK = { shut: 0.05, open: 0.95, pixels: 3 };
const SPARE = 8; // tokens that are drawn on either side of what can be seen

export class StripsView {
  constructor(handlers) {
    this.handlers = handlers;
    this.ribbon = html("div", "track ribbon");
    this.ribbon.setAttribute("role", "listbox");
    this.ribbon.setAttribute("aria-orientation", "horizontal");
    this.ribbon.tabIndex = 0;
    this.ribbonCursor = html("div", "cursor");
    this.tokens = html("div", "tokens");
    this.ribbon.append(this.tokens, this.ribbonCursor);
    this.ribbonScroll = html("div", "scroll", this.ribbon);
    this.ribbonLabel = html("div", "gutter");
    this.top = html("div", "lane", this.ribbonLabel, this.ribbonScroll);

    this.track = html("div", "track");
    this.cursor = html("div", "cursor");
    this.scroll = html("div", "scroll", this.track);
    this.gutters = html("div", "gutters");
    this.tip = html("div", "tip");
    this.bottom = html("div", "lane strips", this.gutters, this.scroll, this.tip);
    this.axis = new AxisView();
    this.legendView = new LegendView();
    this.legend = this.legendView.root;
    this.strips = [];
    this.left = 0;
    set(this.scroll, { tabindex: "0", role: "group", "aria-label": "Memory strips: units by time" });
    this.listen();
  }

  listen() {
    const together = (from, to) => () => {
      if (to.scrollLeft !== from.scrollLeft) to.scrollLeft = from.scrollLeft;
      this.left = from.scrollLeft;
      this.drawTokens();
    };
    this.scroll.addEventListener("scroll", together(this.scroll, this.ribbonScroll), { passive: true });
    this.ribbonScroll.addEventListener("scroll", together(this.ribbonScroll, this.scroll), { passive: true });
    for (const track of [this.ribbon, this.track]) {
      track.addEventListener("pointerdown", (event) => {
        // A finger scrolls; its tap is a click.
        if (event.button !== 0 || event.pointerType === "touch") return;
        track.setPointerCapture(event.pointerId);
        this.dragged = track;
        this.handlers.onHold(true);
        this.pick(event);
      });
      track.addEventListener("pointermove", (event) => this.dragged === track && this.pick(event));
      track.addEventListener("lostpointercapture", () => {
        this.dragged = null;
        this.handlers.onHold(false);
      });
      track.addEventListener("click", (event) => this.pick(event));
    }
    this.track.addEventListener("pointermove", (event) => this.showTip(event));
    this.track.addEventListener("pointerleave", () => (this.tip.textContent = ""));
  }

  // Go to the step under the pointer, and on a strip to its unit.
  pick(event) {
    const strip = this.stripAt(event);
    this.handlers.onPick(this.timestepAt(event), strip ? this.unitAt(event, strip) : null);
  }

  // A captured pointer's own target is the track, wherever it is.
  stripAt(event) {
    const under = this.track.getRootNode().elementFromPoint(event.clientX, event.clientY);
    return under?.closest(".strip") ?? null;
  }

  timestepAt(event) {
    const at = (event.clientX - this.track.getBoundingClientRect().left) / this.step;
    return Math.min(this.run.time - 1, Math.max(0, Math.floor(at)));
  }

  unitAt(event, strip) {
    const box = strip.getBoundingClientRect();
    const share = (event.clientY - box.top) / box.height;
    return Math.min(this.run.units - 1, Math.max(0, Math.floor(share * this.run.units)));
  }

  showTip(event) {
    const strip = this.stripAt(event);
    if (!strip) return;
    const [t, unit, name] = [this.timestepAt(event), this.unitAt(event, strip), strip.dataset.signal];
    const its = this.run.payload.signals[name];
    const value = this.stripValues(name)[t * this.run.units + unit];
    const what = this.gradients ? `∂L/∂${its.symbol}` : this.differs() ? `change of ${its.symbol}` : its.symbol;
    if (this.isAlone(t)) {
      this.tip.textContent = `step ${t} (“${this.run.payload.tokens[t]}”) has no step of before to compare with`;
      return;
    }
    const words = this.run.changes.words(name, t, unit);
    const done = words && !this.differs() && !this.gradients ? `, ${words}` : "";
    this.tip.textContent = `${what} of unit ${this.run.unitName(unit)} at step ${t} (“${this.run.payload.tokens[t]}”) = ${number(value)}${done}`;
  }

  // Take a run: as many strips as its cell has signals; each is one picture of units by time, a pixel for each number.
  // With `gradients` all of it shows these, on one scale.
  take(run, ground, gradients) {
    this.run = run;
    this.ground = ground;
    this.gradients = gradients;
    const { strips } = run.payload;
    if (this.strips.map(({ name }) => name).join() !== strips.join()) this.buildStrips(strips);
    for (const strip of this.strips) this.paint(strip);
    this.axis.take(run, gradients !== null);
    this.legendView.write(run, gradients ? gradients.legend(this.diverging()) : undefined);
    this.mark(this.marked);
  }

  buildStrips(names) {
    this.strips = names.map((name) => {
      const canvas = html("canvas");
      const row = html("div", "row");
      const marks = html("canvas", "marks");
      const outline = new Outline();
      const box = html("div", "strip", canvas, marks, outline.root, row);
      box.dataset.signal = name;
      const gutter = html("div", "gutter");
      return { name, canvas, marks, outline, row, box, gutter };
    });
    this.track.replaceChildren(this.axis.root, ...this.strips.map(({ box }) => box), this.cursor);
    this.gutters.replaceChildren(this.axis.gutter, ...this.strips.map(({ gutter }) => gutter));
  }

  differs() {
    return this.run.second !== null && !this.gradients;
  }

  // Whether differences are shown and a step has no partner to differ from.
  isAlone(t) {
    return this.differs() && this.run.partner(t) === null;
  }

  // What a strip shows: the signal, or what it differs by from the second trace, or the gradient by it.
  stripValues(name) {
    const { values } = (this.gradients ?? this.run).arrays[name];
    if (!this.differs()) return values;
    const { units } = this.run;
    const second = this.run.second.arrays[name].values;
    return values.map((value, k) => {
      const partner = this.run.partner(Math.floor(k / units));
      return partner === null ? NaN : value - second[partner * units + (k % units)];
    });
  }

  scaleOf(name) {
    const its = this.run.payload.signals[name];
    const sequential = its.gate && !this.differs();
    const colours = this.run.payload.scales[sequential ? "sequential" : "diverging"][this.ground];
    return { colours, range: this.differs() ? its.difference : its.range };
  }

  diverging() {
    return this.run.payload.scales.diverging[this.ground];
  }

  paint(strip) {
    const { run } = this;
    const { colours, range } = this.scaleOf(strip.name);
    const colour = this.gradients?.colour(this.diverging()) ?? colourScale(colours, range);
    const values = this.stripValues(strip.name);
    strip.canvas.width = run.time;
    strip.canvas.height = run.units;
    const context = strip.canvas.getContext("2d");
    const image = context.createImageData(run.time, run.units);
    for (let t = 0; t < run.time; t += 1) {
      const opacity = this.isAlone(t) ? 0 : 255; // the hatch behind it is seen
      for (let unit = 0; unit < run.units; unit += 1) {
        const [r, g, b] = colour(values[t * run.units + unit]);
        const at = (unit * run.time + t) * 4;
        image.data[at] = r;
        image.data[at + 1] = g;
        image.data[at + 2] = b;
        image.data[at + 3] = opacity;
      }
    }
    context.putImageData(image, 0, 0);
    strip.outline.draw(strip.name, run);
    strip.canvas.dataset.painted = this.gradients?.key ?? run.payload.key;
    this.label(strip, colours, range);
  }

  label(strip, colours, range) {
    const isGradient = this.gradients !== null;
    const says = JSON.stringify([colours, range, this.differs(), strip.name, isGradient]);
    if (strip.says === says) return;
    strip.says = says;
    const its = this.run.payload.signals[strip.name];
    const symbol = html("b", "", (isGradient ? "∂L/∂" : this.differs() ? "Δ" : "") + its.symbol);
    symbol.style.color = its[this.ground];
    if (isGradient) {
      strip.gutter.replaceChildren(html("div", "", symbol, html("span", "name", ` ${its.name}`)));
      return;
    }
    const bar = html("i", "bar");
    bar.style.background = `linear-gradient(to right, ${colours.join(", ")})`;
    const [low, high] = range.map((end) => number(end, 1));
    const name = html("span", "name", ` ${its.name}`);
    const scale = html("span", "scale", html("span", "", low), bar, html("span", "", high));
    const short = html("span", "short", its.gate && !this.differs() ? "0 to 1" : `±${high}`);
    strip.gutter.replaceChildren(html("div", "", symbol, name), scale, short);
  }

  // Mark where a gate is as good as shut or open.
  mark(on) {
    this.marked = on;
    for (const { name, marks } of this.strips) {
      const shown = on && !this.gradients && this.run.payload.signals[name].gate;
      marks.hidden = !shown;
      if (shown) this.paintMarks(marks, this.run.arrays[name].values);
    }
  }

  paintMarks(marks, values) {
    const { time, units } = this.run;
    marks.width = time * MARK.pixels;
    marks.height = units * MARK.pixels;
    const context = marks.getContext("2d");
    for (let t = 0; t < time; t += 1) {
      for (let unit = 0; unit < units; unit += 1) {
        const value = values[t * units + unit];
        if (value >= MARK.shut && value <= MARK.open) continue;
        context.fillStyle = (value > MARK.open) === (this.ground === "light") ? "#ffffff" : "#000000";
        context.fillRect(t * MARK.pixels + 1, unit * MARK.pixels + 1, 1, 1);
      }
    }
  }

  // Fit the tokens to the width that is left for them, in pixels.
  layOut(width, scale, touch) {
    const { payload, time, units } = this.run;
    this.available = Math.max(40, width);
    const longest = Math.max(...payload.tokens.map((token) => [...token].length));
    const least = (touch ? TOKEN.touch : TOKEN.least) * scale;
    const text = Math.min(TOKEN.most, longest * TOKEN.letter + 6) * scale;
    const wanted = time * text <= TOKEN.roomFor * this.available ? Math.max(text, least) : least;
    this.step = Math.max(wanted, this.available / time);
    this.fits = this.step >= text;
    this.ribbon.classList.toggle("tight", this.step < TOKEN.tight * scale);
    this.scale = scale;
    for (const track of [this.ribbon, this.track]) track.style.width = `${this.step * time}px`;
    const height = Math.min(STRIP.most, Math.max(STRIP.least, units * STRIP.unit)) * scale;
    for (const { box, gutter: label, row } of this.strips) {
      box.style.height = label.style.height = `${height}px`;
      row.style.height = `${Math.max(3, height / units)}px`;
    }
    this.axis.layOut(this.step, time, scale);
    this.height = height;
    for (const cursor of [this.cursor, this.ribbonCursor]) cursor.style.width = `${this.step}px`;
    this.drawn = null;
  }

  // Tint the ribbon by one signal of one unit.
  tint(signal, unit) {
    const its = this.run.payload.signals[signal];
    const colours = this.run.payload.scales[its.gate ? "sequential" : "diverging"][this.ground];
    const { gradients } = this;
    const { values } = (gradients ?? this.run).arrays[signal];
    this.tinted = { unit, values, colour: gradients?.colour(this.diverging()) ?? colourScale(colours, its.range) };
    const name = html("span", "name", ` of unit ${this.run.unitName(unit)}`);
    const symbol = html("b", "", `${gradients ? "∂L/∂" : ""}${its.symbol}`);
    symbol.style.color = its[this.ground];
    this.ribbonLabel.replaceChildren(symbol, name);
    const by = gradients ? "gradient by the " : "";
    this.ribbon.setAttribute("aria-label", `Tokens, tinted by the ${by}${its.name} ${its.symbol} of unit ${this.run.unitName(unit)}`);
    for (const { row } of this.strips) row.style.transform = `translateY(${(unit * this.height) / this.run.units}px)`;
    this.drawn = null;
    this.drawTokens();
  }

  // Only the tokens that can be seen are drawn.
  drawTokens() {
    if (!this.tinted) return;
    const first = Math.max(0, Math.floor(this.left / this.step) - SPARE);
    const last = Math.min(this.run.time - 1, Math.ceil((this.left + this.available) / this.step) + SPARE);
    const drawn = `${first} ${last}`;
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    const cells = [...this.tokens.children];
    while (cells.length < last - first + 1) cells.push(this.tokens.appendChild(newToken()));
    while (cells.length > last - first + 1) cells.pop().remove();
    cells.forEach((cell, index) => this.drawToken(cell, first + index));
    this.select(this.selected);
  }

  drawToken(cell, t) {
    const { tokens } = this.run.payload;
    const { values, unit, colour } = this.tinted;
    const value = values[t * this.run.units + unit];
    const tint = colour(value);
    const [text, shown] = cell.children;
    const isShort = [...tokens[t]].length * TOKEN.letter * this.scale <= this.step;
    text.textContent = this.fits || isShort ? tokens[t] : "";
    const [room, digits] = this.gradients ? [TOKEN.gradient, 2] : [TOKEN.value, 3];
    shown.textContent = this.step >= room * this.scale ? number(value, digits) : "";
    cell.style.cssText = `left:${t * this.step}px;width:${this.step}px;background:${css(tint)};color:${inkOn(tint)}`;
    const isReset = this.run.changes.resets.has(t);
    cell.classList.toggle("reset", isReset);
    cell.setAttribute("aria-label", `step ${t}, ${tokens[t]}, ${number(value)}${isReset ? ", the state is reset before it" : ""}`);
    cell.dataset.timestep = String(t);
    const place = { id: `token-${t}`, title: tokens[t], "aria-posinset": t + 1, "aria-setsize": this.run.time };
    if (cell.dataset.place === JSON.stringify(place)) return;
    cell.dataset.place = JSON.stringify(place);
    set(cell, place);
  }

  // Move the cursor, and what can be seen with it.
  place(t) {
    for (const cursor of [this.cursor, this.ribbonCursor]) cursor.style.transform = `translateX(${t * this.step}px)`;
    const left = t * this.step;
    if (left < this.left || left + this.step > this.left + this.available) {
      this.left = Math.max(0, Math.min(this.run.time * this.step - this.available, left - this.available / 2));
      this.scroll.scrollLeft = this.ribbonScroll.scrollLeft = this.left;
      this.drawTokens();
    }
    this.select(t);
  }

  select(t) {
    this.selected = t;
    for (const cell of this.tokens.children) {
      const is = cell.dataset.timestep === String(t);
      if ((cell.getAttribute("aria-selected") === "true") !== is) cell.setAttribute("aria-selected", String(is));
    }
    this.ribbon.setAttribute("aria-activedescendant", `token-${t}`);
  }
}

function newToken() {
  const cell = html("div", "token", html("span", "text"), html("span", "value"));
  cell.setAttribute("role", "option");
  cell.setAttribute("aria-selected", "false");
  return cell;
}
