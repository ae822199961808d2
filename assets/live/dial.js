// One number, or the two ends of a range: a slider for the hand and a box for the exact value, which say the same.
// `mount(element, payload, onChange)` knows no Streamlit; the adapter is at the end.
//   payload   { label, names, values, low, high, step, whole, serial }; a box takes what lies beyond the slider's ends
//             unless `whole`, where the ends are the rule
//   onChange  is called with { values, serial } while the slider moves and when a box is left or Enter is pressed

const WAIT_MS = 60;
const NUMBER = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?$/i;
const MOST_CHARACTERS = 40;
const MINUS = "\u2212";
const dials = new WeakMap();

export function mount(element, payload, onChange) {
  if (!dials.has(element)) dials.set(element, new Dial(element));
  const dial = dials.get(element);
  dial.onChange = onChange;
  dial.take(payload);
}

class Dial {
  constructor(element) {
    this.element = element;
    this.serial = 0;
    this.timer = null;
    this.label = add(element, "div", "label");
    this.rows = [];
    this.said = add(element, "div", "said");
    this.said.setAttribute("role", "alert");
    element.setAttribute("role", "group");
  }

  // What was moved here since is newer than what arrives.
  take(payload) {
    const isOld = payload.serial < this.serial || this.timer !== null;
    const values = isOld && this.payload ? this.values : payload.values;
    this.payload = payload;
    this.label.textContent = payload.label;
    this.element.setAttribute("aria-label", payload.label);
    while (this.rows.length > values.length) this.rows.pop().element.remove();
    while (this.rows.length < values.length) this.rows.push(this.newRow(this.rows.length));
    this.values = [...values];
    this.rows.forEach((row, k) => this.fill(row, k));
  }

  newRow(k) {
    const element = add(this.element, "div", "row");
    this.element.append(this.said);
    const name = add(element, "span", "name");
    const range = add(element, "input", "range");
    const box = add(element, "input", "box");
    range.type = "range";
    Object.assign(box, { type: "text", inputMode: "decimal", autocomplete: "off", spellcheck: false });
    range.addEventListener("input", () => this.put(k, Number(range.value), true));
    box.addEventListener("change", () => this.typed(k));
    box.addEventListener("keydown", (event) => this.key(event, k));
    return { element, name, range, box };
  }

  fill(row, k) {
    const { label, names, low, high, step } = this.payload;
    const value = this.values[k];
    const name = names[k] ?? "";
    row.name.textContent = name;
    row.name.hidden = name === "";
    Object.assign(row.range, { min: Math.min(low, value), max: Math.max(high, value), step });
    row.range.value = value;
    row.range.setAttribute("aria-label", name || label);
    row.range.setAttribute("aria-valuetext", written(value));
    row.box.setAttribute("aria-label", `${name || label}, exactly`);
    const isTyping = row.box === row.box.getRootNode().activeElement && row.box.value !== row.box.dataset.shown;
    if (!isTyping) this.show(row, value);
  }

  show(row, value) {
    row.box.value = row.box.dataset.shown = written(value);
    row.box.removeAttribute("aria-invalid");
  }

  // The other end of a range gives way.
  put(k, value, waits) {
    this.values[k] = value;
    if (this.values.length === 2) {
      const other = 1 - k;
      this.values[other] = k === 0 ? Math.max(value, this.values[1]) : Math.min(value, this.values[0]);
    }
    this.say("");
    this.rows.forEach((row, at) => {
      this.show(row, this.values[at]);
      this.fill(row, at);
    });
    this.serial = Math.max(this.serial, this.payload.serial) + 1;
    if (this.timer === null || !waits) this.tell();
  }

  // The first move is told at once, what follows not more often than every WAIT_MS.
  tell() {
    clearTimeout(this.timer);
    const { serial } = this;
    this.onChange({ values: [...this.values], serial });
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.serial !== serial) this.tell();
    }, WAIT_MS);
  }

  typed(k) {
    const { box } = this.rows[k];
    const text = box.value.trim().replaceAll(MINUS, "-");
    if (text === (box.dataset.shown ?? "").replaceAll(MINUS, "-")) return;
    const { low, high, whole } = this.payload;
    const value = text.length <= MOST_CHARACTERS && NUMBER.test(text) ? Number(text) : NaN;
    const isLost = value === 0 && /[1-9]/.test(text.split(/e/i)[0]); // too small for a number
    const fits = whole ? Number.isInteger(value) && value >= low && value <= high : Number.isFinite(value) && !isLost;
    if (fits) {
      this.put(k, value, false);
      return;
    }
    const rule = whole ? `a whole number from ${low} to ${high}` : "a number with a decimal point, such as 0.25";
    const got = box.value.length > MOST_CHARACTERS ? `${box.value.slice(0, MOST_CHARACTERS - 1)}…` : box.value;
    box.setAttribute("aria-invalid", "true");
    this.say(`Enter ${rule}; got “${got}”.`);
  }

  key(event, k) {
    if (event.key === "Enter") this.typed(k);
    if (event.key === "Escape") {
      this.show(this.rows[k], this.values[k]);
      this.say("");
    }
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const { low, high, step, whole } = this.payload;
    const next = Number((this.values[k] + by * step).toPrecision(12));
    this.put(k, whole ? Math.min(high, Math.max(low, next)) : next, true);
  }

  say(sentence) {
    this.said.textContent = sentence;
  }
}

function written(value) {
  return String(value).replaceAll("-", MINUS);
}

function add(parent, tag, name) {
  const element = parent.appendChild(document.createElement(tag));
  element.className = name;
  return element;
}

// The adapter: Streamlit calls this again at every change of data or theme.
export default function ({ data, parentElement, setStateValue }) {
  mount(parentElement.querySelector(".dial"), data, (at) => setStateValue("at", at));
}
