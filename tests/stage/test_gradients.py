"""The gradients of the machine against oracles: autograd of a transcription for what is a signal, and complex steps of
the same transcription, one for each number on a node and along a wire, for all of them.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from memviz.arithmetic import Quantity
from memviz.cells import CELLS
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.network import Network
from memviz.stage import stage_gradients
from memviz.stage.gradients import loss_in_words, machine_gradients
from memviz.stage.machine import Node, Wire, machine
from memviz.trace import record
from tests import oracles

FEATURES, HIDDEN, TIME, STEP = 2, 3, 5, 1e-30
LOSSES = [Loss(), Loss(timestep=3, unit=1)]
every_cell = pytest.mark.parametrize("name", oracles.NAMES)
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=str)
Nudges = dict[str, Callable[[int, int], np.ndarray]]
"""By signal: what it changes by when the number in question of a timestep and unit changes by 1."""


class Case:
    """A network, its run and its plain numbers by the transcription."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.p = oracles.parameters(name, FEATURES, HIDDEN, 3, 0.7)
        if name == "elman-relu":  # units that never fire have no gradient to compare
            self.p["bias_ih"] = np.abs(self.p["bias_ih"]) + 1
        self.xs = oracles.inputs(FEATURES, TIME, 3)
        self.before = oracles.state(name, HIDDEN, 3)
        self.steps = oracles.run(name, self.p, self.xs, self.before)
        self.network = Network(name, oracles.as_torch(self.p))
        state = CELLS[name].state_type(*(torch.tensor(part) for part in self.before.values()))
        self.trace = record(self.network, self.xs, state)
        self.drawn = machine(CELLS[name])

    def flow(self, loss: Loss) -> GradientFlow:
        return gradient_flow(self.network, self.trace, loss)

    def read(self, steps: list[oracles.Values], loss: Loss) -> Any:
        hidden = steps[TIME - 1 if loss.timestep is None else loss.timestep]["hidden"]
        return hidden.sum() if loss.unit is None else hidden[loss.unit]

    def old(self, name: str, t: int) -> np.ndarray:
        values: np.ndarray = self.steps[t - 1][name] if t else self.before[name]
        return values

    def now(self, name: str, t: int) -> np.ndarray:
        values: np.ndarray = self.steps[t][name]
        return values

    def weights(self, name: str) -> np.ndarray:
        rows = CELLS[self.name].rows(name, HIDDEN)
        return self.p["weight_hh"][rows]

    def slope(self, nudges: Nudges, t: int, unit: int, loss: Loss, later: str = "") -> float:
        """The loss's change for one of a number: its complex step; `later` is a state that is nudged between steps."""

        def tap(at: int, signal: str, value: np.ndarray) -> np.ndarray:
            return value + 1j * STEP * nudges[signal](t, unit) if at == t and signal in nudges else value

        def between(at: int, state: oracles.Values) -> oracles.Values:
            return {**state, later: state[later] + 1j * STEP * one(t, unit)} if later and at == t else state

        steps = oracles.run(self.name, self.p, self.xs, self.before, tap, between)
        return float(np.imag(self.read(steps, loss)) / STEP)


def one(t: int, unit: int) -> np.ndarray:
    return np.eye(HIDDEN)[unit]


def by_node(case: Case, node: Node) -> Nudges | None:
    """What a change of a node's own number changes; None where it has none or it is of the step before."""
    gru = case.name.startswith("gru")
    if node.id in ("kept", "written"):
        return {"hidden" if gru else "cell": one}
    if node.id == "exposed":
        return {"hidden": one}
    if node.id == "complement":
        return {"hidden": lambda t, unit: one(t, unit) * case.now("candidate", t)}
    if node.id == "through_reset" and case.name == "gru-v3":
        return {"candidate_from_hidden": lambda t, unit: case.weights("candidate")[:, unit]}
    if isinstance(node.value, Quantity) and not node.value.before:
        return {node.value.signal: one}
    return None


