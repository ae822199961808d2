"""How far a gate is from saturation: the slope of its function, by which every gradient into it is multiplied."""

import numpy as np

from memviz.gradients.flow import GradientFlow
from memviz.trace import Array


def saturations(flow: GradientFlow) -> dict[str, Array]:
    """The slope of each gate, the candidate or Elman's hidden state at its pre-activation, (time, unit).

    It is f(1 - f) for a sigmoid, at most 1/4, and 1 - g^2 for a tanh, at most 1; here it is differentiated.
    """
    names = flow.network.cell.pre_activations
    backwards: dict[str, list[Array]] = {name: [] for name in names}
    for _, steps in flow.replay(len(flow.tokens) - 1):
        for name in names:
            backwards[name].append(steps.slopes(name).detach().numpy())
    return {name: np.concatenate(found[::-1]) for name, found in backwards.items()}
