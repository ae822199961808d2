// The adapter to Streamlit, which calls this again at every change of data or theme.

import { mount } from "./grid.js";

export default function ({ data, parentElement, setStateValue }) {
  const element = parentElement.querySelector(".grid");
  const grid = mount(element, new TextDecoder().decode(data), {
    onPlace: (place) => setStateValue("place", place),
    onCommands: (queue) => setStateValue("commands", queue),
  });
  return () => {
    // Streamlit cleans up at every change; the grid goes only when its element does.
    queueMicrotask(() => element.isConnected || grid.destroy());
  };
}
