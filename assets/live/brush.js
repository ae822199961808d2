// A threshold on a figure that is dragged: points whose size is at least so large are full and bear their number. The
// line itself is a slider; a mouse may also press anywhere in the plot. What is moved is drawn here at once, and told when
// the hand rests.
//   wish    { label, value, low, high, step, serial }: of the payload
//   onMove  is called with { value, serial }

const REST_MS = 150;
const LARGE_STEPS = 10;

export class Brush {
  // `redraw` draws the figure again, as `applied` makes it.
  constructor(frame, chart, redraw, onMove) {
    Object.assign(this, { frame, chart, redraw, onMove, serial: 0, timer: null, isDragged: false });
    this.line = frame.appendChild(document.createElement("div"));
    this.line.className = "brush";
    this.line.tabIndex = 0;
    this.line.setAttribute("role", "slider");
    this.line.setAttribute("aria-orientation", "vertical");
    this.said = this.line.appendChild(document.createElement("span"));
    this.line.addEventListener("pointerdown", (event) => this.press(event));
    this.line.addEventListener("keydown", (event) => this.key(event));
    chart.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && this.isInside(event)) this.press(event);
    });
  }

  // What was moved here since is newer than what arrives.
  take(wish) {
    if (this.wish && (wish.serial < this.serial || this.timer !== null || this.isDragged)) wish = { ...wish, value: this.wish.value };
    this.wish = { ...wish };
  }

  // The figure with the threshold as it stands here.
  applied({ data, layout }) {
    const { value } = this.wish;
    for (const trace of data) {
      const isIn = trace.y.map((y) => Math.abs(y) >= value);
      trace.marker = { ...trace.marker, symbol: isIn.map((full) => (full ? "circle" : "circle-open")) };
      trace.text = trace.customdata.map((name, k) => (isIn[k] ? String(name) : ""));
    }
    for (const shape of layout.shapes) if (shape.name === "threshold") shape.y0 = shape.y1 = Math.sign(shape.y0 || 1) * value;
    const found = data.flatMap((trace) => trace.y).filter((y) => Math.abs(y) >= value).length;
    this.write(found, data.flatMap((trace) => trace.y).length);
    return { data, layout };
  }

  write(found, total) {
    const { label, low, high, value } = this.wish;
    const named = { label, valuemin: low, valuemax: high, valuenow: value, valuetext: `${value.toFixed(2)}: ${found} of ${total}` };
    for (const [name, content] of Object.entries(named)) this.line.setAttribute(`aria-${name}`, content);
    this.said.textContent = value.toFixed(2);
  }

  // The line over the drawn one, as wide as the plot, with its number in the margin.
  place() {
    const { xaxis, yaxis } = this.chart._fullLayout ?? {};
    if (!yaxis || !this.wish) return;
    this.line.style.left = `${xaxis._offset}px`;
    this.line.style.width = `${xaxis._length}px`;
    this.line.style.top = `${yaxis._offset + yaxis.l2p(this.wish.value)}px`;
  }

  isInside({ clientX, clientY }) {
    const { xaxis, yaxis } = this.chart._fullLayout ?? {};
    if (!yaxis) return false;
    const box = this.chart.getBoundingClientRect();
    const [x, y] = [clientX - box.left - xaxis._offset, clientY - box.top - yaxis._offset];
    return x >= 0 && x <= xaxis._length && y >= 0 && y <= yaxis._length;
  }

  press(event) {
    if (event.button !== 0 || !this.chart._fullLayout) return;
    event.preventDefault();
    this.line.focus();
    this.isDragged = true;
    const move = (moved) => this.put(this.under(moved));
    const stop = () => {
      window.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) window.removeEventListener(name, stop);
      this.isDragged = false;
      this.tell();
    };
    window.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, stop);
    move(event);
  }

  // The size of the value under the pointer: both lines move alike.
  under({ clientY }) {
    const { yaxis } = this.chart._fullLayout;
    return Math.abs(yaxis.p2l(clientY - this.chart.getBoundingClientRect().top - yaxis._offset));
  }

  key(event) {
    const { low, high, step, value } = this.wish;
    const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: LARGE_STEPS, PageDown: -LARGE_STEPS };
    const to = { Home: low, End: high }[event.key] ?? value + step * (by[event.key] ?? NaN);
    if (Number.isNaN(to)) return;
    event.preventDefault();
    this.put(to);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), REST_MS);
  }

  put(to) {
    const { low, high, step } = this.wish;
    const value = Number((Math.round(Math.min(high, Math.max(low, to)) / step) * step).toPrecision(12));
    if (value === this.wish.value) return;
    this.wish.value = value;
    this.serial = Math.max(this.serial, this.wish.serial) + 1;
    this.place();
    this.redraw();
  }

  tell() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.serial > this.wish.serial) this.onMove({ value: this.wish.value, serial: this.serial });
  }
}
