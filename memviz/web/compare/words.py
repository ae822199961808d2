"""The sides of a comparison in words."""

from typing import Any

from memviz.cells import CELLS, Cell
from memviz.encoding import Sequence
from memviz.experiment import Experiment
from memviz.gradients import Loss
from memviz.web.compare.address import CompareState
from memviz.web.compare.sides import SETTINGS, Side, heeds
from memviz.words import edits_in_brief, in_words, short

_DRAWN = {
    "uniform": "weights as torch draws them",
    "orthogonal": "orthogonal recurrent weights",
    "normal": "normal recurrent weights",
    "chrono": "chrono biases",
    "non-normal": "one matrix: .9 on the diagonal, 5 above it",
}
_MOST_SAID = 60
_MOST_QUOTED = 28


def label_of(side: Side) -> str:
    """A side's cell, and what is set for it alone."""
    cell = CELLS[side.cell]
    return ", ".join([cell.title, *own_settings(side)])


def own_settings(side: Side) -> list[str]:
    """What is set for a side alone, in words; what its cell does not heed is not said."""
    cell = CELLS[side.cell]
    return [_said(name, value, cell) for name, value in side.settings if heeds(cell, name)]


def described(state: CompareState, loss: Loss, last: int) -> str:
    """What all sides share."""
    base, default = state.experiment, Experiment()
    cell = CELLS[Experiment.cell]
    shared = [
        _said(name, getattr(base, name), cell)
        for name in SETTINGS
        if getattr(base, name) != getattr(default, name)
    ]
    read = "the sum of h" if loss.unit is None else f"h of unit {loss.unit}"
    if state.model:
        return f"All sides: {base.hidden_size} units and the same sequence. Loss: {read} at step {last}."
    return (
        f"All sides: {base.hidden_size} unit{'s' * (base.hidden_size != 1)}, seed {base.seed}, the same weights in the "
        f"gates that cells of a family share{''.join(f'; {text}' for text in shared)}. "
        f"Loss: {read} at step {last}. Nothing is trained."
    )


def sequence_in_words(sequence: Sequence) -> str:
    """A short text or its beginning in quotation marks; numbers are just the sequence."""
    if sequence.kind not in ("text", "words"):
        return "the sequence"
    between = " " if sequence.kind == "words" else ""
    pairs = zip(sequence.tokens, sequence.symbols or (), strict=True)
    text = between.join(symbol if symbol == " " else token for token, symbol in pairs)
    return f"“{text}”" if len(text) <= _MOST_QUOTED else f"“{text[: _MOST_QUOTED - 1]}…”"


def _said(name: str, value: Any, cell: Cell) -> str:
    if name == "interventions":
        said = "; ".join(in_words(each, cell.family) for each in value) or "no interventions"
        return said if len(said) <= _MOST_SAID else f"{said[: _MOST_SAID - 1]}…"
    if name == "edits":
        return edits_in_brief(value)
    if name == "initialisation":
        return _DRAWN[value]
    if name == "chrono_steps":
        return f"chrono biases up to {value:,} steps"
    if name == "recurrent_scale":
        return f"weights from h times {short(value)}"
    label = name.replace("_", " ")
    return f"{label} as drawn" if value is None else f"{label} {short(value)}"
