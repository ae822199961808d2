// The time axis above the strips: where two runs part and meet again, where a token is missing, where the state is reset.

import { html } from "./dom.js";
import { signsOf } from "./legend.js";

const ROW = 18;
const LETTER = 6.6;
const POINT = "▼";

export class AxisView {
  constructor() {
    this.root = html("div", "axis");
    this.gutter = html("div", "gutter");
    this.signs = [];
  }

  take(run, isGradient) {
    this.signs = signsOf(run, isGradient);
    this.drawn = null;
  }

  // Place each sign at its step, in the first row in which it covers no other.
  layOut(step, time, scale) {
    const drawn = `${step} ${time} ${scale}`;
    if (this.drawn === drawn) return;
    this.drawn = drawn;
    const rows = [];
    const signs = this.signs.map(([t, text]) => {
      const width = (text.length + 2) * LETTER * scale;
      const turns = t * step + width > time * step && (t + 1) * step >= width;
      const left = turns ? (t + 1) * step - width : t * step;
      const free = rows.findIndex((end) => end <= left);
      const row = free < 0 ? rows.length : free;
      rows[row] = left + width;
      const sign = html("span", "sign", turns ? `${text} ${POINT}` : `${POINT} ${text}`);
      const place = turns ? `right:${(time - t - 1) * step}px` : `left:${left}px`;
      sign.style.cssText = `${place};top:${row * ROW * scale}px`;
      sign.dataset.timestep = String(t);
      return sign;
    });
    this.root.replaceChildren(...signs);
    const height = rows.length * ROW * scale;
    for (const part of [this.root, this.gutter]) {
      part.style.height = `${height}px`;
      part.hidden = rows.length === 0;
    }
  }
}
