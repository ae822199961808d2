// Weights as a grid that can be edited. `mount(element, payload, callbacks)` draws JSON text of memviz/grid/payload.py and
// knows no Streamlit. What it is called with:
//   callbacks  onPlace(place) when the reader comes to rest at a cell or chooses other weights;
//              onCommands(queue) when they change something: all that Python has not yet acknowledged, with serial numbers
// Names hold somebody's text: they go through textContent and attributes alone.

import { colourScale, css, groundOf } from "../stage/colours.js";
import { decode, exact, number } from "../stage/numbers.js";
import { CellsView, made } from "./cells.js";
import { readWeight } from "./reading.js";

const REST_MS = 150;
const STARTS_NUMBER = /^[0-9.,+\-\u2212]$/;
const grids = new WeakMap();

export function mount(element, payload, callbacks) {
  if (!grids.has(element)) grids.set(element, new Grid(element));
  const grid = grids.get(element);
  grid.callbacks = callbacks;
  grid.receive(payload);
  return grid;
}

class Grid {
  constructor(element) {
    this.element = element;
    this.queue = [];
    this.serial = 0;
    this.input = null;
    this.build();
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(element);
  }

  build() {
    this.cells = new CellsView();
    this.rows = select("Rows", () => this.choose());
    this.source = select("Weights times", () => this.choose());
    this.zero = button("Zero this block", () => this.command({ do: "zero", ...this.block }));
    this.units = [box("First unit to swap"), box("Second unit to swap")];
    this.swap = button("Swap", () => this.command({ do: "swap", units: this.units.map(({ value }) => value) }));
    this.undo = button("Undo all edits", () => this.command({ do: "undo" }));
    this.problem = made("p", "problem");
    this.problem.setAttribute("role", "alert");
    this.readout = made("p", "readout");
    this.legend = [made("span"), made("i"), made("span")];
    this.edits = made("ul", "edits");
    const swap = group("swap", made("span", "", "Swap units"), this.units[0], made("span", "", "and"), this.units[1], this.swap);
    const tools = group("tools", this.zero, swap, this.undo);
    const controls = group("controls", this.rows.parentElement, this.source.parentElement, tools);
    const foot = group("foot", this.readout, group("legend", ...this.legend));
    this.element.replaceChildren(controls, this.cells.root, this.problem, foot, this.edits);
    const { root } = this.cells;
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("pointerdown", (event) => this.point(event));
    root.addEventListener("dblclick", () => this.edit());
    root.addEventListener("focusin", (event) => this.rest(event.target));
  }

  // Take what arrived. The reader's cell stays where it is while the same weights are shown.
  receive(text) {
    const ground = groundOf(getComputedStyle(this.element));
    if (text === this.text && ground === this.ground) return;
    const isSame = text === this.text;
    Object.assign(this, { text, ground });
    if (!isSame) this.take(JSON.parse(text));
    this.draw();
  }

  take(payload) {
    const { ack, chosen, key } = payload;
    this.queue = this.queue.filter(({ serial }) => serial > ack);
    this.serial = Math.max(this.serial, ack);
    const block = JSON.stringify([chosen, key]);
    const isOther = block !== this.blockKey;
    this.payload = payload;
    this.block = { ...chosen, key };
    this.values = decode(payload.values).values;
    this.original = payload.original ? decode(payload.original).values : this.values.slice();
    if (isOther) {
      this.blockKey = block;
      this.closeInput(false);
      this.cells.clear();
      this.cells.active = payload.active;
      this.bringActive = true;
    }
    this.say(payload.problem);
  }

