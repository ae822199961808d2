// Full screen: the stage alone, on a projector.

export function isFull(element) {
  return element.getRootNode().fullscreenElement === element || covers(element);
}

// Where a browser has no full screen, the stage covers the page instead.
export function covers(element) {
  return element.classList.contains("overlay");
}

// Into full screen, or out of it; `onChange` is called where the browser itself does not say that it changed.
export function switchFull(element, onChange) {
  if (!covers(element) && isFull(element)) {
    document.exitFullscreen();
    return;
  }
  const cover = () => {
    element.classList.toggle("overlay");
    onChange();
  };
  if (!covers(element) && element.requestFullscreen) element.requestFullscreen().catch(cover);
  else cover();
}
