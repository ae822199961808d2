// The cells of a grid of any size: only those in sight are in the document. Row and column headers stay in sight.

import { css, inkOn } from "../stage/colours.js";
import { exact, number } from "../stage/numbers.js";

const CELL = { width: 70, height: 38 };
const HEAD = { height: 28, width: 142, narrow: 62 };
const MARGIN = 2; // rows and columns around what is in sight
const NARROW = 560;

export class CellsView {
  constructor() {
    this.root = made("div", "scroll");
    this.root.setAttribute("role", "grid");
    this.table = this.root.appendChild(made("div", "table"));
    this.table.setAttribute("role", "presentation");
    this.head = this.table.appendChild(made("div", "row head"));
    this.head.setAttribute("role", "row");
    this.head.setAttribute("aria-rowindex", "1");
    this.corner = headerCell(this.head, "columnheader", "corner", 1);
    this.columns = new Map();
    this.rows = new Map();
    this.root.addEventListener("scroll", () => requestAnimationFrame(() => this.draw()));
  }

  // What there is to show: names, values, the values as drawn, and the colour of a value.
  take({ name, rows, columns, values, original, colour, ground }) {
    Object.assign(this, { names: rows, titles: columns, values, original, colour, ground });
    this.isNarrow = this.root.clientWidth < NARROW;
    this.side = this.isNarrow ? HEAD.narrow : HEAD.width;
    this.root.setAttribute("aria-label", name);
    this.root.setAttribute("aria-rowcount", String(rows.length + 1));
    this.root.setAttribute("aria-colcount", String(columns.length + 1));
    this.table.style.width = `${this.side + columns.length * CELL.width}px`;
    this.table.style.height = `${HEAD.height + rows.length * CELL.height}px`;
    this.corner.style.width = `${this.side}px`;
    write(this.corner, this.isNarrow ? "unit" : "gate, unit");
    this.draw();
  }

  // Forget the cells of another block.
  clear() {
    for (const row of this.rows.values()) row.element.remove();
    for (const header of this.columns.values()) header.remove();
    this.rows.clear();
    this.columns.clear();
    this.root.scrollTo(0, 0);
  }

  // Make what is in sight and the active cell, and remove the rest.
  draw() {
    if (!this.names) return;
    const { scrollTop, scrollLeft, clientHeight, clientWidth } = this.root;
    const rows = inSight(scrollTop, clientHeight - HEAD.height, CELL.height, this.names.length, this.active[0]);
    const columns = inSight(scrollLeft, clientWidth - this.side, CELL.width, this.titles.length, this.active[1]);
    keep(this.columns, columns, (j) => this.newColumn(j), (header) => header.remove());
    keep(this.rows, rows, (i) => this.newRow(i), ({ element }) => element.remove());
    for (const [j, header] of this.columns) this.fillColumn(header, j);
    for (const [i, row] of this.rows) {
      this.fillRow(row, i);
      keep(row.cells, columns, (j) => this.newCell(row.element, i, j), (cell) => cell.remove());
      for (const [j, cell] of row.cells) this.fill(cell, i, j);
    }
  }

  newColumn(j) {
    return headerCell(this.head, "columnheader", "name", j + 2);
  }

  fillColumn(header, j) {
    header.style.left = `${this.side + j * CELL.width}px`;
    write(header, this.titles[j]);
    header.title = this.titles[j];
    header.classList.toggle("on", j === this.active[1]);
  }

  newRow(i) {
    const element = this.table.appendChild(made("div", "row"));
    element.setAttribute("role", "row");
    element.setAttribute("aria-rowindex", String(i + 2));
    element.style.top = `${HEAD.height + i * CELL.height}px`;
    return { element, header: headerCell(element, "rowheader", "name", 1), cells: new Map() };
  }

  fillRow({ header }, i) {
    const { name, short, [this.ground]: colour } = this.names[i];
    header.style.borderLeftColor = colour;
    header.style.width = `${this.side}px`;
    write(header, this.isNarrow ? short : name);
    header.setAttribute("aria-label", name);
    header.title = name;
    header.classList.toggle("on", i === this.active[0]);
  }

  newCell(row, i, j) {
    const cell = row.appendChild(made("div", "cell"));
    cell.setAttribute("role", "gridcell");
    cell.setAttribute("aria-colindex", String(j + 2));
    cell.dataset.at = `${i},${j}`;
    cell.append(made("span", "value"), made("s", "old"));
    return cell;
  }

  fill(cell, i, j) {
    const [value, before] = [this.values, this.original].map((all) => all[i * this.titles.length + j]);
    const isChanged = value !== before;
    const colour = this.colour(value);
    cell.style.left = `${this.side + j * CELL.width}px`;
    cell.style.background = css(colour);
    cell.style.color = inkOn(colour);
    cell.tabIndex = i === this.active[0] && j === this.active[1] ? 0 : -1;
    cell.classList.toggle("changed", isChanged);
    cell.title = `${this.names[i].name}, ${this.titles[j]}: ${exact(value)}${isChanged ? `, drawn as ${exact(before)}` : ""}`;
    write(cell.children[0], number(value));
    write(cell.children[1], isChanged ? number(before) : "");
    cell.setAttribute("aria-label", `${exact(value)}${isChanged ? `, changed, drawn as ${exact(before)}` : ""}`);
  }

  cellAt(i, j) {
    return this.rows.get(i)?.cells.get(j);
  }

  // Make a cell the one that Tab comes to, and bring it into sight.
  activate(i, j) {
    this.active = [i, j];
    if (!this.names) return;
    const { root, side } = this;
    root.scrollTop = brought(root.scrollTop, root.clientHeight - HEAD.height, i * CELL.height, CELL.height);
    root.scrollLeft = brought(root.scrollLeft, root.clientWidth - side, j * CELL.width, CELL.width);
    this.draw();
  }

  rowsInSight() {
    return Math.max(1, Math.floor((this.root.clientHeight - HEAD.height) / CELL.height) - 1);
  }
}

// Which of `count` things of one size are in sight, and the active one.
function inSight(from, room, size, count, active) {
  const first = Math.max(0, Math.floor(from / size) - MARGIN);
  const last = Math.min(count - 1, Math.ceil((from + room) / size) + MARGIN);
  const found = Array.from({ length: last - first + 1 }, (_, k) => first + k);
  return new Set(found.includes(active) ? found : [...found, active]);
}

// Where to scroll so that a thing is in sight.
function brought(from, room, start, size) {
  if (start < from) return start;
  return start + size > from + room ? start + size - room : from;
}

function keep(map, wanted, make, remove) {
  for (const [key, value] of map) {
    if (wanted.has(key)) continue;
    remove(value);
    map.delete(key);
  }
  for (const key of wanted) if (!map.has(key)) map.set(key, make(key));
}

function headerCell(parent, role, name, column) {
  const cell = parent.appendChild(made("div", name));
  cell.setAttribute("role", role);
  cell.setAttribute("aria-colindex", String(column));
  return cell;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function made(tag, name = "", text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}
