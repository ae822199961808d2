// Small multiples: a column for each run, a row for each role, aligned, with one cursor that moves without the server.
// `mount(element, payload, callbacks)` draws a payload of memviz/stage/multiples/payload.py and knows no Streamlit:
//   payload    the content, with `key`, or only { key } when it is here already; `position` { timestep, unit, serial }
//   callbacks  onCommit(position) when the reader came to rest; onNeed() when content is missing
// Labels and tokens may be somebody's text: they go through textContent, never into markup.

import { groundOf } from "../colours.js";
import { html, set, svg } from "../dom.js";
import { meaning } from "../keys.js";
import { decode, number } from "../numbers.js";
import { colourOf, drawLine, drawTokens, paint, power, powerOfTen, roomFor, samplesOf, tableOf, written } from "./panels.js";

const REST_MS = 150;
const SPEAK_MS = 400;
const STRIP = { least: 34, unit: 3, most: 64 };
const LINE = 64;
const NARROW = 640;
const COLUMN = { least: 145, tokens: 260 };
const grids = new WeakMap();

export function mount(element, payload, callbacks) {
  let grid = grids.get(element);
  if (!grid) {
    grid = new Grid(element);
    grids.set(element, grid);
  }
  grid.callbacks = callbacks;
  grid.receive(payload);
  return grid;
}

class Grid {
  constructor(element) {
    this.element = element;
    this.content = null;
    this.position = { timestep: 0, unit: 0 };
    this.hovered = null;
    this.serial = 0;
    this.timer = null;
    this.build();
  }

  build() {
    this.range = set(html("input"), { type: "range", min: "0", "aria-label": "Step" });
    this.where = html("output", "where");
    this.units = set(html("select"), { "aria-label": "Unit" });
    const bar = html("div", "bar", html("label", "", "Step ", this.range), this.where, html("label", "", "Unit ", this.units));
    this.grid = html("div", "grid");
    this.scroll = set(html("div", "scroll", this.grid), {
      tabindex: "0",
      role: "group",
      "aria-label": "Small multiples: arrow keys move the cursor in time and among units, S says the numbers",
    });
    this.live = set(html("div", "live"), { "aria-live": "polite" });
    this.table = set(html("div", "table"), { tabindex: "0", role: "region", "aria-label": "What differs" });
    this.element.replaceChildren(bar, this.scroll, html("h2", "", "What differs"), this.table, this.live);
    this.range.addEventListener("input", () => this.move({ timestep: Number(this.range.value) }));
    this.units.addEventListener("change", () => this.move({ unit: Number(this.units.value) }));
    this.scroll.addEventListener("keydown", (event) => this.key(event));
    this.grid.addEventListener("pointermove", (event) => event.pointerType !== "touch" && this.hover(event));
    this.grid.addEventListener("pointerleave", () => this.hover(null));
    this.grid.addEventListener("click", (event) => this.pick(event));
    this.observer = new ResizeObserver(() => this.refit());
    this.observer.observe(this.element);
  }

  destroy() {
    this.observer.disconnect();
    clearTimeout(this.timer);
    clearTimeout(this.speaking);
    grids.delete(this.element);
  }

  // Take what arrived. The cursor stays where the reader put it; an answer to an older move moves nothing.
  receive(payload) {
    const { position } = payload;
    if (payload.rows && this.content?.key !== payload.key) this.take(payload);
    else if (this.content?.key !== payload.key) {
      this.callbacks.onNeed();
      return;
    }
    if (position && position.serial >= this.serial && this.timer === null) {
      this.serial = position.serial;
      this.position = { timestep: position.timestep, unit: position.unit };
    }
    this.refit();
    requestAnimationFrame(() => this.refit()); // a call without news: the theme changed
  }

