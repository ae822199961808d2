"""The gradients of the machine of a changed run: complex steps through the transcription with the same interventions.

A number on a node or a wire is nudged after the interventions if it is what they left, and before them if it goes into
something that they touch; so is the gradient that the stage shows of it.
"""

import json
from collections.abc import Callable

import numpy as np
import pytest

from memviz.arithmetic import Quantity
from memviz.cells import CELLS
from memviz.gradients import Loss, gradient_flow
from memviz.interventions import Add, Clamp, Detach, Freeze, Intervention, Reset, Scale
from memviz.network import Network
from memviz.stage import stage_gradients
from memviz.stage.gradients import MachineGradients, machine_gradients
from memviz.stage.machine import Node, Wire, machine
from memviz.trace import record
from tests import changed, oracles

FEATURES, HIDDEN, TIME, STEP = 2, 3, 5, 1e-30
Nudges = dict[str, Callable[[int, int], np.ndarray]]
"""By signal: what it changes by when the number in question of a timestep and unit changes by 1."""
every_cell = pytest.mark.parametrize("name", oracles.NAMES)


def held_and_cut(name: str) -> tuple[Intervention, ...]:
    """A gate held, a state cut from its gradient, and the state thrown away."""
    first, state = CELLS[name].signal_names[-1], CELLS[name].state[-1][1][0]
    gate = next(iter(CELLS[name].activations), first)
    return Clamp(gate, 0.4, [1], [1, 3]), Detach(state, [0], [1]), Freeze(gate, 1, [0], [2, 3]), Reset([2])


def scaled(name: str) -> tuple[Intervention, ...]:
    """Every pre-activation, and every state and its tanh, scaled."""
    signals = [f"{pre}_pre" for pre in CELLS[name].pre_activations]
    signals += [s for s in ("cell", "cell_tanh", "hidden") if s in CELLS[name].signal_names]
    return tuple(Scale(s, 0.6 + 0.1 * k, [0, 2], [0, 2, 3, 4]) for k, s in enumerate(signals))


def summands(name: str) -> tuple[Intervention, ...]:
    """Every summand and every gate scaled or shifted, some of them cut, and a reset of a given state."""
    parts = [part for pre in CELLS[name].pre_activations for part in CELLS[name].summands(pre)]
    chosen: list[Intervention] = [Scale(s, 0.5 + 0.1 * k) for k, s in enumerate(parts)]
    chosen += [Add(s, 0.2, [1]) for s in CELLS[name].activations]
    chosen += [Scale(s, -0.8, [2], [1, 2]) for s in CELLS[name].activations]
    return (*chosen, Detach(parts[0], [1], [3]), Detach(parts[1], [2], [2]), Reset([0, 3]))


every_change = pytest.mark.parametrize("chosen_for", [held_and_cut, scaled, summands])


class Case:
    """A network, its changed run, and its plain numbers by the transcription."""

    def __init__(self, name: str, chosen: tuple[Intervention, ...]) -> None:
        self.name, self.chosen = name, chosen
        self.p = oracles.parameters(name, FEATURES, HIDDEN, 3, 0.7)
        if name == "elman-relu":  # units that never fire have no gradient to compare
            self.p["bias_ih"] = np.abs(self.p["bias_ih"]) + 1
        self.xs, self.before = oracles.inputs(FEATURES, TIME, 3), oracles.state(name, HIDDEN, 3)
        self.made: dict[tuple[int, str], np.ndarray] = {}
        self.steps = changed.run(name, self.p, self.xs, self.before, chosen, enter=self._enter)
        self.network = Network(name, oracles.as_torch(self.p))
        self.trace = record(self.network, self.xs, changed.state_of(self.before, name), chosen)
        self.resets = self.trace.resets
        self.drawn = machine(CELLS[name])

    def _enter(self, t: int, signal: str, value: np.ndarray) -> np.ndarray:
        self.made[t, signal] = value
        return value

    def found(self, loss: Loss) -> MachineGradients:
        return machine_gradients(self.network, gradient_flow(self.network, self.trace, loss))

    def old(self, name: str, t: int) -> np.ndarray:
        if t in self.resets:
            return np.zeros(HIDDEN)
        values: np.ndarray = self.steps[t - 1][name] if t else self.before[name]
        return values

    def now(self, name: str, t: int) -> np.ndarray:
        values: np.ndarray = self.steps[t][name]
        return values

    def weights(self, name: str) -> np.ndarray:
        return self.p["weight_hh"][CELLS[self.name].rows(name, HIDDEN)]

    def slope(self, nudges: Nudges, after: bool, t: int, unit: int, later: str = "") -> float:
        """The loss's change for one of a number, at the sum of the last hidden state."""

        def nudged(at: int, signal: str, value: np.ndarray) -> np.ndarray:
            return value + 1j * STEP * nudges[signal](t, unit) if at == t and signal in nudges else value

        def untouched(at: int, signal: str, value: np.ndarray) -> np.ndarray:
            return value

        def between(at: int, state: oracles.Values) -> oracles.Values:
            return {**state, later: state[later] + 1j * STEP * one(t, unit)} if later and at == t else state

        enter, keep = (untouched, nudged) if after else (nudged, untouched)
        steps = changed.run(
            self.name, self.p, self.xs, self.before, self.chosen, keep=keep, enter=enter, between=between
        )
        return float(np.imag(steps[-1]["hidden"].sum()) / STEP)


