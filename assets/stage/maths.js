// The little LaTeX that the equations are written in, as native MathML. Only these words are known: anything else of the
// text stays text.

const NAMESPACE = "http://www.w3.org/1998/Math/MathML";
const WORDS = { "\\sigma": "σ", "\\tanh": "tanh", "\\max": "max", "\\times": "×" };
const SPACES = { "\\,": "0.17em", "\\;": "0.28em" };
const TOKENS = /\\[a-z]+|\\[,;]|\u2212?\d[\d.]*(?:e\u2212?\d+)?|\u2212?∞|undefined|[A-Za-z]|[^\s]/gu;

export function element(name, ...children) {
  const made = document.createElementNS(NAMESPACE, name);
  made.append(...children);
  return made;
}

export function maths(latex) {
  const row = parse({ tokens: latex.match(TOKENS) ?? [], at: 0 });
  const math = element("math", row);
  math.setAttribute("display", "inline");
  return math;
}

// Whether this browser has a font that says how far an index is lowered; without one it stays on the line.
export function lowersIndices(within) {
  const [base, index] = [element("mi", "x"), element("mi", "x")];
  const probe = element("math", element("msub", base, index));
  within.append(probe);
  const lowered = index.getBoundingClientRect().bottom - base.getBoundingClientRect().bottom;
  const size = parseFloat(getComputedStyle(probe).fontSize);
  probe.remove();
  return lowered > 0.08 * size;
}

// A label in one line of text, its index apart, for SVG.
export function plainLabel(latex) {
  const [base, index = ""] = latex.split("_");
  const clear = (text) =>
    text
      .replace(/\\[a-z]+/g, (word) => WORDS[word] ?? word)
      .replace(/[{}\\]/g, "")
      .replaceAll("-", "\u2212");
  return [clear(base), clear(index)];
}

// A formula with texts in the places of its `{}`.
export function filled(formula, texts) {
  const pieces = formula.split("{}");
  return pieces.map((piece, index) => piece + (index < pieces.length - 1 ? texts[index] : "")).join("");
}

// A formula with numbers in its places: products get a dot, a negative number behind an operator its parentheses, and
// plus a negative number becomes minus.
export function withNumbers(formula, texts) {
  const grouped = texts.map((text, index) => (text.startsWith("\u2212") && index > 0 ? `(${text})` : text));
  return filled(formula.replaceAll("\\,", "·"), grouped).replace(/\+ \(\u2212([^()]*)\)/g, "- $1");
}

function parse(source, closing = null) {
  const row = element("mrow");
  while (source.at < source.tokens.length && source.tokens[source.at] !== closing) {
    const atom = parseAtom(source);
    const isIndexed = source.tokens[source.at] === "_";
    if (isIndexed) source.at += 1;
    const base = isIndexed ? element("msub", atom, parseAtom(source)) : atom;
    const isSquare = source.tokens[source.at] === "²";
    if (isSquare) source.at += 1;
    row.append(isSquare ? element("msup", base, element("mn", "2")) : base);
  }
  source.at += 1;
  return row;
}

function parseAtom(source) {
  const token = source.tokens[source.at++];
  if (token === "{") return parse(source, "}");
  if (token in SPACES) {
    const space = element("mspace");
    space.setAttribute("width", SPACES[token]);
    return space;
  }
  if (token in WORDS) return element("mi", WORDS[token]);
  if (/^\u2212?\d/.test(token)) return parsedNumber(token);
  if (/^[A-Za-z∂]$/.test(token)) return element("mi", token);
  if (/[∞u]/.test(token)) return element("mn", token);
  const operator = element("mo", token === "-" ? "\u2212" : token);
  if ("()[]".includes(token)) operator.setAttribute("stretchy", "false");
  if (token === "/") for (const side of ["lspace", "rspace"]) operator.setAttribute(side, "0");
  return operator;
}

function parsedNumber(text) {
  const [mantissa, power] = text.split("e");
  if (power === undefined) return element("mn", text);
  return element(
    "mrow",
    element("mn", mantissa),
    element("mo", "·"),
    element("msup", element("mn", "10"), element("mn", power)),
  );
}