  // New content: every cell is made anew, and painted when its size is known.
  take(payload) {
    this.content = payload;
    this.time = payload.tokens.length;
    const { columns, rows, norms } = payload;
    this.strips = [];
    this.cursors = [];
    const made = [html("div", "corner")];
    made.push(...columns.map(({ letter, label }) => html("div", "head", html("b", "", letter), ` ${label}`)));
    this.ribbons = columns.map(() => html("div", "ribbon"));
    made.push(html("div", "gutter quiet", "tokens"), ...this.ribbons.map((ribbon) => this.track(ribbon, "tokens")));
    this.gutters = rows.map((row) => html("div", "gutter", html("div", "title", row.title)));
    rows.forEach((row, index) => made.push(this.gutters[index], ...row.cells.map((cell) => this.cell(row, cell))));
    this.lines = norms.arrays.map((array, index) => this.line(decode(array).values, norms.symbols[index]));
    this.axis = html("div", "gutter axis", html("div", "title", "its norm, by step"), html("div", "ends"));
    made.push(this.axis, ...this.lines.map(({ box }) => box));
    this.grid.replaceChildren(...made);
    this.table.replaceChildren(tableOf(columns, payload.table));
    this.grid.style.setProperty("--columns", String(columns.length));
    this.range.max = String(this.time - 1);
    this.units.replaceChildren(...Array.from({ length: payload.units }, (_, unit) => new Option(String(unit), String(unit))));
    this.space = null;
  }

  // What has the cursor over it.
  track(inside, kind) {
    const cursor = html("i", "cursor");
    const track = html("div", "track", inside, cursor);
    track.dataset.kind = kind;
    this.cursors.push(cursor);
    return track;
  }

  cell(row, cell) {
    if (cell.array === null) return html("div", "cell none", cell.says);
    const canvas = html("canvas");
    const mark = html("i", "row");
    const value = html("b", "value");
    const symbol = html("span", "symbol", cell.symbol);
    const track = this.track(canvas, "strip");
    track.append(mark);
    const note = html("span", "says", cell.says);
    this.strips.push({ row, cell, canvas, mark, value, symbol, track, values: decode(cell.array).values });
    return html("div", "cell", track, html("div", "line", symbol, " = ", value, note));
  }

  line(values, symbol) {
    const figure = set(svg("svg"), { class: "norms", preserveAspectRatio: "none", "aria-hidden": "true" });
    const value = html("b", "value");
    const box = html("div", "cell", this.track(figure, "line"), html("div", "line", html("span", "symbol", symbol), " = ", value));
    return { values, figure, value, box };
  }

  // The width, the theme or the content may have changed.
  refit() {
    if (!this.content || this.element.clientWidth === 0) return;
    const ground = groundOf(getComputedStyle(this.element));
    const isNarrow = this.element.clientWidth < NARROW;
    const columns = this.content.columns.length;
    this.element.classList.toggle("narrow", isNarrow);
    this.element.dataset.ground = ground;
    // On a phone columns scroll anyway: there is room for tokens that nearly fit.
    const tokens = roomFor(this.content.tokens);
    const least = isNarrow && tokens <= COLUMN.tokens ? Math.max(COLUMN.least, tokens) : COLUMN.least;
    this.grid.style.setProperty("--least", `${least}px`);
    const width = this.cursors[0].parentElement.clientWidth;
    const space = JSON.stringify([width, columns, ground, isNarrow, this.content.key]);
    if (this.space !== space) {
      this.space = space;
      this.draw(width, ground);
    }
    this.show();
  }

  draw(width, ground) {
    const { rows, norms, scales, units, tokens } = this.content;
    this.step = width / this.time;
    this.element.classList.toggle("dense", this.step < 1);
    const height = Math.min(STRIP.most, Math.max(STRIP.least, units * STRIP.unit));
    this.height = height;
    const colours = new Map(rows.map((row) => [row, colourOf(row, scales, ground)]));
    for (const { row, cell, canvas, mark, symbol, track, values } of this.strips) {
      track.style.height = `${height}px`;
      mark.style.height = `${Math.max(3, height / units)}px`;
      symbol.style.color = cell[ground];
      paint(canvas, values, this.time, units, colours.get(row));
    }
    for (const { figure, values } of this.lines) {
      figure.parentElement.style.height = `${LINE}px`;
      drawLine(figure, values, norms.range, width, LINE);
    }
    for (const ribbon of this.ribbons) drawTokens(ribbon, tokens, width);
    rows.forEach((row, index) => this.legend(this.gutters[index], row, samplesOf(row, scales, ground)));
    const ends = norms.range ? [power(norms.range[1]), power(norms.range[0])] : ["exactly 0"];
    this.axis.lastChild.replaceChildren(...ends.map((end) => html("span", "", end)));
    for (const cursor of this.cursors) cursor.style.width = `${Math.max(2, this.step)}px`;
  }

