// What a key means on the stage, as [action, argument].

// What has a use of its own for the arrow keys, Home, End or space.
export const TAKES_KEYS = "input, textarea, select, button, iframe, [contenteditable], [role]";

const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
const LEAPS = { PageUp: -10, PageDown: 10 };
const UNITS = { ArrowUp: -1, ArrowDown: 1 };
const LETTERS = { s: "say", f: "full", g: "gradients", Escape: "leave" };

// Keys that also scroll a page are the stage's only while it has the focus.
export function meaning(event, isFocused) {
  const { key } = event;
  const on = event.composedPath()[0].tagName;
  if (event.ctrlKey || event.metaKey || event.altKey || on === "SELECT") return null;
  if (key in STEPS) return ["step", STEPS[key]];
  if (key === " " && on !== "BUTTON") return ["play", null];
  if (!isFocused) return null;
  if (key in LEAPS) return ["step", LEAPS[key]];
  if (key in UNITS) return ["unit", UNITS[key]];
  const name = key.length === 1 ? key.toLowerCase() : key;
  return name in LETTERS ? [LETTERS[name], null] : null;
}
