"""Interventions as plain PyTorch: a function `change(t, signal, value)`, and the lines that set a state to zero."""

from collections.abc import Container, Iterable, Sequence

import numpy as np

from memviz.interventions import Add, Clamp, Detach, Freeze, Intervention, Patch, Reset, Scale
from memviz.snippet.text import TYPED, matrix, vector

_MOST_RUNS = 4
_MOST_UNITS = 12
"""Longer lists of steps or units get a name of their own."""


class Changes:
    """What the interventions of a run become.

    Attributes:
        touched: the signals that pass through `change`.
        patches: the values of each patch by the name that they have in the code, (time, unit).
    """

    def __init__(self, interventions: Iterable[Intervention], time: int, units: int) -> None:
        self._all = list(enumerate(interventions))
        self._time, self._units = time, units
        self._named: list[str] = []
        self.touched = frozenset(iv.signal for _, iv in self._all if not isinstance(iv, Reset))
        self.patches = {
            f"patch_{index}": iv.values[:time] for index, iv in self._all if isinstance(iv, Patch)
        }

    def resets(self, state: Sequence[str]) -> list[str]:
        """The lines with which a step begins: where a state is set to zero."""
        lines = []
        for index, intervention in self._all:
            if isinstance(intervention, Reset):
                when = self._when(index, intervention)
                zeros = ", ".join(f"torch.zeros_like({part})" for part in state)
                set_to_zero = f"{', '.join(state)} = {zeros}  # reset"
                lines += [f"if {when}:", f"    {set_to_zero}"] if when else [set_to_zero]
        return lines

    def function(self, stored: Container[str]) -> str:
        """`change` and what it reads; the patches whose names are `stored` come out of the file of weights."""
        body: list[str] = []
        for index, intervention in self._all:
            if isinstance(intervention, Reset):
                continue
            when = self._when(index, intervention)
            condition = f'signal == "{intervention.signal}"' + (f" and {when}" if when else "")
            body += [f"    if {condition}:", f"        {self._act(index, intervention)}"]
        freezes = {(iv.signal, iv.at) for _, iv in self._all if isinstance(iv, Freeze)}
        for signal, at in sorted(freezes):
            body += [
                f'    if signal == "{signal}" and t == {at}:',
                f'        frozen["{signal}", {at}] = value.detach()',
            ]
        tables = [
            f'{name} = weights.pop("{name}")  # (time, unit)'
            if name in stored
            else matrix(f"{name} = torch.tensor([  # (time, unit)", values.tolist(), f"], {TYPED})")
            for name, values in self.patches.items()
        ]
        return "\n".join(
            [
                *tables,
                *self._named,
                *(["frozen = {}"] if freezes else []),
                *([""] * (2 if tables or self._named or freezes else 1)),
                "def change(t, signal, value):",
                '    """What if: a signal at timestep t. Each change takes what the one before it left."""',
                "    value = value.clone()",
                *body,
                "    return value",
                "",
            ]
        )

    def _act(self, index: int, intervention: Intervention) -> str:
        assert not isinstance(intervention, Reset)
        units = self._which(index, intervention.units)
        match intervention:
            case Clamp():
                return f"value[{units}] = {intervention.value!r}  # clamp"
            case Scale():
                return f"value[{units}] *= {intervention.factor!r}  # scale"
            case Add():
                return f"value[{units}] += {intervention.amount!r}  # add"
            case Detach():
                return f"value[{units}] = value[{units}].detach()  # no gradient goes back through it"
            case Freeze():
                held = f'frozen["{intervention.signal}", {intervention.at}]'
                return f"value[{units}] = {held}[{units}]  # freeze"
            case Patch():
                return f"value[{units}] = patch_{index}[t, {units}]  # patch"
        return f"value[{units}] = 0.0  # ablate"

    def _when(self, index: int, intervention: Intervention) -> str:
        """The condition on t; empty where it always holds."""
        if intervention.steps is None:
            return f"t > {intervention.at}" if isinstance(intervention, Freeze) else ""
        runs = _runs(intervention.steps)
        if len(runs) > _MOST_RUNS:
            self._named.append(vector(f"steps_{index} = {{", intervention.steps, "}"))
            return f"t in steps_{index}"
        if len(runs) > 1 and len(runs) == len(intervention.steps):
            return f"t in {tuple(intervention.steps)}"
        written = [self._run(first, last) for first, last in runs]
        return written[0] if len(written) == 1 else f"({' or '.join(written)})"

    def _run(self, first: int, last: int) -> str:
        if first == last:
            return f"t == {first}"
        return f"t >= {first}" if last == self._time - 1 else f"{first} <= t <= {last}"

    def _which(self, index: int, units: Sequence[int] | None) -> str:
        if units is None or len(units) == self._units:
            return ":"
        if len(units) <= _MOST_UNITS:
            return str(list(units))
        self._named.append(vector(f"units_{index} = [", units, "]"))
        return f"units_{index}"


def _runs(steps: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending whole numbers as runs from the first to the last."""
    ordered = np.array(steps)
    runs = np.split(ordered, np.flatnonzero(np.diff(ordered) != 1) + 1)
    return [(int(run[0]), int(run[-1])) for run in runs]
