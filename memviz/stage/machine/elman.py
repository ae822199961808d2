"""The Elman network as a machine: one loop through one function."""

from memviz.arithmetic import Formula, Quantity
from memviz.cells import Cell
from memviz.stage.machine.parts import (
    GATE_ROW,
    Machine,
    Node,
    Phase,
    Place,
    Wire,
    formulas,
    state_after,
    state_before,
    straight,
    token,
)

_ROW = 0.9


def elman_machine(cell: Cell) -> Machine:
    """The hidden state goes round: through U, joined by W x and b, through one function, and back."""
    formula = formulas(cell)["hidden"]
    from_input, from_hidden, bias = formula.terms
    squash = r"\tanh" if cell.nonlinearity == "tanh" else r"\max(0, a)"
    total = Formula("", "a_t", " + ".join(["{}"] * 3), formula.terms)
    nodes = {
        node.id: node
        for node in (
            state_before("hidden", (0, _ROW)),
            token((0, GATE_ROW)),
            _part("from_hidden", "what the old hidden state adds", from_hidden, (1.3, _ROW)),
            _part("from_input", "what the input adds", from_input, (1.3, GATE_ROW)),
            _part("bias", "bias", bias, (2.6, GATE_ROW)),
            Node("pre", "sum", "pre-activation", "+", (2.6, _ROW), Quantity("a_t", "hidden_pre"), "", total),
            Node(
                "squash",
                "function",
                squash_title(cell),
                squash,
                (3.8, _ROW),
                Quantity("h_t", "hidden"),
                "",
                formula,
            ),
            state_after(cell, "hidden", (5, _ROW)),
        )
    }
    loop = ((5.0, _ROW), (5.0, 0.0), (0.0, 0.0), (0.0, _ROW))
    wires = (
        straight(nodes, "hidden_before", "from_hidden"),
        Wire("x", "from_input", (nodes["x"].at, nodes["from_input"].at)),
        straight(nodes, "from_hidden", "pre"),
        Wire("from_input", "pre", ((1.3, GATE_ROW), (1.95, GATE_ROW), (1.95, _ROW), (2.6, _ROW)), from_input),
        straight(nodes, "bias", "pre"),
        straight(nodes, "pre", "squash"),
        straight(nodes, "squash", "hidden"),
        Wire("hidden", "hidden_before", loop, nodes["hidden"].value, dashed=True),
    )
    phases = (
        Phase(
            "read",
            "Read",
            "The cell reads its input and what it left behind before, h = {hidden_before}, through its weights.",
            ("x", "hidden_before", "from_input", "from_hidden", "bias"),
            ("from_input", "from_hidden", "bias"),
        ),
        Phase(
            "write",
            "Write",
            "Everything is added up to {pre}: no gate protects what was there before.",
            ("pre",),
            ("pre",),
        ),
        Phase(
            "expose",
            "Expose",
            "One function makes the new hidden state of it, {hidden}, which goes round to the next step.",
            ("squash", "hidden"),
            ("hidden",),
        ),
    )
    return Machine(5, GATE_ROW, tuple(nodes.values()), wires, phases)


def squash_title(cell: Cell) -> str:
    """What the one function is called."""
    return "tanh of the pre-activation" if cell.nonlinearity == "tanh" else "rectified pre-activation"


def _part(name: str, title: str, part: Quantity, at: Place) -> Node:
    label = {"from_hidden": "U h", "from_input": "W x", "bias": "b"}[name]
    formula = Formula(part.signal, part.symbol, "{}", (part,))
    return Node(name, "product", title, label, at, part, "", formula)
