"""How each signal looks and is written, once: its name, symbol and colours, light and dark, and how numbers are set.

A gate has one colour, one symbol and one name everywhere; colour is never the only sign. On white each colour
has a contrast of at least 4.6 to 1, on the dark ground #0e1117 at least 7.7 to 1.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """How one signal is named, written and drawn.

    Attributes:
        name: the field's standard term.
        symbol: its letter in equations.
        light: colour on a white ground.
        dark: colour on a dark ground.
        dash: plotly's name of its line style, the second sign beside colour.
    """

    name: str
    symbol: str
    light: str
    dark: str
    dash: str = "solid"

    def colour(self, dark: bool) -> str:
        """The colour for a dark or a light ground."""
        return self.dark if dark else self.light


LOOKS = {
    "input": Look("input gate", "i", "#007A5A", "#2FC69B", "dash"),
    "forget": Look("forget gate", "f", "#0072B2", "#56B4E9", "dot"),
    "candidate": Look("candidate", "g", "#8A6D00", "#F0E442", "dashdot"),
    "output": Look("output gate", "o", "#AA4499", "#E58CBF", "longdash"),
    "reset": Look("reset gate", "r", "#B3263A", "#FF9B8A", "dash"),
    "update": Look("update gate", "z", "#00718A", "#6FD6E0", "dot"),
    "cell": Look("cell state", "c", "#C64F00", "#E69F00"),
    "cell_tanh": Look("tanh of the cell state", "tanh c", "#C64F00", "#E69F00"),
    "hidden": Look("hidden state", "h", "#5B4DB3", "#A79BF0"),
}
"""Every gate and state by the name it has in a Trace."""

NETWORK_LOOKS = {
    "elman": Look("Elman", "", "#6b7280", "#8f97a5", "dot"),
    "gru": Look("GRU", "", "#00718A", "#6FD6E0", "dash"),
    "lstm": Look("LSTM, torch's default", "", "#111111", "#f2f3f5", "solid"),
    "lstm-biased": Look("LSTM, forget bias", "", "#0072B2", "#56B4E9", "solid"),
    "given": Look("trained network", "", "#C64F00", "#E69F00", "solid"),
}
"""The networks that are compared: a GRU in the colour of the gate by which it keeps, an LSTM in that of the forget gate
where its bias is set."""
OTHER_NETWORK = Look("", "", "#3a3f4a", "#c5cad3", "longdashdot")
PATH_LOOKS = {
    "carousel": Look("carousel: straight on through c", "", "#0072B2", "#56B4E9"),
    "direct": Look("straight on through h, by z", "", "#0072B2", "#56B4E9"),
    "exposure": Look("exposure: out through h", "", "#5B4DB3", "#A79BF0", "dash"),
    "peepholes": Look("through the peepholes", "", "#AA4499", "#E58CBF", "dot"),
    "through gates": Look("through gates and candidate", "", "#5B4DB3", "#A79BF0", "dash"),
    "loss": Look("the loss's own term", "", "#6b7280", "#8f97a5", "dot"),
}
"""The paths along which a gradient goes back; straight on has the colour of the gate that keeps."""
SIDE_LOOKS = (
    Look("A", "", "#5a5f6b", "#a9b0bb", "dot"),
    Look("B", "", "#AA4499", "#E58CBF", "dash"),
    Look("C", "", "#8A6D00", "#F0E442", "dashdot"),
    Look("D", "", "#0072B2", "#56B4E9"),
)
"""Networks that are trained beside each other, in the order of their letters."""

GATE_RANGE = (0.0, 1.0)
SEQUENTIAL_LIGHT = ("#f4f5f7", "#c9dbe8", "#8fbbd8", "#4b93c1", "#15679b", "#0b3c5f")
SEQUENTIAL_DARK = ("#1c212b", "#1f3d54", "#23628a", "#3c8fc0", "#82c1e6", "#dff1fb")
"""One sequential scale for gates, 0 to 1: from the ground to the strongest blue."""
DIVERGING_LIGHT = ("#8c2d04", "#d9762b", "#f6c9a0", "#f4f5f7", "#b6d3e6", "#4b93c1", "#0b3c5f")
DIVERGING_DARK = ("#ffc38a", "#d9762b", "#6b3a17", "#1c212b", "#20496a", "#4b9fd3", "#bfe4fb")
"""One diverging scale for signed values around 0: orange below, blue above."""

MINUS = "\N{MINUS SIGN}"


def look(signal: str, family: str = "lstm") -> Look:
    """The look of a gate, the candidate or a state; a GRU writes its candidate n."""
    chosen = LOOKS[signal]
    if signal == "candidate" and family == "gru":
        return Look(chosen.name, "n", chosen.light, chosen.dark, chosen.dash)
    return chosen


def is_gate(signal: str) -> bool:
    """Whether a signal is a gate, which lies between 0 and 1; the candidate does not."""
    return signal in ("input", "forget", "output", "reset", "update")


def number(value: float, digits: int = 3) -> str:
    """A number with 3 significant digits and a true minus; below 1e-3 and from 1e6 on in powers of ten."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if value == 0:
        return "0"
    text = f"{value:.{digits - 1}e}"
    mantissa, exponent = text.split("e")
    power = int(exponent)
    if power < -3 or power >= 6:
        text = f"{mantissa}e{power}"
    else:
        text = f"{float(text):.{max(0, digits - 1 - power)}f}"
    return text.replace("-", MINUS)


def power_of_ten(log10: float, digits: int = 2) -> str:
    """A number by its log10, of any size, as `number` writes it: 3.2e-1000 is no float."""
    if math.isnan(log10):
        return "undefined"
    if math.isinf(log10):
        return "∞" if log10 > 0 else "0"
    if abs(log10) < 300:
        return number(10.0**log10, digits)
    power = math.floor(log10)
    mantissa = f"{10 ** (log10 - power):.{digits - 1}f}"
    if mantissa.startswith("10"):
        mantissa, power = f"{1:.{digits - 1}f}", power + 1
    return f"{mantissa}e{power}".replace("-", MINUS)
