"""The gated recurrent unit as a machine: the hidden state is the conveyor."""

from memviz.arithmetic import Formula, Quantity
from memviz.cells import Cell
from memviz.stage.machine.parts import (
    BUS_ROW,
    GATE_ROW,
    Machine,
    Node,
    Phase,
    Wire,
    formulas,
    from_bus,
    gate,
    product,
    state_after,
    state_before,
    straight,
    token,
)

_MIDDLE = 1.1


def gru_machine(cell: Cell) -> Machine:
    """The update gate keeps a share of h, the rest comes from the candidate, which reads h through the reset gate."""
    h_before, z = Quantity("h_{t-1}", "hidden", before=True), Quantity("z_t", "update")
    n, r = Quantity("n_t", "candidate"), Quantity("r_t", "reset")
    rest = Quantity("(1 - z_t)", "update", complement=True)
    candidate = gate(cell, "candidate", (4, GATE_ROW))
    share = Formula("", "1 - z_t", "1 - {}", (z,))
    nodes = {
        node.id: node
        for node in (
            state_before("hidden", (0, 0)),
            token((0, BUS_ROW)),
            Node("bus", "bus", "x and h", "", (0.5, BUS_ROW)),
            gate(cell, "reset", (2, GATE_ROW)),
            gate(cell, "update", (1, GATE_ROW)),
            _through_reset(cell, r, h_before),
            candidate,
            product("kept", "what is kept", (1, 0), (("update", z), ("hidden_before", h_before)), "hidden"),
            Node(
                "complement",
                "function",
                "share that is written",
                "1 - z",
                (2, _MIDDLE),
                rest,
                "update",
                share,
            ),
            product(
                "written", "what is written", (4, _MIDDLE), (("complement", rest), ("candidate", n)), "hidden"
            ),
            Node(
                "sum",
                "sum",
                "new hidden state",
                "+",
                (4, 0),
                Quantity("h_t", "hidden"),
                "hidden",
                formulas(cell)["hidden"],
            ),
            state_after(cell, "hidden", (5, 0)),
        )
    }
    return Machine(5, BUS_ROW, tuple(nodes.values()), _wires(cell, nodes), _phases(cell))


def _through_reset(cell: Cell, r: Quantity, h_before: Quantity) -> Node:
    if not cell.reset_after:
        name = "what the reset gate lets through"
        return product(
            "through_reset", name, (3, GATE_ROW), (("reset", r), ("hidden_before", h_before)), "reset"
        )
    part = formulas(cell)["candidate"].terms[1]
    formula = Formula(part.signal, part.symbol, "{}", (part,))
    title = "what the reset gate lets through, after the weights"
    return Node("through_reset", "product", title, r"\times", (3, GATE_ROW), part, "reset", formula)


def _wires(cell: Cell, nodes: dict[str, Node]) -> tuple[Wire, ...]:
    part, old = formulas(cell)["candidate"].terms[1], nodes["hidden_before"].value
    written = nodes["written"].value
    return (
        Wire("x", "bus", ((0, BUS_ROW), (0.5, BUS_ROW))),
        Wire("hidden_before", "bus", ((0, 0), (0.5, 0), (0.5, BUS_ROW))),
        Wire("bus", "bus", ((0.5, BUS_ROW), (4, BUS_ROW))),
        from_bus(cell, nodes, "update"),
        from_bus(cell, nodes, "reset"),
        Wire("bus", "through_reset", ((3, BUS_ROW), (3, GATE_ROW)), None if cell.reset_after else old),
        straight(nodes, "reset", "through_reset"),
        straight(nodes, "through_reset", "candidate", part),
        Wire("bus", "candidate", ((4, BUS_ROW), (4, GATE_ROW)), formulas(cell)["candidate"].terms[0]),
        straight(nodes, "hidden_before", "kept"),
        straight(nodes, "update", "kept"),
        Wire("update", "complement", ((1, GATE_ROW), (1, _MIDDLE), (2, _MIDDLE)), nodes["update"].value),
        straight(nodes, "complement", "written"),
        straight(nodes, "candidate", "written"),
        straight(nodes, "kept", "sum"),
        straight(nodes, "written", "sum", written),
        straight(nodes, "sum", "hidden"),
    )


def _phases(cell: Cell) -> tuple[Phase, ...]:
    where = "after" if cell.reset_after else "before"
    return (
        Phase(
            "read",
            "Read",
            "The cell reads its input and its old hidden state, h = {hidden_before}.",
            ("x", "hidden_before", "bus"),
            (),
        ),
        Phase(
            "gates",
            "Gates",
            "Both gates look at x and h: the reset gate opens to {reset}, the update gate to {update}.",
            ("bus", "reset", "update"),
            ("reset", "update"),
        ),
        Phase(
            "candidate",
            "Candidate",
            f"The candidate n = {{candidate}} sees the old state through the reset gate, {where} the weights.",
            ("bus", "through_reset", "candidate"),
            ("candidate",),
        ),
        Phase(
            "forget",
            "Keep",
            "The update gate keeps {update} of the old state: {kept} is left of {hidden_before}. Here z = 1 keeps.",
            ("kept",),
            ("kept",),
        ),
        Phase(
            "write",
            "Write",
            "The rest, {complement}, comes from the candidate: {written} is added and h becomes {hidden}.",
            ("complement", "written", "sum", "hidden"),
            ("complement", "written", "hidden"),
        ),
    )
