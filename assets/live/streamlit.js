// The adapter to Streamlit, which calls this again at every change of data or theme.

import { mount, unmount } from "./live.js";

const grounds = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const element = parentElement.querySelector(".memviz-live");
  mount(element, new TextDecoder().decode(data), {
    onTable: (open) => setStateValue("table", open),
    onCsv: (number) => setStateValue("csv", number),
    onFailure: () => setStateValue("failed", true),
    onMove: (at) => setStateValue("at", at),
  });
  // The server draws for one theme and does not hear of another one by itself. Asked for in the middle of a change, the
  // colour would make the browser work out the styles of the whole page once more.
  requestAnimationFrame(() => {
    const ground = getComputedStyle(element).getPropertyValue("--st-background-color");
    if (ground && grounds.has(element) && grounds.get(element) !== ground) setStateValue("ground", ground);
    if (ground) grounds.set(element, ground);
  });
  // Streamlit also calls this when the next data overtake the import of this module; then the figure stays.
  return () => {
    if (!element.isConnected) unmount(element);
  };
}
