// Colours of values: a scale is a list of hex colours at equal distances from its low to its high end.

// The luminance at which black and white text stand out alike, by 4.6 to 1.
const BLACK_ABOVE = 0.179;
const UNDEFINED = [176, 120, 176];
const STEPS = 256;

function rgb(hex) {
  return [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
}

export function css([r, g, b]) {
  return `rgb(${r}, ${g}, ${b})`;
}

export function inkOn(colour) {
  return luminance(colour) > BLACK_ABOVE ? "#000000" : "#ffffff";
}

function luminance(colour) {
  const [r, g, b] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// The theme's ground, by Streamlit's colour where there is one.
export function groundOf(style) {
  const colour = style.getPropertyValue("--st-background-color").trim();
  if (/^#[0-9a-f]{6}$/i.test(colour)) return luminance(rgb(colour)) < 0.2 ? "dark" : "light";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

// A function from a value to its colour; what is no number has a colour outside of every scale.
export function colourScale(colours, [low, high]) {
  const ends = colours.map(rgb);
  const table = Array.from({ length: STEPS }, (_, step) => {
    const at = (step / (STEPS - 1)) * (ends.length - 1);
    const index = Math.min(ends.length - 2, Math.floor(at));
    return ends[index].map((part, k) => Math.round(part + (ends[index + 1][k] - part) * (at - index)));
  });
  return (value) => {
    if (Number.isNaN(value)) return UNDEFINED;
    const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
    return table[Math.round(share * (STEPS - 1))];
  };
}
