"""Links to comparisons that answer a question, each with a takeaway that is computed from the numbers shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from memviz.findings.compare import (
    Contender,
    ablation_takeaway,
    against_first_takeaway,
    bias_takeaway,
    carousel_takeaway,
    clamp_takeaway,
    gru_takeaway,
)
from memviz.interventions import Clamp
from memviz.web.compare.address import DEFAULT, CompareState
from memviz.web.compare.sides import Side


@dataclass(frozen=True)
class Preset:
    """A comparison worth a look.

    Attributes:
        label: what its link says.
        about: what is compared.
        state: the set-up.
        takeaway: the sentence on its contenders.
    """

    label: str
    about: str
    state: CompareState
    takeaway: Callable[[Sequence[Contender]], str]


def _state(*sides: Side, **values: Any) -> CompareState:
    return replace(DEFAULT, sides=sides, **values)


def _biased(bias: float) -> Side:
    return Side("lstm", (("forget_bias", bias),))


_ODYSSEY = "of “LSTM: A Search Space Odyssey” (Greff et al., arXiv 1503.04069): the vanilla LSTM less or plus one thing"

PRESETS = (
    Preset(
        "Ablations I: the gates",
        f"Half of the row {_ODYSSEY}. No input gate, no forget gate, no output gate, coupled gates (here without "
        "peepholes), and no peepholes.",
        _state(*map(Side, ("lstm-peephole", "lstm-nig", "lstm-nfg", "lstm-nog", "lstm-coupled", "lstm"))),
        ablation_takeaway,
    ),
    Preset(
        "Ablations II: the functions, and more gates",
        f"The other half of the row {_ODYSSEY}. Linear candidate, linear output, and full gate recurrence.",
        _state(*map(Side, ("lstm-peephole", "lstm-niaf", "lstm-noaf", "lstm-fgr"))),
        ablation_takeaway,
    ),
    Preset(
        "A GRU in both conventions",
        "The reset gate after the matrix product, as in PyTorch, and before it, as in version 3 of the paper.",
        _state(Side("gru"), Side("gru-v3")),
        gru_takeaway,
    ),
    Preset(
        "Forget bias 0, 1, 3 and 5",
        "One LSTM; only the bias that its forget gate starts from rises.",
        _state(*map(_biased, (0.0, 1.0, 3.0, 5.0))),
        bias_takeaway,
    ),
    Preset(
        "The LSTM of 1997 and today's",
        "Without a forget gate, with one as torch draws it, and with one that starts open.",
        _state(Side("lstm-1997"), Side("lstm"), _biased(3.0)),
        carousel_takeaway,
    ),
    Preset(
        "Peepholes, or chrono biases",
        "What the gates see, against what they start from.",
        _state(Side("lstm"), Side("lstm-peephole"), Side("lstm", (("initialisation", "chrono"),))),
        against_first_takeaway,
    ),
    Preset(
        "One network, its forget gate held at 1",
        "The same weights twice; in one the forget gate is clamped while it runs.",
        _state(Side("lstm"), Side("lstm", (("interventions", (Clamp("forget", 1.0),)),))),
        clamp_takeaway,
    ),
)


def preset_of(state: CompareState) -> Preset | None:
    """The preset whose comparison a state shows, whatever its sequence, seed and units.

    What a takeaway says is read off the numbers, so that it holds for any of those; but not where all sides are edited
    or changed while they run.
    """
    if state.model or state.experiment != state.experiment.plain:
        return None
    return next((preset for preset in PRESETS if preset.state.sides == state.sides), None)
