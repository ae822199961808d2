// How a play goes on: forwards in time and through the phases of each step or, with gradients, backwards through both.

// Where the next tick leads from { timestep, phase }, as a change of the position; null at the end of the sequence.
export function ahead(run, { timestep, phase }, isInside, isBack) {
  const order = phasesInOrder(run, isBack);
  const at = order.indexOf(phase);
  if (isInside && at < order.length - 1) return { phase: order[at + 1].id };
  if (timestep === (isBack ? 0 : run.time - 1)) return null;
  return { timestep: timestep + (isBack ? -1 : 1), ...(isInside && { phase: order[0].id }) };
}

// Where a play starts over from when it stands at its end: the first step, or the step that the loss reads.
export function start(run, isBack) {
  return { timestep: isBack ? run.gradients.timestep : 0, phase: "" };
}

function phasesInOrder(run, isBack) {
  const { phases } = run.payload.machine;
  return isBack ? [...phases].reverse() : phases;
}