  draw() {
    const { payload, ground } = this;
    const { rows, columns, choices, chosen, range, scales, zero, edits } = payload;
    this.element.dataset.ground = ground;
    options(this.rows, choices.rows, chosen.rows);
    options(this.source, choices.sources, chosen.source);
    const scale = scales[ground];
    const colour = colourScale(scale, [-range, range]);
    const { values, original } = this;
    this.cells.take({ name: payload.name, rows, columns, values, original, colour, ground });
    if (this.bringActive) this.cells.activate(...this.cells.active);
    this.bringActive = false;
    this.zero.hidden = zero === "";
    this.zero.title = zero;
    this.undo.disabled = edits.length === 0;
    this.legend[0].textContent = number(-range);
    this.legend[1].style.background = `linear-gradient(to right, ${scale.join(", ")})`;
    this.legend[2].textContent = number(range);
    this.listEdits(edits);
    this.read();
  }

  // The edits in words, each with the way out of it.
  listEdits(edits) {
    const shown = JSON.stringify(edits);
    if (shown === this.listed) return;
    this.listed = shown;
    this.edits.replaceChildren(
      ...edits.map(({ text, problem }, index) => {
        const item = made("li", problem ? "misfit" : "");
        const remove = button("Remove", () => this.command({ do: "remove", index, text }));
        remove.setAttribute("aria-label", `Remove: ${text}`);
        item.append(made("span", "", problem ? `${text} (not applied: ${problem})` : text), remove);
        return item;
      }),
    );
  }

  // The cell that the reader is at, in full.
  read() {
    const [i, j] = this.cells.active;
    const { rows, columns } = this.payload;
    const [value, before] = [this.values, this.original].map((all) => all[i * columns.length + j]);
    const changed = value === before ? "" : `, drawn as ${exact(before)}`;
    this.readout.textContent = `${rows[i].name}, ${columns[j]}: ${exact(value)}${changed}`;
  }

  fit() {
    if (this.payload && this.element.clientWidth) this.draw();
  }

  // Other weights: Python sends them, with the reader at the same unit.
  choose() {
    const { unit } = this.payload.rows[this.cells.active[0]];
    this.place({ rows: this.rows.value, source: this.source.value }, this.rows.value.includes(" ") ? 0 : unit);
  }

  place(block, row = this.cells.active[0]) {
    clearTimeout(this.timer);
    const [, column] = this.cells.active;
    this.placed = (this.placed ?? 0) + 1;
    this.callbacks.onPlace({ ...this.block, ...block, row, column, serial: this.placed });
  }

