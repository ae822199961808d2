"""Links to set-ups whose numbers are known, and the set-up of the page in words."""

import math
from dataclasses import dataclass

from memviz.experiment import Experiment
from memviz.theme import number
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


def _wide(**settings: float | str | None) -> Experiment:
    return Experiment(hidden_size=16, **settings)  # type: ignore[arg-type]


PRESETS = (
    Preset(
        "Untrained cells over 40 steps",
        "Mean log10 of what is left, 20 seeds: Elman −11, GRU −8, LSTM −8, LSTM with a forget bias of 3 −0.1.",
        GradientsState(source="noise", lag=39, spread=True, experiment=_wide(forget_bias=3.0)),
    ),
    Preset(
        "The same, forget bias 1 and GRU update bias 3",
        "LSTM −3.3, GRU −0.8: the GRU's update bias does what the LSTM's forget bias does.",
        GradientsState(
            source="noise", lag=39, spread=True, experiment=_wide(forget_bias=1.0, update_bias=3.0)
        ),
    ),
    Preset(
        "An LSTM that explodes",
        "Recurrent weights from N(0, 2.5²): the product of the forget gates vanishes, the derivative is above 1e10.",
        GradientsState(
            source="noise",
            lag=_T - 1,
            network="lstm",
            experiment=_wide(initialisation="normal", recurrent_scale=10.0, forget_bias=3.0),
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
            experiment=_wide(forget_bias=3.0),
        ),
    ),
    Preset(
        "Only dL/dh makes the LSTM look dead",
        "b_f = ln 100, b_i = −ln 100: at the first step |dL/dc| is .03 to .09, |dL/dh| 150 to 600 times less.",
        GradientsState(
            source="noise",
            lag=_T - 1,
            network="lstm-biased",
            loss="cross-entropy",
            experiment=_wide(forget_bias=math.log(_T), input_bias=-math.log(_T)),
        ),
    ),
)


def described(state: GradientsState) -> str:
    """The set-up in words: cells, H, T, seed, input, loss and biases."""
    study, experiment = state.study, state.experiment
    source = "noise from N(0, 1), 4 features" if study.source == "noise" else "the text, repeated"
    seeds = (
        f"seeds {experiment.seed} to {experiment.seed + state.seeds - 1}"
        if state.spread
        else f"seed {experiment.seed}"
    )
    biases = [
        f"{name} bias {number(value)}"
        for name, value in (
            ("forget", experiment.forget_bias),
            ("update", experiment.update_bias),
            ("input", experiment.input_bias),
        )
        if value is not None
    ]
    drawn = f"weights {experiment.initialisation}"
    if experiment.recurrent_scale != 1:
        drawn += f", those from h times {number(experiment.recurrent_scale)}"
    return (
        f"H = {experiment.hidden_size}, T = {study.lag + 1}, {seeds}; input: {source}; loss: {loss_in_words(state)}; "
        f"{drawn}; {', '.join(biases) or 'biases as drawn'} (“LSTM, torch's default” has its own)."
    )


def loss_in_words(state: GradientsState) -> str:
    """What is differentiated."""
    study = state.study
    what = {
        "sum": "the sum of h",
        "unit": f"h of unit {study.loss_unit}",
        "squared error": f"half the squared error of a random read-out to {study.target or 0}",
        "cross-entropy": f"cross-entropy of a random read-out{f' to {study.target}' if study.target else ''}",
    }[study.loss]
    if study.everywhere:
        return f"{what}, its mean over all steps"
    return f"{what} at step {study.lag if study.loss_timestep is None else study.loss_timestep}"
