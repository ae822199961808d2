// Numbers as they are written, and arrays as they arrive. `number` is the browser's twin of memviz/theme.py's.

export const MINUS = "\u2212";

// How many decimals a sum may add to its summands so that what is printed adds up.
const MOST_EXTRA_DECIMALS = 4;

export function decode({ type, shape, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return { values: type === "f8" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer), shape };
}

export function number(value, digits = 3) {
  if (Number.isNaN(value)) return "undefined";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  if (value === 0) return "0";
  const text = value.toExponential(digits - 1);
  const [mantissa, exponent] = text.split("e");
  const power = Number(exponent);
  const shown =
    power < -3 || power >= 6 ? `${mantissa}e${power}` : Number(text).toFixed(Math.max(0, digits - 1 - power));
  return shown.replaceAll("-", MINUS);
}

// All digits that tell a double from its neighbours.
export function exact(value) {
  return Number.isFinite(value) ? String(value).replaceAll("-", MINUS) : number(value);
}

// The summands of a total and the total itself, each rightly rounded, with just so many decimals that the printed
// summands, added up and rounded, are the printed total.
export function sumTexts(values, total) {
  const largest = Math.max(Math.abs(total), ...values.map(Math.abs));
  if (!Number.isFinite(largest)) return { terms: values.map((value) => number(value)), total: number(total) };
  const power = exponentOf(largest);
  const shift = largest > 0 && (power < -3 || power >= 6) ? power : 0;
  const scaled = [...values, total].map((value) => shifted(value, -shift));
  const sum = scaled.pop();
  const decimals = Math.min(15, Math.max(0, 2 - exponentOf(sum === 0 ? shifted(largest, -shift) : sum)));
  let more = 0;
  while (more < MOST_EXTRA_DECIMALS && !addsUp(scaled, sum, decimals, more)) more += 1;
  const write = (value, places) => fixed(value, places).replace("-", MINUS) + (shift ? `e${shift}`.replace("-", MINUS) : "");
  return { terms: scaled.map((value) => write(value, decimals + more)), total: write(sum, decimals) };
}

function addsUp(values, total, decimals, more) {
  const printed = values.reduce((sum, value) => sum + digitsOf(value, decimals + more), 0n);
  const unit = 10n ** BigInt(more);
  const off = printed - digitsOf(total, decimals) * unit;
  return 2n * (off < 0n ? -off : off) < unit || off === 0n;
}

function digitsOf(value, decimals) {
  return BigInt(fixed(value, decimals).replace(".", ""));
}

function fixed(value, decimals) {
  const text = value.toFixed(decimals);
  return /^-[0.]*$/.test(text) ? text.slice(1) : text;
}

function exponentOf(value) {
  return value === 0 ? 0 : Number(value.toExponential(2).split("e")[1]);
}

// Times a power of ten, in two steps where one would leave the range of a double.
function shifted(value, power) {
  if (power === 0) return value;
  const half = Math.trunc(power / 2);
  return value * 10 ** half * 10 ** (power - half);
}
