// The ribbon of tokens. `mount(element, payload, callbacks)` draws it and knows no Streamlit; the adapter is at the end.
// Tokens are somebody's text: they go through textContent, never into markup.

const DENSE_FROM = 120;
const SETTLE_MS = 60;
// The luminance at which black and white text stand out alike, by 4.6 to 1.
const BLACK_ABOVE = 0.179;
const ribbons = new WeakMap();

export function mount(element, payload, callbacks) {
  let ribbon = ribbons.get(element);
  if (!ribbon) {
    ribbon = create(element);
    ribbons.set(element, ribbon);
  }
  ribbon.callbacks = callbacks;
  draw(ribbon, payload);
  return ribbon;
}

function create(element) {
  const ribbon = { element, cells: [], cursor: 0, announced: null, timer: null, payload: null, callbacks: {} };
  element.setAttribute("role", "listbox");
  element.setAttribute("aria-orientation", "horizontal");
  element.tabIndex = 0;
  element.addEventListener("keydown", (event) => {
    const last = ribbon.cells.length - 1;
    const target = {
      ArrowLeft: ribbon.cursor - 1,
      ArrowRight: ribbon.cursor + 1,
      Home: 0,
      End: last,
      PageUp: ribbon.cursor - 10,
      PageDown: ribbon.cursor + 10,
    }[event.key];
    if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    move(ribbon, Math.min(last, Math.max(0, target)));
  });
  element.addEventListener("click", (event) => {
    const cell = event.target.closest(".token");
    if (cell) move(ribbon, Number(cell.dataset.timestep));
  });
  return ribbon;
}

function draw(ribbon, payload) {
  const { tokens, values, shown, colours, low, high } = payload;
  const element = ribbon.element;
  element.setAttribute("aria-label", `Tokens, tinted by the ${payload.label}`);
  const dense = tokens.length > DENSE_FROM;
  element.classList.toggle("dense", dense);
  while (ribbon.cells.length < tokens.length) ribbon.cells.push(element.appendChild(newCell(ribbon.cells.length)));
  while (ribbon.cells.length > tokens.length) ribbon.cells.pop().remove();
  ribbon.cells.forEach((cell, t) => {
    const tint = colourAt(colours, (values[t] - low) / (high - low));
    // In a dense ribbon only short tokens are legible; all of them are in the title and the label.
    cell.firstChild.textContent = dense && tokens[t].length > 2 ? "" : tokens[t];
    cell.lastChild.textContent = shown[t];
    cell.style.background = css(tint);
    cell.style.color = luminance(tint) > BLACK_ABOVE ? "#000000" : "#ffffff";
    cell.title = `step ${t}: ${tokens[t]}\n${payload.label} = ${shown[t]}`;
    cell.setAttribute("aria-label", `step ${t}, ${tokens[t]}, ${shown[t]}`);
  });
  ribbon.payload = payload;
  // An answer to an older move must not pull the cursor back while it is being moved on.
  if (ribbon.timer === null) place(ribbon, Math.min(payload.timestep, tokens.length - 1));
}

function newCell(t) {
  const cell = document.createElement("div");
  cell.className = "token";
  cell.id = `token-${t}`;
  cell.setAttribute("role", "option");
  cell.dataset.timestep = String(t);
  for (const name of ["text", "value"]) {
    const line = document.createElement("span");
    line.className = name;
    cell.appendChild(line);
  }
  return cell;
}

function move(ribbon, t) {
  place(ribbon, t);
  clearTimeout(ribbon.timer);
  ribbon.timer = setTimeout(() => {
    ribbon.timer = null;
    ribbon.callbacks.onMove(ribbon.cursor);
  }, SETTLE_MS);
}

function place(ribbon, t) {
  ribbon.cells[ribbon.cursor]?.setAttribute("aria-selected", "false");
  ribbon.cursor = t;
  const cell = ribbon.cells[t];
  if (!cell) return;
  cell.setAttribute("aria-selected", "true");
  const element = ribbon.element;
  element.setAttribute("aria-activedescendant", cell.id);
  const left = cell.offsetLeft - element.offsetLeft;
  if (left < element.scrollLeft || left + cell.offsetWidth > element.scrollLeft + element.clientWidth) {
    element.scrollLeft = left - element.clientWidth / 2;
  }
}

function colourAt(colours, share) {
  const at = Math.min(1, Math.max(0, share)) * (colours.length - 1);
  const index = Math.min(colours.length - 2, Math.floor(at));
  const [a, b] = [rgb(colours[index]), rgb(colours[index + 1])];
  return a.map((part, k) => Math.round(part + (b[k] - part) * (at - index)));
}

function rgb(hex) {
  return [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
}

function css([r, g, b]) {
  return `rgb(${r}, ${g}, ${b})`;
}

function luminance(colour) {
  const [r, g, b] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// The adapter: Streamlit calls this again at every change of data or theme.
export default function ({ data, parentElement, setStateValue }) {
  const element = parentElement.querySelector(".ribbon");
  mount(element, data, { onMove: (timestep) => setStateValue("timestep", timestep) });
}
