"""Links to set-ups whose numbers are known."""

import math
from dataclasses import dataclass

from memviz.experiment import Experiment
from memviz.web.gradients.address import GradientsState

_T = 100


@dataclass(frozen=True)
class Preset:
    """A set-up worth a look.

    Attributes:
        label: what its link says.
        expect: what is to be seen.
        state: the set-up.
    """

    label: str
    expect: str
    state: GradientsState


PRESETS = (
    Preset(
        "Untrained cells over 40 steps",
        "Mean log10 of what is left, 20 seeds: Elman −11, GRU −8, LSTM −8, LSTM with a forget bias of 3 −0.1.",
        GradientsState(
            source="noise", lag=39, spread=True, experiment=Experiment(hidden_size=16, forget_bias=3.0)
        ),
    ),
    Preset(
        "The same, forget bias 1 and GRU update bias 3",
        "LSTM −3.3, GRU −0.8: the GRU's update bias does what the LSTM's forget bias does.",
        GradientsState(
            source="noise",
            lag=39,
            spread=True,
            experiment=Experiment(hidden_size=16, forget_bias=1.0, update_bias=3.0),
        ),
    ),
    Preset(
        "An LSTM that explodes",
        "Recurrent weights from N(0, 2.5²): the product of the forget gates vanishes, the derivative is above 1e10.",
        GradientsState(
            source="noise",
            lag=_T - 1,
            network="lstm",
            experiment=Experiment(
                hidden_size=16, initialisation="normal", recurrent_scale=10.0, forget_bias=3.0
            ),
        ),
    ),
    Preset(
        "A matrix that grows although its eigenvalues are below 1",
        "Elman with [[.9, 5], [0, .9]] and h = 0: the norm of its 9th power is 19.4.",
        GradientsState(
            source="noise",
            lag=9,
            network="elman",
            experiment=Experiment(hidden_size=2, initialisation="non-normal", forget_bias=3.0),
        ),
    ),
    Preset(
        "The loss-everywhere illusion",
        "A loss at every step looks flat at some 1e-2; switch it to the last step, and Elman falls below 1e-20.",
        GradientsState(
            source="noise",
            lag=_T - 1,
            network="elman",
            loss="cross-entropy",
            everywhere=True,
            experiment=Experiment(hidden_size=16, forget_bias=3.0),
        ),
    ),
    Preset(
        "Only dL/dh makes the LSTM look dead",
        "b_f = ln 100, b_i = −ln 100: at the first step |dL/dc| is about .1, and |dL/dh| 100 to 250 times less.",
        GradientsState(
            source="noise",
            lag=_T - 1,
            network="lstm-biased",
            loss="cross-entropy",
            experiment=Experiment(hidden_size=16, forget_bias=math.log(_T), input_bias=-math.log(_T)),
        ),
    ),
)
