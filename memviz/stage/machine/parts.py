"""What every machine is built from."""

from dataclasses import dataclass

from memviz.arithmetic import Formula, Quantity, step_formulas
from memviz.cells import Cell
from memviz.theme import look

GATE_ROW, BUS_ROW = 2.2, 3.05
Place = tuple[float | int, float | int]
Value = Quantity | tuple[str, ...] | None
"""What a node or a wire carries: a number of the trace, the product of other nodes, or no single number."""


@dataclass(frozen=True)
class Node:
    """A place of the machine where a number stands.

    Attributes:
        id: its name in URLs.
        kind: "state", "gate", "constant", "function", "product", "sum", "input" or "bus".
        title: what it is, for readers.
        label: its symbol in LaTeX, or its operator.
        at: column and row of its centre.
        value: its number.
        signal: whose colour it has, or "".
        formula: how its number comes about, or None.
        under: the function that forms it, written below it.
    """

    id: str
    kind: str
    title: str
    label: str
    at: Place
    value: Value = None
    signal: str = ""
    formula: Formula | None = None
    under: str = ""


@dataclass(frozen=True)
class Wire:
    """A line from node to node.

    Attributes:
        source, target: the nodes.
        path: its corners, in columns and rows, from the source's centre to the target's.
        value: the number whose sign and size it shows; None is a neutral line, for a vector.
        dashed: whether it is a side path, such as a peephole.
    """

    source: str
    target: str
    path: tuple[Place, ...]
    value: Value = None
    dashed: bool = False


@dataclass(frozen=True)
class Phase:
    """A part of the step, in the order of the equations.

    Attributes:
        id: its name in URLs.
        title: one word for its button.
        sentence: what happens, with `{node}` where the number of a node belongs.
        nodes: what it lights, with the wires that lead there.
        formulas: the nodes whose equations it shows.
    """

    id: str
    title: str
    sentence: str
    nodes: tuple[str, ...]
    formulas: tuple[str, ...]


@dataclass(frozen=True)
class Machine:
    """The picture of one cell, `columns` by `rows` steps of the grid in size."""

    columns: float | int
    rows: float | int
    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]
    phases: tuple[Phase, ...]


def formulas(cell: Cell) -> dict[str, Formula]:
    """The equations of a cell by what they compute."""
    return {formula.signal: formula for formula in step_formulas(cell)}


def state_before(signal: str, at: Place) -> Node:
    """The state that the step starts from."""
    its = look(signal)
    symbol = rf"{its.symbol}_{{t-1}}"
    title = f"{its.name} of the step before"
    value = Quantity(symbol, signal, before=True)
    return Node(f"{signal}_before", "state", title, symbol, at, value, signal)


def state_after(cell: Cell, signal: str, at: Place) -> Node:
    """The state that the step leaves behind."""
    its = look(signal)
    symbol = rf"{its.symbol}_t"
    value = Quantity(symbol, signal)
    return Node(signal, "state", its.name, symbol, at, value, signal, formulas(cell)[signal])


def token(at: Place) -> Node:
    """The symbol that the step reads."""
    return Node("x", "input", "input", "x_t", at)


def gate(cell: Cell, signal: str, at: Place) -> Node:
    """A gate or the candidate: weighted, fixed at 1, or made of another gate."""
    its, formula = look(signal, cell.family), formulas(cell)[signal]
    weighted = signal in cell.pre_activations
    under = {"sigma": r"\sigma", "tanh": r"\tanh", "": "=" if weighted else ""}[formula.function]
    value = Quantity(rf"{its.symbol}_t", signal)
    return Node(
        signal, "gate" if weighted else "constant", its.name, its.symbol, at, value, signal, formula, under
    )


def product(name: str, title: str, at: Place, factors: tuple[tuple[str, Quantity], ...], signal: str) -> Node:
    """Two nodes multiplied."""
    symbols = tuple(quantity for _, quantity in factors)
    symbol = r"\,".join(quantity.symbol for quantity in symbols)
    formula = Formula("", symbol, r"{}\,{}", symbols)
    return Node(name, "product", title, r"\times", at, tuple(node for node, _ in factors), signal, formula)


def straight(nodes: dict[str, Node], source: str, target: str, value: Value = None) -> Wire:
    """A wire along one line, with the source's number unless another is given."""
    a, b = nodes[source], nodes[target]
    return Wire(source, target, (a.at, b.at), a.value if value is None else value)


def from_bus(cell: Cell, nodes: dict[str, Node], signal: str, row: float | int = BUS_ROW) -> Wire:
    """What a gate reads, as the sign and size of its pre-activation."""
    column, _ = nodes[signal].at
    value = Quantity(f"a_{look(signal, cell.family).symbol}", f"{signal}_pre")
    return Wire("bus", signal, ((column, row), nodes[signal].at), value)