def by_wire(case: Case, wire: Wire) -> Nudges | None:
    """What a change of the number on a wire alone changes; None where no single number goes or it goes to later."""
    now, old = case.now, case.old
    squashed = "cell_tanh" in case.steps[0]
    shown = "cell_tanh" if squashed else "cell"
    state = "hidden" if case.name.startswith("gru") else "cell"

    def scaled(signal: str, factor: Callable[[int], np.ndarray]) -> Nudges:
        return {signal: lambda t, unit: one(t, unit) * factor(t)}

    ends = (wire.source, wire.target)
    products: dict[tuple[str, str], Nudges] = {
        ("cell_before", "kept"): scaled("cell", lambda t: now("forget", t)),
        ("forget", "kept"): scaled("cell", lambda t: old("cell", t)),
        ("input", "written"): scaled("cell", lambda t: now("candidate", t)),
        ("cell_before", "sum"): {"cell": one},
        ("input", "forget"): scaled("forget", lambda t: -np.ones(HIDDEN)),
        ("output", "exposed"): scaled("hidden", lambda t: now(shown, t)),
        ("tanh", "exposed"): scaled("hidden", lambda t: now("output", t)),
        ("sum", "exposed"): scaled("hidden", lambda t: now("output", t)),
        ("sum", "tanh"): scaled("hidden", lambda t: now("output", t) * (1 - np.tanh(now("cell", t)) ** 2)),
        ("exposed", "hidden"): {"hidden": one},
        ("kept", "sum"): {state: one},
        ("written", "sum"): {state: one},
        ("sum", "hidden"): {"hidden": one},
        ("squash", "hidden"): {"hidden": one},
        ("hidden_before", "kept"): scaled("hidden", lambda t: now("update", t)),
        ("update", "kept"): scaled("hidden", lambda t: old("hidden", t)),
        ("update", "complement"): scaled("hidden", lambda t: -now("candidate", t)),
        ("complement", "written"): scaled("hidden", lambda t: now("candidate", t)),
        ("reset", "through_reset"): {"reset": one},
        ("hidden_before", "bus"): through_weights(case),
        ("hidden_before", "from_hidden"): through_weights(case),
        ("bus", "through_reset"): into_reset(case),
    }
    if ends == ("candidate", "written"):
        if state == "hidden":
            return scaled("hidden", lambda t: 1 - now("update", t))
        return scaled("cell", lambda t: now("input", t))
    if ends in products:
        return products[ends]
    return {wire.value.signal: one} if isinstance(wire.value, Quantity) and ends[1] != "cell" else None


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
    nudges: Nudges = {
        f"{name}_pre": lambda t, unit, name=name: case.weights(name)[:, unit]
        for name in CELLS[case.name].pre_activations
    }
    if case.name.startswith("gru"):
        del nudges["candidate_pre"]
        of = (lambda t, unit: case.now("reset", t)) if case.name == "gru" else into_reset_of(case)
        nudges["candidate_from_hidden"] = lambda t, unit: case.weights("candidate")[:, unit] * of(t, unit)
    return nudges


def into_reset_of(case: Case) -> Callable[[int, int], np.ndarray]:
    return lambda t, unit: np.full(HIDDEN, case.now("reset", t)[unit])


def agree(found: list[float], expected: list[float], tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=tolerance)


def everywhere() -> list[tuple[int, int]]:
    return [(t, unit) for t in range(TIME) for unit in range(HIDDEN)]


@every_loss
@every_cell
def test_every_number_on_a_node_is_the_complex_step_of_the_transcription(name: str, loss: Loss) -> None:
    case = Case(name)
    found = machine_gradients(case.network, case.flow(loss))
    compared = 0
    for node in case.drawn.nodes:
        nudges = by_node(case, node)
        if nudges is None:
            continue
        slope = found.nodes[node.id]
        agree(
            [found.value(slope, t, unit) for t, unit in everywhere()],
            [case.slope(nudges, t, unit, loss) for t, unit in everywhere()],
        )
        compared += 1
    assert compared >= 6
    assert set(found.nodes) == {node.id for node in case.drawn.nodes if node.value is not None}


@every_loss
@every_cell
def test_every_signal_and_the_states_before_are_those_of_autograd(name: str, loss: Loss) -> None:
    case = Case(name)
    kept: dict[tuple[int, str], torch.Tensor] = {}
    state = {part: torch.tensor(value, requires_grad=True) for part, value in case.before.items()}

    def keep(t: int, signal: str, value: torch.Tensor) -> torch.Tensor:
        value.retain_grad() if value.requires_grad else value.requires_grad_()
        kept[t, signal] = value
        return value

    steps = oracles.run(name, oracles.as_torch(case.p), torch.tensor(case.xs), state, keep, ops=oracles.TORCH)
    case.read(steps, loss).backward()
    found = machine_gradients(case.network, case.flow(loss))
    compared = 0
    for node in case.drawn.nodes:
        if not isinstance(node.value, Quantity) or node.value.complement:
            continue
        for t, unit in everywhere():
            row = t - node.value.before
            of = state[node.value.signal] if row < 0 else kept[row, node.value.signal]
            expected = 0.0 if of.grad is None else float(of.grad[unit])
            assert found.value(found.nodes[node.id], t, unit) == pytest.approx(expected, rel=1e-9, abs=1e-13)
            compared += 1
    assert compared >= 5 * len(everywhere())