def one(t: int, unit: int) -> np.ndarray:
    return np.eye(HIDDEN)[unit]


def by_node(case: Case, node: Node) -> tuple[Nudges, bool]:
    """What a change of a node's own number changes, and whether after the interventions."""
    gru = case.name.startswith("gru")
    if node.id == "through_reset" and case.name == "gru-v3":
        return {"candidate_from_hidden": lambda t, unit: case.weights("candidate")[:, unit]}, False
    if node.id in ("kept", "written"):
        return {"hidden" if gru else "cell": one}, False
    if node.id == "exposed":
        return {"hidden": one}, False
    if node.id == "complement":
        return {"hidden": lambda t, unit: one(t, unit) * case.now("candidate", t)}, False
    assert isinstance(node.value, Quantity)
    return {node.value.signal: one}, True


def by_wire(case: Case, wire: Wire) -> tuple[Nudges, bool]:
    """What a change of the number on a wire alone changes, and whether after the interventions."""
    now, old = case.now, case.old
    shown = "cell_tanh" if "cell_tanh" in case.steps[0] else "cell"
    state = "hidden" if case.name.startswith("gru") else "cell"

    def into(signal: str, factor: Callable[[int], np.ndarray]) -> Nudges:
        return {signal: lambda t, unit: one(t, unit) * factor(t)}

    products: dict[tuple[str, str], Nudges] = {
        ("cell_before", "kept"): into("cell", lambda t: now("forget", t)),
        ("forget", "kept"): into("cell", lambda t: old("cell", t)),
        ("input", "written"): into("cell", lambda t: now("candidate", t)),
        ("cell_before", "sum"): {"cell": one},
        ("input", "forget"): into("forget", lambda t: -np.ones(HIDDEN)),
        ("output", "exposed"): into("hidden", lambda t: now(shown, t)),
        ("tanh", "exposed"): into("hidden", lambda t: now("output", t)),
        ("sum", "exposed"): into("hidden", lambda t: now("output", t)),
        ("sum", "tanh"): into("cell_tanh", lambda t: 1 - np.tanh(now("cell", t)) ** 2),
        ("exposed", "hidden"): {"hidden": one},
        ("kept", "sum"): {state: one},
        ("written", "sum"): {state: one},
        ("hidden_before", "kept"): into("hidden", lambda t: now("update", t)),
        ("update", "kept"): into("hidden", lambda t: old("hidden", t)),
        ("update", "complement"): into("hidden", lambda t: -now("candidate", t)),
        ("complement", "written"): into("hidden", lambda t: now("candidate", t)),
        ("hidden_before", "bus"): through_weights(case),
        ("hidden_before", "from_hidden"): through_weights(case),
        ("bus", "through_reset"): into_reset(case),
        ("candidate", "written"): into(
            state, lambda t: 1 - now("update", t) if state == "hidden" else now("input", t)
        ),
    }
    if (wire.source, wire.target) == ("through_reset", "candidate"):
        return {"candidate_from_hidden": one}, True
    if (wire.source, wire.target) in products:
        return products[wire.source, wire.target], False
    assert isinstance(wire.value, Quantity)
    return {wire.value.signal: one}, True


def into_reset(case: Case) -> Nudges:
    """Before the reset gate: U h + b_hn of its own unit, or in version 3 h itself, which all units read."""
    if case.name == "gru-v3":
        return {
            "candidate_from_hidden": lambda t, unit: (
                case.weights("candidate")[:, unit] * case.now("reset", t)[unit]
            )
        }
    return {"candidate_from_hidden": lambda t, unit: one(t, unit) * case.now("reset", t)}


