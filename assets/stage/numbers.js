// Numbers as they are written, and arrays as they arrive. `number` is the browser's twin of memviz/theme.py's.

export const MINUS = "\u2212";

// How many decimals more than three digits of the total need a sum may take so that what is printed adds up.
const MOST_EXTRA_DECIMALS = 2;

export function decode({ type, shape, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return { values: type === "f8" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer), shape };
}

// Each array by its name.
export function decoded(packed) {
  return Object.fromEntries(Object.entries(packed).map(([name, array]) => [name, decode(array)]));
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

// The summands of a total and the total itself, each rightly rounded, with as many decimals as it takes for what is
// printed to add up. Where two more do not do it, the printed summands' sum rounds to the printed total.
export function sumTexts(values, total) {
  const largest = Math.max(Math.abs(total), ...values.map(Math.abs));
  if (!Number.isFinite(largest)) return { terms: values.map((value) => number(value)), total: number(total) };
  const power = exponentOf(largest);
  const shift = power < -3 || power >= 6 ? power : 0;
  const terms = values.map((value) => shifted(value, -shift));
  const sum = shifted(total, -shift);
  const least = Math.min(15, Math.max(0, 2 - exponentOf(sum === 0 ? shifted(largest, -shift) : sum)));
  const extras = Array.from({ length: MOST_EXTRA_DECIMALS + 1 }, (_, more) => more);
  const exactly = extras.find((more) => offBy(terms, sum, least + more, least + more) === 0n);
  const rounded = extras.find((more) => 2n * offBy(terms, sum, least + more, least) < 10n ** BigInt(more));
  const decimals = least + (exactly ?? rounded ?? MOST_EXTRA_DECIMALS);
  const write = (value, places) => (fixed(value, places) + (shift ? `e${shift}` : "")).replaceAll("-", MINUS);
  return { terms: terms.map((value) => write(value, decimals)), total: write(sum, exactly === undefined ? least : decimals) };
}

// By how many units of the last place the printed summands miss the printed total.
function offBy(values, total, decimals, totalDecimals) {
  const printed = values.reduce((sum, value) => sum + digitsOf(value, decimals), 0n);
  const off = printed - digitsOf(total, totalDecimals) * 10n ** BigInt(decimals - totalDecimals);
  return off < 0n ? -off : off;
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
