"""The LSTM and its variants as a machine: the cell state is the conveyor along the top."""

from memviz.arithmetic import Formula, Quantity
from memviz.cells import Cell
from memviz.stage.machine.parts import (
    BUS_ROW,
    GATE_ROW,
    Machine,
    Node,
    Phase,
    Place,
    Value,
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

_MIDDLE, _TANH, _EXPOSE = 1.1, 0.75, 1.5
_PEEP_ROW, _GATES_BUS, _GATES_ROW = 1.72, 3.6, 3.9
_COLUMN = {"forget": 1, "input": 2, "candidate": 3, "output": 4}


def lstm_machine(cell: Cell) -> Machine:
    """What the cell has, and nothing that it lacks."""
    nodes = {node.id: node for node in _nodes(cell)}
    wires = [*_memory_wires(cell, nodes), *_gate_wires(cell, nodes), *_peepholes(cell, nodes)]
    rows = BUS_ROW
    if cell.gate_recurrence:
        wires += _gates_before(cell, nodes)
        rows = _GATES_ROW
    return Machine(5, rows, tuple(nodes.values()), tuple(wires), _phases(cell))


def _nodes(cell: Cell) -> list[Node]:
    c, c_before = Quantity("c_t", "cell"), Quantity("c_{t-1}", "cell", before=True)
    f, i = Quantity("f_t", "forget"), Quantity("i_t", "input")
    g, o = Quantity("g_t", "candidate"), Quantity("o_t", "output")
    of = formulas(cell)
    found = [state_before("cell", (0, 0)), token((0, GATE_ROW)), state_before("hidden", (0, BUS_ROW))]
    found.append(Node("bus", "bus", "x and h", "", (0.5, BUS_ROW)))
    if cell.gate_recurrence:
        title = "gates of the step before"
        found.append(Node("gates_before", "input", title, "[i,f,o]_{t-1}", (0, _GATES_ROW)))
    # In the order of the equations, which is also the order of the Tab key.
    found += [
        gate(cell, name, (_COLUMN[name], GATE_ROW)) for name in ("input", "forget", "candidate") if name in of
    ]
    if "forget" in of:
        found.append(
            product("kept", "what is kept", (1, 0), (("forget", f), ("cell_before", c_before)), "cell")
        )
    found += [
        product("written", "what is written", (2, _MIDDLE), (("input", i), ("candidate", g)), "cell"),
        Node("sum", "sum", "new cell state", "+", (2, 0), c, "cell", of["cell"]),
        state_after(cell, "cell", (5, 0)),
        gate(cell, "output", (_COLUMN["output"], GATE_ROW)),
    ]
    shown = c
    if "cell_tanh" in cell.signal_names:
        shown = Quantity(r"\tanh(c_t)", "cell_tanh")
        squash = Formula("cell_tanh", r"\tanh(c_t)", r"\tanh({})", (c,))
        found.append(
            Node("tanh", "function", "tanh of the cell state", r"\tanh", (4, _TANH), shown, "cell", squash)
        )
    source = "tanh" if shown is not c else "cell"
    exposed = product("exposed", "what is shown", (4, _EXPOSE), (("output", o), (source, shown)), "hidden")
    return [*found, exposed, state_after(cell, "hidden", (5, _EXPOSE))]


def _memory_wires(cell: Cell, nodes: dict[str, Node]) -> list[Wire]:
    c = nodes["cell"].value
    wires = []
    if "kept" in nodes:
        wires += [
            straight(nodes, "cell_before", "kept"),
            straight(nodes, "forget", "kept"),
            straight(nodes, "kept", "sum"),
        ]
    else:
        wires.append(straight(nodes, "cell_before", "sum"))
    wires += [
        straight(nodes, "input", "written"),
        Wire("candidate", "written", ((3, GATE_ROW), (3, _MIDDLE), (2, _MIDDLE)), nodes["candidate"].value),
        straight(nodes, "written", "sum"),
        straight(nodes, "sum", "cell"),
    ]
    if "tanh" in nodes:
        wires += [Wire("sum", "tanh", ((4, 0), nodes["tanh"].at), c), straight(nodes, "tanh", "exposed")]
    else:
        wires.append(Wire("sum", "exposed", ((4, 0), nodes["exposed"].at), c))
    return [*wires, straight(nodes, "output", "exposed"), straight(nodes, "exposed", "hidden")]


def _gate_wires(cell: Cell, nodes: dict[str, Node]) -> list[Wire]:
    weighted = [name for name in _COLUMN if name in cell.pre_activations]
    last = max(_COLUMN[name] for name in weighted)
    wires = [
        Wire("x", "bus", ((0, GATE_ROW), (0.5, GATE_ROW), (0.5, BUS_ROW))),
        Wire("hidden_before", "bus", ((0, BUS_ROW), (0.5, BUS_ROW)), nodes["hidden_before"].value),
        Wire("bus", "bus", ((0.5, BUS_ROW), (last, BUS_ROW))),
        *(from_bus(cell, nodes, name) for name in weighted),
    ]
    if cell.coupled:
        wires.append(straight(nodes, "input", "forget"))
    return wires


def _peepholes(cell: Cell, nodes: dict[str, Node]) -> list[Wire]:
    """The taps on the conveyor: i and f see the old cell state, o the new one."""
    wires = []
    for name in cell.peepholes:
        column, value = _COLUMN[name], _part(cell, name, "from_cell")
        path: tuple[Place, ...]
        if name == "output":
            path = ((4.5, 0), (4.5, GATE_ROW), (column, GATE_ROW))
        else:
            entry = column - 0.25
            path = ((0.5, 0), (0.5, _PEEP_ROW), (entry, _PEEP_ROW), (entry, GATE_ROW))
        wires.append(Wire("sum" if name == "output" else "cell_before", name, path, value, dashed=True))
    return wires


def _gates_before(cell: Cell, nodes: dict[str, Node]) -> list[Wire]:
    """What the gates of the step before add to each gate."""
    wires = []
    for name in ("forget", "input", "output"):
        entry = _COLUMN[name] + 0.25
        path = ((0, _GATES_ROW), (0.5, _GATES_ROW), (0.5, _GATES_BUS), (entry, _GATES_BUS), (entry, GATE_ROW))
        wires.append(Wire("gates_before", name, path, _part(cell, name, "from_gates"), dashed=True))
    return wires


def _part(cell: Cell, name: str, kind: str) -> Value:
    """A summand of a gate."""
    return next(term for term in formulas(cell)[name].terms if term.signal == f"{name}_{kind}")


def _phases(cell: Cell) -> tuple[Phase, ...]:
    of = formulas(cell)
    late = "output" in cell.peepholes  # it sees the new cell state
    early = tuple(
        n for n in ("input", "forget", "candidate", "output") if n in of and not (late and n == "output")
    )
    start = ("x", "hidden_before", "bus", *(("gates_before",) if cell.gate_recurrence else ()))
    seen = ("cell_before",) if set(cell.peepholes) & {"input", "forget"} else ()
    told = _sentences(cell)
    phases = [
        Phase("read", "Read", told["read"], (*start, "cell_before"), ()),
        Phase("gates", "Gates", told["gates"], ("bus", *early, *seen), early),
    ]
    if "forget" in of:
        phases.append(Phase("forget", "Forget", told["forget"], ("kept", "cell_before"), ("kept",)))
    phases.append(Phase("write", "Write", told["write"], ("written", "sum", "cell"), ("written", "cell")))
    late_nodes = ("output",) if late else ()
    squashed = ("tanh",) if "cell_tanh" in cell.signal_names else ()
    shown = (*late_nodes, *squashed, "exposed", "hidden")
    phases.append(Phase("expose", "Expose", told["expose"], shown, (*late_nodes, "hidden")))
    return tuple(phases)


def _sentences(cell: Cell) -> dict[str, str]:
    """What happens in each phase; a gate that is held at 1 is no gate."""
    of = formulas(cell)
    open_ = {n for n in ("input", "forget", "output") if n in of and of[n].formula == "{}"}
    late = "output" in cell.peepholes
    opened = [
        n
        for n in ("input", "forget", "output")
        if n in of and n not in open_ and not (late and n == "output")
    ]
    listed = ", ".join(f"{of[n].symbol[0]} = {{{n}}}" for n in opened)
    gates = (
        f"Each gate opens between 0 and 1: {listed}." if len(opened) > 1 else f"The gate opens to {listed}."
    )
    shown = "tanh c" if "cell_tanh" in cell.signal_names else "c"
    return {
        "read": "The cell reads its input and what it showed before, h = {hidden_before}; "
        "it remembers c = {cell_before}.",
        "gates": f"{gates} The candidate g = {{candidate}} is what could be written.",
        "forget": "There is no forget gate: all of the old cell state stays, {kept}."
        if "forget" in open_
        else "The forget gate keeps {forget} of the old cell state: {kept} is left of {cell_before}.",
        "write": (
            "There is no input gate: all of the candidate, {written}, is added"
            if "input" in open_
            else "The input gate lets {input} of the candidate in: {written} is added"
        )
        + " and the cell state becomes {cell}.",
        "expose": (
            f"There is no output gate: all of {shown} is shown"
            if "output" in open_
            else f"The output gate shows {{output}} of {shown}"
        )
        + ": the hidden state becomes {hidden}.",
    }