def through_weights(case: Case) -> Nudges:
    """The old hidden state where it meets the weights."""

    def of(name: str) -> Callable[[int, int], np.ndarray]:
        def nudge(t: int, unit: int) -> np.ndarray:
            column = case.weights(name)[:, unit]
            if (case.name, name) == ("gru", "candidate"):
                return column * case.now("reset", t)
            return (
                column * case.now("reset", t)[unit]
                if (case.name, name) == ("gru-v3", "candidate")
                else column
            )

        return nudge

    return {f"{name}_from_hidden": of(name) for name in CELLS[case.name].pre_activations}


def everywhere() -> list[tuple[int, int]]:
    return [(t, unit) for t in range(TIME) for unit in range(HIDDEN)]


def agree(found: list[float], expected: list[float], what: object) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=str(what))


@every_change
@every_cell
def test_every_number_on_a_node_of_a_changed_run_is_the_complex_step(name: str, chosen_for) -> None:
    case = Case(name, chosen_for(name))
    found = case.found(Loss())
    compared = 0
    for node in case.drawn.nodes:
        if node.value is None or (isinstance(node.value, Quantity) and node.value.before):
            continue
        nudges, after = by_node(case, node)
        agree(
            [found.value(found.nodes[node.id], t, unit) for t, unit in everywhere()],
            [case.slope(nudges, after, t, unit) for t, unit in everywhere()],
            node.id,
        )
        compared += 1
    assert compared >= 6


@every_change
@every_cell
def test_the_state_before_a_step_has_its_own_gradient_and_none_where_it_is_thrown_away(
    name: str, chosen_for
) -> None:
    case = Case(name, chosen_for(name))
    found = case.found(Loss())
    for node in case.drawn.nodes:
        if not (isinstance(node.value, Quantity) and node.value.before):
            continue
        signal, slope = node.value.signal, found.nodes[node.id]
        for t, unit in everywhere():
            if t in case.resets:
                assert found.value(slope, t, unit) == 0
            elif t > 0:
                expected = case.slope({signal: one}, True, t - 1, unit)
                assert found.value(slope, t, unit) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@every_cell
def test_a_state_that_is_thrown_away_has_no_gradient_even_where_the_loss_reads_it(name: str) -> None:
    case = Case(name, (Reset([2]),))
    found = case.found(Loss(everywhere=True))
    assert (found.arrays["hidden"][1] != 0).any()  # of step 1 itself, which the loss reads
    before = [node for node in case.drawn.nodes if isinstance(node.value, Quantity) and node.value.before]
    assert before
    for node in before:
        assert [found.value(found.nodes[node.id], 2, unit) for unit in range(HIDDEN)] == [0] * HIDDEN


@every_change
@every_cell
def test_every_wire_of_a_changed_run_has_the_gradient_along_it_alone(name: str, chosen_for) -> None:
    case = Case(name, chosen_for(name))
    found = case.found(Loss())
    compared = 0
    for wire, slope in zip(case.drawn.wires, found.wires, strict=True):
        if slope is None:
            continue
        ends = (wire.source, wire.target)
        if ends == ("hidden", "hidden_before"):  # the loop: what the step after sends back
            expected = [
                case.slope(through_weights(case), False, t + 1, u)
                if t + 1 < TIME and t + 1 not in case.resets
                else 0
                for t, u in everywhere()
            ]
        elif ends == ("sum", "cell"):  # c_t when h_t is formed already
            expected = [case.slope({}, False, t, u, later="cell") for t, u in everywhere()]
        else:
            nudges, after = by_wire(case, wire)
            # Along a wire from the state before nothing goes back where that state was thrown away.
            cut = wire.source.endswith("_before") or (name, *ends) == ("gru-v3", "bus", "through_reset")
            expected = [
                0 if cut and t in case.resets else case.slope(nudges, after, t, u) for t, u in everywhere()
            ]
        agree([found.value(slope, t, u) for t, u in everywhere()], expected, ends)
        compared += 1
    assert compared == sum(slope is not None for slope in found.wires) >= 6


@every_change
@every_cell
def test_a_changed_payload_is_json_and_names_its_resets(name: str, chosen_for) -> None:
    case = Case(name, chosen_for(name))
    sent = json.loads(
        json.dumps(
            stage_gradients(case.network, gradient_flow(case.network, case.trace, Loss())), allow_nan=False
        )
    )
    assert sent["resets"] == sorted(case.resets)
    assert {wire for wire in sent["wires"] if wire} <= set(sent["arrays"])
    assert {node["array"] for node in sent["nodes"].values()} <= set(sent["arrays"])
