// The adapter to Streamlit, which calls this again at every change of data or theme.

import { mount } from "./grid.js";

export default function ({ data, parentElement, setStateValue }) {
  const element = parentElement.querySelector(".multiples");
  const grid = mount(element, data, {
    onCommit: (position) => setStateValue("at", position),
    onNeed: () => setStateValue("at", { need: data.key }),
  });
  return () => {
    // Streamlit cleans up at every change; the grid goes only when its element does.
    queueMicrotask(() => element.isConnected || grid.destroy());
  };
}
