"""What-ifs in words, once: what a signal is called, what an intervention or an edit does, and its mark on a picture.

A number that a signal is held at is written as all its numbers are. A factor, an amount and a mark go without idle
zeros where nothing was rounded away: "1" is exactly 1, and "1.00" may be 0.9999.
"""

from collections.abc import Sequence

from memviz.cells import is_part
from memviz.edits import Edit, SetWeight, SwapUnits, ZeroBlock
from memviz.interventions import (
    Ablate,
    Add,
    Clamp,
    Detach,
    Freeze,
    Intervention,
    Patch,
    Reset,
    Scale,
)
from memviz.interventions.text import runs_of
from memviz.theme import LOOKS, MINUS, look, number

_PARTS = {
    "from_input": "W x",
    "from_hidden": "U h",
    "from_cell": "peephole",
    "from_gates": "fed back gates",
    "bias": "bias",
    "pre": "pre-activation",
}
_MOST_SAID = 6


def signal_in_words(name: str, family: str = "lstm") -> str:
    """What a signal of a trace is called: "forget gate f", "forget gate f's pre-activation".

    Args:
        name: its name in the trace.
        family: the cell's, whose letters are used; "" is for cells of several, and leaves the letter out.
    """
    head, part = name, ""
    if is_part(name) or name.endswith("_pre"):
        head = name.removesuffix("_pre").removesuffix("_bias").partition("_from_")[0]
        part = _PARTS.get(name.removeprefix(f"{head}_"), "")
    if head not in LOOKS or (head != name and not part):  # a link may name anything
        return name
    its = look(head, family)
    called = its.name if head == "cell_tanh" or not family else f"{its.name} {its.symbol}"
    return f"{called}'s {part}" if part else called  # the gate first: a narrow list shows the beginning


def in_words(what_if: Intervention | Edit, family: str = "lstm") -> str:
    """An intervention or edit as a reader would say it: "forget gate f held at 1.00, units 0 and 3, steps 2 to 5"."""
    if isinstance(what_if, Edit):
        return _edit(what_if, family)
    if isinstance(what_if, Reset):
        where = "each step" if what_if.steps is None else indexes("step", what_if.steps)
        return f"state {done_by(what_if)} before {where}"
    colon = ":" if isinstance(what_if, Detach) else ""  # its words are a sentence
    parts = [f"{signal_in_words(what_if.signal, family)}{colon} {done_by(what_if)}"]
    for noun, chosen in (("unit", what_if.units), ("step", what_if.steps)):
        if chosen is not None:
            parts.append(indexes(noun, chosen))
    return ", ".join(parts)


def weight_set(edit: SetWeight, place: str) -> str:
    """A weight that is set, as a reader would say it who knows its place by a name."""
    return f"{place} set to {repr(edit.value).removesuffix('.0').replace('-', MINUS)}"


def edits_in_brief(edits: Sequence[Edit]) -> str:
    """How many edits there are: "2 edits of the weights"."""
    return f"{len(edits)} edit{'s' * (len(edits) != 1)} of the weights"


def done_by(intervention: Intervention) -> str:
    """What an intervention does, to stand behind what it acts on: "held at 1.00"."""
    match intervention:
        case Clamp():
            return f"held at {number(intervention.value)}"
        case Scale():
            return f"times {short(intervention.factor)}"
        case Add():
            return f"{'minus' if intervention.amount < 0 else 'plus'} {short(abs(intervention.amount))}"
        case Ablate():
            return "cut to 0"
        case Freeze():
            return f"held at its value of step {intervention.at}"
        case Patch():
            return "patched from another run"
        case Detach():
            return "no gradient passes"
        case Reset():
            return "reset to 0"


def mark_of(intervention: Intervention) -> str:
    """What an intervention does in a few letters, as a mark on a picture: "= 1"."""
    match intervention:
        case Clamp():
            return f"= {short(intervention.value)}"
        case Scale():
            return f"× {short(intervention.factor)}"
        case Add():
            return f"{MINUS if intervention.amount < 0 else '+'} {short(abs(intervention.amount))}"
        case Ablate():
            return "= 0"
        case Freeze():
            return f"= t{intervention.at}"
        case Patch():
            return "patch"
        case Detach():
            return "no ∂"
        case Reset():
            return "reset"


def indexes(noun: str, chosen: Sequence[int]) -> str:
    """Whole numbers in ascending order as a reader would say them: "steps 2 to 5 and 9"; many of them stay short."""
    said = [
        part
        for run in runs_of(chosen)
        for part in (map(str, run) if len(run) < 3 else [f"{run[0]} to {run[-1]}"])
    ]
    if len(said) > _MOST_SAID:
        said[_MOST_SAID:] = [f"more, {len(chosen)} in all"]
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    return f"{noun}{'s' * (len(chosen) > 1)} {listed}"


def short(value: float) -> str:
    """A number as `number` writes it, without idle zeros where that is all of it: 3, not 3.00."""
    written = number(value)
    mantissa, e, power = written.partition("e")
    if "." not in mantissa or float(written.replace(MINUS, "-")) != value:
        return written
    return f"{mantissa.rstrip('0').rstrip('.')}{e}{power}"


def _edit(edit: Edit, family: str) -> str:
    match edit:
        case SetWeight():
            column = "" if edit.column is None else f", column {edit.column}"
            whose = f" of {edit.of}" if edit.of else ""
            return weight_set(edit, f"{edit.parameter}{whose}, row {edit.row}{column},")
        case ZeroBlock():
            whose = f" of the {signal_in_words(edit.gate, family)}" if edit.gate else ""
            return f"{edit.parameter}{whose} set to 0"
        case SwapUnits():
            return f"units {edit.first} and {edit.second} swapped"
