"""What an intervention does to a number, in words for a reader, and in a few letters for a mark on a picture."""

from memviz.interventions.values import Ablate, Add, Clamp, Detach, Freeze, Intervention, Patch, Reset, Scale

_MINUS = "\N{MINUS SIGN}"


def in_words(intervention: Intervention) -> str:
    """Such as "held at 1", to stand behind the number that it acts on."""
    match intervention:
        case Clamp():
            return f"held at {_short(intervention.value)}"
        case Scale():
            return f"times {_short(intervention.factor)}"
        case Add():
            return f"{'minus' if intervention.amount < 0 else 'plus'} {_short(abs(intervention.amount))}"
        case Ablate():
            return "cut to 0"
        case Freeze():
            return f"held at its value of step {intervention.at}"
        case Patch():
            return "patched from another run"
        case Detach():
            return "no gradient passes"
    return "the state is reset"


def in_short(intervention: Intervention) -> str:
    """Such as "= 1", as a mark."""
    match intervention:
        case Clamp():
            return f"= {_short(intervention.value)}"
        case Scale():
            return f"× {_short(intervention.factor)}"
        case Add():
            return f"{_MINUS if intervention.amount < 0 else '+'} {_short(abs(intervention.amount))}"
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


def _short(value: float) -> str:
    """A number in at most 3 significant digits, without idle zeros."""
    text = f"{value:.3g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
    return text.replace("-", _MINUS)