@every_loss
@every_cell
def test_every_wire_has_the_gradient_by_its_number_along_it_alone(name: str, loss: Loss) -> None:
    case = Case(name)
    found = machine_gradients(case.network, case.flow(loss))
    compared = 0
    for wire, slope in zip(case.drawn.wires, found.wires, strict=True):
        assert slope is not None or (wire.source in ("x", "bus") and wire.value is None)
        if (wire.source, wire.target) == (
            "hidden",
            "hidden_before",
        ):  # the loop: what the step after sends back
            later = [
                case.slope(through_weights(case), t + 1, u, loss) if t + 1 < TIME else 0
                for t, u in everywhere()
            ]
            agree([found.value(slope, t, u) for t, u in everywhere()], later)
        elif (wire.source, wire.target) == ("sum", "cell"):  # c_t when h_t is formed already
            later = [case.slope({}, t, u, loss, later="cell") for t, u in everywhere()]
            agree([found.value(slope, t, u) for t, u in everywhere()], later)
        elif slope is not None and (nudges := by_wire(case, wire)) is not None:
            expected = [case.slope(nudges, t, unit, loss) for t, unit in everywhere()]
            agree([found.value(slope, t, unit) for t, unit in everywhere()], expected)
        else:
            continue
        compared += 1
    assert compared == sum(slope is not None for slope in found.wires)


@pytest.mark.parametrize("name", [name for name in CELLS if CELLS[name].family == "lstm"])
def test_what_comes_back_to_a_cell_state_along_its_paths_adds_up_to_its_gradient(name: str) -> None:
    case = Case(name)
    flow = case.flow(Loss())
    found = machine_gradients(case.network, flow)
    parts = found.arrays["cell_later"] + found.arrays["cell_shown"]
    if "output" in CELLS[name].peepholes:
        parts = parts + case.p["peephole_output"] * flow.signals["output_pre"]
    np.testing.assert_allclose(parts, flow.signals["cell"], rtol=1e-9, atol=1e-13)


def unpacked(array: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["data"]), f"<{array['type']}").reshape(array["shape"])


@every_cell
def test_the_payload_holds_the_gradients_and_is_json(name: str) -> None:
    case = Case(name)
    found = machine_gradients(case.network, case.flow(Loss()))
    sent = json.loads(json.dumps(stage_gradients(case.network, case.flow(Loss())), allow_nan=False))
    assert set(sent["arrays"]) == set(found.arrays)
    for key, array in sent["arrays"].items():
        np.testing.assert_allclose(unpacked(array), found.arrays[key], rtol=1e-6)
    for key, array in sent["initial"].items():
        np.testing.assert_allclose(unpacked(array), found.initial[key], rtol=1e-6)
    assert {wire for wire in sent["wires"] if wire} <= set(sent["arrays"])
    assert {node["array"] for node in sent["nodes"].values()} <= set(sent["arrays"])
    assert sent["timestep"] == TIME - 1


def test_the_key_changes_with_the_loss_and_the_network() -> None:
    case, other = Case("lstm"), Case("lstm-coupled")
    keys = {stage_gradients(case.network, case.flow(loss))["key"] for loss in (*LOSSES, Loss(unit=1))}
    keys |= {stage_gradients(other.network, other.flow(Loss()))["key"]}
    assert len(keys) == 4
    assert stage_gradients(case.network, case.flow(Loss()))["key"] in keys


def test_decades_hold_the_smallest_and_the_largest_and_no_zero() -> None:
    case = Case("lstm")
    found = machine_gradients(case.network, case.flow(Loss(timestep=2)))
    assert (found.arrays["hidden"][3:] == 0).all()
    sizes = np.abs(np.concatenate([array.ravel() for array in found.arrays.values()]))
    assert found.decades is not None
    low, high = found.decades
    assert 10.0**low <= sizes[sizes > 0].min() < sizes.max() <= 10.0**high


@pytest.mark.parametrize(
    ("scale", "time", "decades"),
    [(0.1, 300, (-299, 0)), (10.0, 300, (0, 300)), (1.0, 9, (-1, 0)), (0.0, 9, (-1, 0))],
)
def test_gradients_of_extreme_size_and_of_one_size_have_their_decades(
    scale: float, time: int, decades: tuple[int, int]
) -> None:
    p = {name: np.zeros_like(value) for name, value in oracles.parameters("elman-relu", 1, 2, 0).items()}
    p |= {"bias_ih": np.ones(2), "weight_hh": scale * np.eye(2)}
    network = Network("elman-relu", oracles.as_torch(p))
    flow = gradient_flow(network, record(network, np.zeros((time, 1)), None))
    found = machine_gradients(network, flow).decades
    assert found is not None
    assert np.abs(np.subtract(found, decades)).max() <= 1


def test_a_loss_in_words_says_what_is_read_and_where() -> None:
    assert loss_in_words(Loss(), 11) == "the sum of h at step 10"
    assert loss_in_words(Loss(3, 2), 11) == "h of unit 2 at step 3"
    assert loss_in_words(Loss(3, kind="cross-entropy"), 11) == "the cross-entropy of the answer at step 3"
