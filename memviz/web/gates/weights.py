"""The weights on the gates page: a grid that can be edited, and a histogram for each gate.

It is one fragment: which weights are shown, and where in them the reader is, runs no other part of the page than the
stage, which lights the wire. An edit runs the page.
"""

from dataclasses import dataclass, replace

import streamlit as st

from memviz.edits import fitting
from memviz.encoding.sequence import SYMBOLIC_KINDS
from memviz.figures import weight_histograms
from memviz.findings import weights_finding
from memviz.grid import (
    CHANGED,
    UNIT,
    At,
    Command,
    Editor,
    Remove,
    Set,
    Undo,
    grid,
    grid_payload,
    network_key,
    read_commands,
    read_place,
    said,
    sources,
)
from memviz.histograms import histograms
from memviz.network import Network
from memviz.web.charts import chart, is_dark
from memviz.web.engine import Run
from memviz.web.gates import step
from memviz.web.gates.page import PAGE

FRAGMENT = "gates-weights"
_GRID = "gates-weights-grid"
_ACK = "gates-weights-ack"
_PROBLEM = "gates-weights-problem"
_BY_UNIT = "gates-weights-by-unit"


@dataclass(frozen=True, eq=False)
class _Shown:
    """The network that is on the screen: its run, and what it was before any edit."""

    run: Run
    editor: Editor

    @property
    def drawn(self) -> Network:
        """The network before any edit."""
        return self.editor.drawn

    @property
    def is_current(self) -> bool:
        """Whether it is the reader's: beside an error the last good one is seen, and is not to be edited."""
        return self.run.setup.plain == PAGE.current().setup.plain


@st.fragment(key=FRAGMENT)
def show(run: Run) -> None:
    """The section, whose content is made while it is open."""
    with st.expander(
        "Weights", icon=":material/grid_on:", on_change="rerun", key="gates-weights-open"
    ) as section:
        if section.open:
            drawn = (run.before or run).network
            editor = Editor(drawn, run.sequence.features, run.sequence.kind in SYMBOLIC_KINDS)
            left, right = st.columns([3, 2], gap="medium")
            with left:
                _editor(_Shown(run, editor))
            with right:
                _histograms(run.network, drawn)


def _editor(shown: _Shown) -> None:
    at, editor, edits = _at(shown.drawn), shown.editor, PAGE.current().experiment.edits
    _, misfits = fitting(shown.drawn, edits)
    payload = grid_payload(
        editor.block(at),
        shown.run.network,
        shown.drawn,
        row=at.row,
        column=at.column,
        by_unit=at.unit is not None,
        edits=[(editor.words(edit), misfits.get(index, "")) for index, edit in enumerate(edits)],
        ack=st.session_state.get(_ACK, 0),
        problem=st.session_state.pop(_PROBLEM, ""),
    )
    grid(payload, _GRID, lambda: _moved(shown), lambda: _edited(shown))


def _histograms(network: Network, drawn: Network) -> None:
    counted = histograms(network, drawn)
    title = weights_finding(network, drawn)
    figure = weight_histograms(counted, title, is_dark())
    alt = f"Histograms of the weights of each gate, from the input and from the hidden state. {title}."
    chart(PAGE, "weights", figure, alt, counted.to_frame)


def _at(drawn: Network) -> At:
    """Where the state says that the reader is, or the nearest place that this network has."""
    state, cell = PAGE.current(), drawn.cell
    signal, _, column = state.weight.partition("~")
    places = [(gate, source) for gate in cell.gates for source in sources(cell, gate)]
    first = "forget" if "forget" in cell.gates else cell.gates[0]
    gate, source = next((p for p in places if "_".join(p) == signal), (first, "from_hidden"))
    unit = min(state.unit, drawn.hidden_size - 1)
    if st.session_state.get(_BY_UNIT, False):
        rows, row = f"{UNIT}{unit}", [g for g in cell.gates if source in sources(cell, g)].index(gate)
    else:
        rows, row = gate, unit
    return At(network_key(drawn), rows, source, row, int(column) if column.isdecimal() else 0)


def _moved(shown: _Shown) -> None:
    """The reader is at another cell, which the stage lights; or they chose other weights, which are to be sent."""
    before, at = _at(shown.drawn), read_place(said(_GRID, "place"))
    try:
        if at is not None:
            _point(shown, at)
            st.session_state[_BY_UNIT] = at.unit is not None
    except ValueError as error:
        st.session_state[_PROBLEM] = str(error)
        st.rerun(scope=FRAGMENT)
    after = _at(shown.drawn)
    is_same = (before.rows, before.source) == (after.rows, after.source)
    st.rerun(scope=[step.FRAGMENT] if is_same else [step.FRAGMENT, FRAGMENT])


def _point(shown: _Shown, at: At) -> None:
    """Bring the reader to a cell, or to one that there is; the stage lights its wire.

    Raises:
        ValueError: if the network has no such weights.
    """
    known = sources(shown.drawn.cell, at.rows if at.unit is None else None)
    at = at if at.source in known else replace(at, source="from_hidden")
    block = shown.editor.block(at)
    its = block.rows[min(at.row, len(block.rows) - 1)]
    column = min(at.column, len(block.columns) - 1)
    PAGE.change(unit=its.unit, weight=f"{its.gate}_{at.source}~{column}")


def _edited(shown: _Shown) -> None:
    """Obey what the browser asks for, once each, and run the page."""
    commands, st.session_state[_ACK] = read_commands(said(_GRID, "commands"), st.session_state.get(_ACK, 0))
    for command in commands:
        try:
            _obey(command, shown)
        except ValueError as error:
            st.session_state[_PROBLEM] = str(error)
    st.rerun()


def _obey(command: Command | str, shown: _Shown) -> None:
    if isinstance(command, str):
        raise ValueError(command)
    if not isinstance(command, Remove | Undo) and not shown.is_current:
        raise ValueError(CHANGED)
    edits = shown.editor.obeyed(command, PAGE.current().experiment.edits)
    if isinstance(command, Set):
        _point(shown, command.at)
    PAGE.change_experiment(edits=edits)
    if PAGE.problems():
        raise ValueError(PAGE.problems()[0])