  legend(gutter, row, colours) {
    const title = gutter.firstChild;
    if (row.range === null) {
      const isZero = row.cells.some(({ array }) => array !== null);
      gutter.replaceChildren(title, html("div", "scale", isZero ? "all exactly 0" : ""));
      return;
    }
    const bar = html("i", "colours");
    bar.style.background = `linear-gradient(to right, ${colours.join(", ")})`;
    const [low, high] = row.range.map((end) => (row.scale === "log" ? power(end) : number(end, 2)));
    const ends = row.scale === "gate" ? ["0", "1"] : [low, high];
    const scale = html("div", "scale", html("span", "", ends[0]), bar, html("span", "", ends[1]));
    gutter.replaceChildren(title, scale);
    if (row.scale === "log") gutter.append(html("div", "scale", html("i", "empty"), " exactly 0"));
  }

  // Where the numbers are read: under the pointer, else where the reader came to rest.
  at() {
    const { timestep, unit } = { ...this.position, ...this.hovered };
    return { t: Math.min(timestep, this.time - 1), unit: Math.min(unit, this.content.units - 1) };
  }

  show() {
    const { t, unit } = this.at();
    const { units, tokens } = this.content;
    for (const cursor of this.cursors) cursor.style.transform = `translateX(${t * this.step}px)`;
    for (const { row, mark, value, values } of this.strips) {
      mark.style.transform = `translateY(${(unit * this.height) / units}px)`;
      write(value, written(row, values[t * units + unit]));
    }
    for (const { value, values } of this.lines) write(value, powerOfTen(values[t]));
    const place = `step ${t} of 0 to ${this.time - 1}, “${tokens[t]}”, unit ${unit}`;
    write(this.where, place);
    this.range.value = String(t);
    this.range.setAttribute("aria-valuetext", `step ${t}, token ${tokens[t]}`);
    this.units.value = String(unit);
  }

  // The step, and on a strip the unit, under a pointer; null where there is none.
  pointed(event) {
    const track = event.target.closest?.(".track");
    if (!track) return null;
    const box = track.getBoundingClientRect();
    const timestep = Math.floor((event.clientX - box.left) / this.step);
    const share = (event.clientY - box.top) / box.height;
    const place = { timestep: Math.min(this.time - 1, Math.max(0, timestep)) };
    const { units } = this.content;
    return track.dataset.kind === "strip"
      ? { ...place, unit: Math.min(units - 1, Math.max(0, Math.floor(share * units))) }
      : place;
  }

  hover(event) {
    if (!this.content || !this.space) return;
    const pointed = event && this.pointed(event);
    if (JSON.stringify(pointed) === JSON.stringify(this.hovered)) return;
    this.hovered = pointed;
    this.show();
  }

  pick(event) {
    const pointed = this.pointed(event);
    if (pointed) this.move(pointed);
  }

  key(event) {
    const means = this.content && meaning(event, true);
    if (!means || !["step", "unit", "say"].includes(means[0])) return;
    const [action, by] = means;
    event.preventDefault();
    const { t, unit } = this.at();
    if (action === "step") this.move({ timestep: Math.min(this.time - 1, Math.max(0, t + by)) }, true);
    if (action === "unit") this.move({ unit: Math.min(this.content.units - 1, Math.max(0, unit + by)) }, true);
    if (action === "say") this.live.textContent = this.spoken();
  }

  // The reader goes somewhere; Python hears of it when they come to rest.
  move(change, isByKey = false) {
    const { t, unit } = this.at();
    this.position = { timestep: t, unit, ...change };
    if (isByKey) this.hovered = null;
    this.show();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.commit(), REST_MS);
    clearTimeout(this.speaking);
    if (isByKey) this.speaking = setTimeout(() => (this.live.textContent = this.where.textContent), SPEAK_MS);
  }

  commit() {
    this.timer = null;
    this.serial += 1;
    this.callbacks.onCommit({ ...this.position, serial: this.serial, has: this.content.key });
  }

  // All numbers of the cursor in words, column by column.
  spoken() {
    const { t, unit } = this.at();
    const { columns, rows, units, norms } = this.content;
    const said = columns.map(({ letter, label }, column) => {
      const values = this.strips
        .filter(({ row, cell }) => row.cells[column] === cell)
        .map(({ row, cell, values: all }) => `${cell.name} ${written(row, all[t * units + unit])}`);
      return `${letter}, ${label}: ${values.join(", ")}, norm of the gradient ${powerOfTen(decode(norms.arrays[column]).values[t])}`;
    });
    return `${this.where.textContent}. ${said.join(". ")}.`;
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