  // Python hears of the cell when the reader rests at it.
  rest(target) {
    const cell = target.closest(".cell");
    if (!cell || target !== cell) return;
    this.go(...at(cell), false);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.place({}), REST_MS);
  }

  go(i, j, isFocused = true) {
    const { rows, columns } = this.payload;
    const to = [clamped(i, rows.length), clamped(j, columns.length)];
    const [before] = [this.cells.active];
    if (to[0] !== before[0] || to[1] !== before[1]) this.cells.activate(...to);
    if (isFocused) this.cells.cellAt(...to).focus({ preventScroll: true });
    this.read();
  }

  // A click goes to a cell; a click on the cell where the reader is opens it.
  point(event) {
    const cell = event.target.closest(".cell");
    if (!cell || event.target === this.input) return;
    const isHere = cell === cell.getRootNode().activeElement;
    if (isHere) {
      event.preventDefault();
      this.edit();
    }
  }

  key(event) {
    if (event.ctrlKey && !["Home", "End"].includes(event.key)) return;
    if (event.metaKey || event.altKey) return;
    const taken = this.input ? this.keyInside(event.key) : this.keyOutside(event);
    if (event.key.length === 1) event.stopPropagation(); // a letter in a grid is no shortcut of the page
    if (!taken) return;
    event.preventDefault();
    event.stopPropagation();
  }

  keyInside(key) {
    if (key === "Enter") this.commit(true);
    else if (key === "Escape") this.closeInput(true);
    else return false;
    return true;
  }

  keyOutside({ key, ctrlKey }) {
    const [i, j] = this.cells.active;
    const { rows, columns } = this.payload;
    const page = this.cells.rowsInSight();
    const ways = {
      ArrowUp: [i - 1, j],
      ArrowDown: [i + 1, j],
      ArrowLeft: [i, j - 1],
      ArrowRight: [i, j + 1],
      Home: [ctrlKey ? 0 : i, 0],
      End: [ctrlKey ? rows.length - 1 : i, columns.length - 1],
      PageUp: [i - page, j],
      PageDown: [i + page, j],
    };
    if (key in ways) this.go(...ways[key]);
    else if (key === "Enter" || key === "F2") this.edit();
    else if (key === "Delete" || key === "Backspace") this.set(null);
    else if (STARTS_NUMBER.test(key)) this.edit(key);
    else return false;
    return true;
  }

  // Open the active cell, with its number in full or with what was typed.
  edit(typed = null) {
    if (this.input) return;
    const [i, j] = this.cells.active;
    const cell = this.cells.cellAt(i, j);
    const { rows, columns } = this.payload;
    this.input = made("input", "edit");
    Object.assign(this.input, { type: "text", maxLength: 60, autocomplete: "off", spellcheck: false });
    this.input.setAttribute("aria-label", `New value of ${rows[i].name}, ${columns[j]}`);
    this.input.value = typed ?? exact(this.values[i * columns.length + j]);
    this.input.addEventListener("blur", () => this.commit(false));
    cell.append(this.input);
    this.input.focus({ preventScroll: true });
    if (typed === null) this.input.select();
  }

  // Close the cell; a number is kept, what is none keeps the old one and is said. `isBack`: the focus returns to the cell.
  commit(isBack) {
    if (!this.input) return;
    const text = this.input.value;
    const [i, j] = this.cells.active;
    const { value, problem } = readWeight(text);
    if (problem && isBack) {
      this.input.setAttribute("aria-invalid", "true");
      this.say(problem);
      return;
    }
    this.closeInput(isBack);
    if (problem) this.say(problem);
    else if (value !== this.values[i * this.payload.columns.length + j]) this.set(text, value);
    else this.say("");
  }

  closeInput(isBack) {
    const { input } = this;
    if (!input) return;
    this.input = null; // before it is removed: its blur must find it gone
    const cell = input.parentElement;
    input.remove();
    this.say("");
    if (isBack) cell.focus({ preventScroll: true });
  }

  // Set the active cell, null is back to the weight as drawn. It is shown at once; Python has the last word.
  set(text, value = null) {
    const [row, column] = this.cells.active;
    const k = row * this.payload.columns.length + column;
    if (text === null && this.values[k] === this.original[k]) return;
    this.values[k] = text === null ? this.original[k] : value;
    this.cells.draw();
    this.read();
    this.command({ do: "set", ...this.block, row, column, text });
  }

  command(command) {
    clearTimeout(this.timer);
    this.say("");
    this.serial += 1;
    this.queue.push({ ...command, serial: this.serial });
    this.callbacks.onCommands([...this.queue]);
  }

  say(problem) {
    if (this.problem.textContent !== problem) this.problem.textContent = problem;
  }

  destroy() {
    clearTimeout(this.timer);
    this.observer.disconnect();
    grids.delete(this.element);
  }
}

function at(cell) {
  return cell.dataset.at.split(",").map(Number);
}

function clamped(index, count) {
  return Math.min(count - 1, Math.max(0, index));
}

function group(name, ...parts) {
  const element = made("div", name);
  element.append(...parts);
  return element;
}

function button(text, act) {
  const element = made("button", "", text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

function select(text, act) {
  const label = made("label", "", text);
  const element = label.appendChild(made("select"));
  element.addEventListener("change", act);
  return element;
}

function box(label) {
  const element = made("input", "unit");
  Object.assign(element, { type: "text", inputMode: "numeric", maxLength: 4, autocomplete: "off" });
  element.setAttribute("aria-label", label);
  return element;
}

function options(element, choices, chosen) {
  const shown = JSON.stringify(choices);
  if (element.dataset.shown !== shown) {
    element.dataset.shown = shown;
    element.replaceChildren(...choices.map(({ id, label }) => Object.assign(made("option", "", label), { value: id })));
  }
  element.value = chosen;
}
