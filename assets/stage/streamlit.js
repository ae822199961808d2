// The adapter to Streamlit, which calls this again at every change of data or theme.

import { mount } from "./stage.js";

export default function ({ data, parentElement, setStateValue }) {
  const element = parentElement.querySelector(".stage");
  const stage = mount(element, data, {
    onCommit: (position) => setStateValue("at", position),
    onNeed: () => setStateValue("at", { need: data.key }),
    isAnswered: true,
  });
  return () => {
    // Streamlit cleans up at every change; the stage goes only when its element does.
    queueMicrotask(() => element.isConnected || stage.destroy());
  };
}
