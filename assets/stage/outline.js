// What is drawn over a strip: the outline of what is touched, the dashed one of what is touched inside a gate, and the
// boundaries at which the state is reset; each on a casing in the colour of the ground, legible on every colour.

import { set, svg } from "./dom.js";

const KINDS = ["casing", "touched", "inside", "boundary"];

export class Outline {
  constructor() {
    this.paths = Object.fromEntries(KINDS.map((kind) => [kind, svg("path", { class: kind })]));
    this.gaps = svg("path", { class: "gap" });
    const paths = [...Object.values(this.paths), this.gaps];
    this.root = svg("svg", { class: "outline", preserveAspectRatio: "none", "aria-hidden": "true" }, ...paths);
  }

  draw(name, { changes, payload, time, units }) {
    const isEmpty = changes.isEmpty;
    this.root.style.display = isEmpty ? "none" : "";
    if (isEmpty) return;
    set(this.root, { viewBox: `0 0 ${time} ${units}` });
    const own = changes.outline([name]);
    const inside = changes.outline([`${name}_pre`, ...(payload.summands[name] ?? [])]);
    const boundary = [...changes.resets].map((t) => `M${t} 0V${units}`).join("");
    const drawn = { casing: own + inside, touched: own, inside, boundary };
    for (const kind of KINDS) this.paths[kind].setAttribute("d", drawn[kind]);
    this.gaps.setAttribute("d", boundary);
  }
}
