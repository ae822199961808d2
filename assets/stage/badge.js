// The mark of a touched number: a few letters on a plate in the inverse of the theme, at a corner of its node.

import { set, svg } from "./dom.js";

const PLATE = { height: 16, letter: 7.2, room: 8, above: 11, font: 12 };
const CUT = "…";

export class Badge {
  constructor() {
    this.plate = svg("rect", { class: "plate" });
    this.text = svg("text", { class: "said" });
    this.group = svg("g", { class: "badge", display: "none" }, this.plate, this.text);
    this.shown = "";
  }

  // At the upper left corner of a node, no wider than a node and the way to the next.
  place([halfWidth, halfHeight], most, scale) {
    this.most = most;
    this.scale = scale;
    this.corner = [-halfWidth, -halfHeight - PLATE.above * scale];
    this.write(this.shown, true);
  }

  write(said, isMoved = false) {
    if (this.shown === said && !isMoved) return;
    this.shown = said;
    this.group.setAttribute("display", said ? "inline" : "none");
    if (!said) return;
    const widthOf = (text) => (text.length * PLATE.letter + PLATE.room) * this.scale;
    const text = widthOf(said) <= this.most ? said : said.length > 4 ? CUT : said;
    const width = widthOf(text);
    const [x, y] = this.corner;
    const height = PLATE.height * this.scale;
    set(this.plate, { x, y, width, height, rx: 3 * this.scale });
    set(this.text, { x: x + width / 2, y: y + 12 * this.scale });
    this.text.textContent = text;
  }
}
