// Making elements. Text goes in as text: nothing is ever parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

export function html(name, className = "", ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export function svg(name, attributes = {}, ...children) {
  const made = set(document.createElementNS(SVG, name), attributes);
  made.append(...children);
  return made;
}

export function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

export function prefersStill() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
