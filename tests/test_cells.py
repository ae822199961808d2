"""Each cell against torch.nn and against a transcription of its paper that shares no code with it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from memviz.cells import CELLS
from tests import oracles

FEATURES, HIDDEN = 3, 4

seeds = st.integers(0, 2**32 - 1)
features_sizes = st.integers(1, 4)
hidden_sizes = st.integers(1, 5)
lengths = st.integers(1, 9)
every_cell = pytest.mark.parametrize("name", oracles.NAMES)
every_signal = pytest.mark.parametrize(
    ("name", "signal"), [(name, signal) for name in oracles.NAMES for signal in CELLS[name].signal_names]
)


def tensors_of(name: str, seed: int = 0, features: int = FEATURES, hidden: int = HIDDEN, scale: float = 1.0):
    """Parameters, one input and a state of a cell, as numpy for the oracle and as torch for the step."""
    p = oracles.parameters(name, features, hidden, seed, scale)
    x = oracles.inputs(features, 1, seed)[0]
    before = oracles.state(name, hidden, seed)
    state = CELLS[name].state_type(*(torch.tensor(part) for part in before.values()))
    return p, x, before, oracles.as_torch(p), torch.tensor(x), state


def close(actual: Tensor, expected: np.ndarray, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(actual.numpy(), expected, rtol=tolerance, atol=tolerance)


# --- which cells there are -------------------------------------------------------------------------------


def test_every_cell_has_an_oracle() -> None:
    assert set(CELLS) == set(oracles.ORACLES)


def test_a_cell_is_listed_under_its_own_name() -> None:
    assert [cell.name for cell in CELLS.values()] == list(CELLS)


@every_cell
def test_parameters_have_the_shapes_that_the_paper_asks_for(name: str) -> None:
    expected = {key: value.shape for key, value in oracles.parameters(name, FEATURES, HIDDEN, 0).items()}
    assert CELLS[name].parameter_shapes(FEATURES, HIDDEN) == expected


@every_cell
def test_signals_stand_in_the_order_of_the_equations(name: str) -> None:
    p, x, before, *_ = tensors_of(name)
    _, signals = oracles.step(name, p, x, before)
    assert CELLS[name].signal_names == tuple(signals)


@pytest.mark.parametrize(
    ("name", "activations", "pre_activations"),
    [
        ("elman", (), ("hidden",)),
        ("lstm", ("input", "forget", "candidate", "output"), ("input", "forget", "candidate", "output")),
        ("lstm-1997", ("input", "candidate", "output"), ("input", "candidate", "output")),
        ("lstm-coupled", ("input", "forget", "candidate", "output"), ("input", "candidate", "output")),
        ("lstm-nfg", ("input", "forget", "candidate", "output"), ("input", "candidate", "output")),
        ("lstm-nig", ("input", "forget", "candidate", "output"), ("forget", "candidate", "output")),
        ("lstm-nog", ("input", "forget", "candidate", "output"), ("input", "forget", "candidate")),
        ("gru", ("reset", "update", "candidate"), ("reset", "update", "candidate")),
    ],
)
def test_a_fixed_gate_is_an_activation_without_a_pre_activation(name, activations, pre_activations) -> None:
    assert CELLS[name].activations == activations
    assert CELLS[name].pre_activations == pre_activations


@every_cell
def test_the_zero_state_is_zero_and_has_the_batch_and_type_of_the_input(name: str) -> None:
    cell = CELLS[name]
    state = cell.zero_state(torch.ones(5, FEATURES, dtype=torch.float32), HIDDEN)
    widths = [width * HIDDEN for _, width in oracles.ORACLES[name].state]
    assert cell.state_widths(HIDDEN) == widths
    assert [tuple(part.shape) for part in state] == [(5, width) for width in widths]
    assert all(part.dtype == torch.float32 and not part.any() for part in state)


@pytest.mark.parametrize(
    ("name", "gate", "rows"),
    [("lstm", "candidate", (8, 12)), ("lstm-nig", "forget", (0, 4)), ("gru", "update", (4, 8))],
)
def test_the_rows_of_a_gate_follow_the_order_of_torch(name: str, gate: str, rows: tuple[int, int]) -> None:
    assert CELLS[name].rows(gate, 4) == slice(*rows)


# --- against torch.nn ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "module_type", "options"),
    [
        ("elman", nn.RNN, {"nonlinearity": "tanh"}),
        ("elman-relu", nn.RNN, {"nonlinearity": "relu"}),
        ("lstm", nn.LSTM, {}),
        ("gru", nn.GRU, {}),
    ],
)
@given(features=features_sizes, hidden=hidden_sizes, time=lengths, seed=seeds)
@settings(max_examples=40)
def test_steps_agree_with_torch_nn_from_any_initial_state(
    name, module_type, options, features, hidden, time, seed
) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        module = module_type(features, hidden, dtype=torch.float64, **options)
    with torch.no_grad():
        for value in module.parameters():
            value.copy_(torch.randn(value.shape, generator=generator, dtype=torch.float64))
    x = torch.randn(time, features, generator=generator, dtype=torch.float64)
    parts = [torch.randn(hidden, generator=generator, dtype=torch.float64) for _ in CELLS[name].state]

    start = tuple(part[None] for part in parts)
    expected, last = module(x, start if name == "lstm" else start[0])

    p = {key.removesuffix("_l0"): value.detach() for key, value in module.named_parameters()}
    state = CELLS[name].state_type(*parts)
    hidden_states = []
    for x_t in x:
        state, signals = CELLS[name].step(p, x_t, state)
        hidden_states.append(signals.hidden)
    close(torch.stack(hidden_states), expected.detach().numpy())
    for part, final in zip(state, last if name == "lstm" else [last], strict=True):
        close(part, final[0].detach().numpy())


# --- against the papers ----------------------------------------------------------------------------------


@every_cell
@given(
    features=features_sizes, hidden=hidden_sizes, time=lengths, seed=seeds, scale=st.sampled_from([0.3, 2])
)
@settings(max_examples=12)
def test_every_signal_agrees_with_a_transcription_of_the_paper(
    name, features, hidden, time, seed, scale
) -> None:
    p = oracles.parameters(name, features, hidden, seed, scale)
    xs = oracles.inputs(features, time, seed)
    before = oracles.state(name, hidden, seed)
    expected = oracles.run(name, p, xs, before)

    p_torch = oracles.as_torch(p)
    state = CELLS[name].state_type(*(torch.tensor(part) for part in before.values()))
    for x, step in zip(xs, expected, strict=True):
        state, signals = CELLS[name].step(p_torch, torch.tensor(x), state)
        for signal, value in step.items():
            close(getattr(signals, signal), value)


@every_cell
def test_the_next_state_agrees_with_a_transcription_of_the_paper(name: str) -> None:
    p, x, before, *arguments = tensors_of(name, seed=3)
    after, _ = oracles.step(name, p, x, before)
    state, _ = CELLS[name].step(*arguments)
    assert state._fields == tuple(after)
    assert [part for part, _ in CELLS[name].state] == list(after)
    for part, value in after.items():
        close(getattr(state, part), value)


@every_cell
def test_the_parts_of_the_state_are_the_signals_that_they_are_said_to_be(name: str) -> None:
    *_, p, x, state = tensors_of(name, seed=4)
    after, signals = CELLS[name].step(p, x, state)
    for part, names in CELLS[name].state:
        assert torch.equal(getattr(after, part), torch.cat([getattr(signals, signal) for signal in names]))


@every_cell
def test_the_parts_add_up_to_the_pre_activation(name: str) -> None:
    *_, p, x, state = tensors_of(name, seed=5)
    _, signals = CELLS[name].step(p, x, state)
    for gate in CELLS[name].pre_activations:
        parts = [s for s in CELLS[name].signal_names if s.startswith((f"{gate}_from_", f"{gate}_bias"))]
        values = [getattr(signals, part).numpy() for part in parts]
        assert len(values) >= 3
        error = np.abs(getattr(signals, f"{gate}_pre").numpy() - sum(values))
        assert (error <= 1e-15 * sum(map(np.abs, values))).all()


# --- one step, many steps, a batch -----------------------------------------------------------------------


@every_cell
def test_a_batch_takes_the_same_step_as_each_of_its_rows(name: str) -> None:
    cell, p, xs, states = _five_steps(name)
    after, signals = cell.step(p, xs, states)
    for row in range(5):
        after_row, signals_row = cell.step(p, xs[row], cell.state_type(*(part[row] for part in states)))
        for batched, single in zip((*after, *signals), (*after_row, *signals_row), strict=True):
            close(batched[row], single.numpy(), 1e-14)


@every_cell
def test_vmap_of_a_step_equals_a_loop_of_steps(name: str) -> None:
    cell, p, xs, states = _five_steps(name)
    after, signals = torch.func.vmap(lambda x, *parts: cell.step(p, x, cell.state_type(*parts)))(xs, *states)
    for row in range(5):
        after_row, signals_row = cell.step(p, xs[row], cell.state_type(*(part[row] for part in states)))
        for batched, single in zip((*after, *signals), (*after_row, *signals_row), strict=True):
            close(batched[row], single.numpy(), 1e-14)


@every_cell
def test_a_step_leaves_its_arguments_as_they_were(name: str) -> None:
    *_, p, x, state = tensors_of(name)
    copies = [value.clone() for value in (*p.values(), x, *state)]
    CELLS[name].step(p, x, state, lambda signal, value: value * 2)
    assert all(torch.equal(a, b) for a, b in zip(copies, (*p.values(), x, *state), strict=True))


def _five_steps(name: str):
    cell = CELLS[name]
    p = oracles.as_torch(oracles.parameters(name, FEATURES, HIDDEN, 6))
    xs = torch.tensor(oracles.inputs(FEATURES, 5, 6))
    drawn = [list(oracles.state(name, HIDDEN, row).values()) for row in range(5)]
    states = cell.state_type(*(torch.tensor(np.stack(rows)) for rows in zip(*drawn, strict=True)))
    return cell, p, xs, states


# --- the tap ---------------------------------------------------------------------------------------------


@every_cell
def test_each_signal_passes_exactly_once_through_the_tap(name: str) -> None:
    *_, p, x, state = tensors_of(name)
    seen: list[str] = []
    values = {}

    def tap(signal: str, value: Tensor) -> Tensor:
        seen.append(signal)
        values[signal] = value.clone()
        return value

    _, signals = CELLS[name].step(p, x, state, tap)
    assert sorted(seen) == sorted(CELLS[name].signal_names)
    for signal, value in values.items():
        assert torch.equal(value, getattr(signals, signal)), signal


@every_cell
def test_the_tap_sees_a_signal_before_anything_that_reads_it(name: str) -> None:
    *_, p, x, state = tensors_of(name)
    seen: list[str] = []

    def tap(signal: str, value: Tensor) -> Tensor:
        seen.append(signal)
        return value

    CELLS[name].step(p, x, state, tap)
    at = {signal: position for position, signal in enumerate(seen)}
    for gate in CELLS[name].pre_activations:
        parts = [s for s in seen if s.startswith((f"{gate}_from_", f"{gate}_bias"))]
        assert parts
        assert all(at[part] < at[f"{gate}_pre"] for part in parts)
        assert at[f"{gate}_pre"] < at[gate]
    reads = {
        "cell": ("input", "forget", "candidate"),
        "cell_tanh": ("cell",),
        "output_from_cell": ("cell",),  # the output gate's peephole looks at the new cell state
        "hidden": ("output", "cell", "cell_tanh", "update", "candidate"),
        "candidate_from_hidden": ("reset",),
        "forget": ("input",) if name == "lstm-coupled" else (),
    }
    for reader, sources in reads.items():
        for source in sources:
            if reader in at and source in at:
                assert at[source] < at[reader], f"{reader} reads {source}"


@every_signal
def test_later_equations_read_what_the_tap_gave_back(name: str, signal: str) -> None:
    p, x, before, *arguments = tensors_of(name, seed=7)
    constant = np.linspace(0.15, 0.85, HIDDEN)

    def clamp(current: str, value: np.ndarray) -> np.ndarray:
        return constant if current == signal else value

    def clamp_torch(current: str, value: Tensor) -> Tensor:
        return torch.tensor(constant) if current == signal else value

    after, expected = oracles.step(name, p, x, before, clamp)
    state, signals = CELLS[name].step(*arguments, clamp_torch)
    assert np.array_equal(getattr(signals, signal).numpy(), constant)
    for current, value in expected.items():
        close(getattr(signals, current), value)
    for part, value in after.items():
        close(getattr(state, part), value)


@every_signal
def test_a_tap_that_changes_one_unit_leaves_the_gates_of_other_units_alone(name: str, signal: str) -> None:
    p, x, before, *arguments = tensors_of(name, seed=8)
    unit = torch.zeros(HIDDEN, dtype=torch.float64)
    unit[1] = 1.0
    _, expected = oracles.step(name, p, x, before, lambda s, v: v + unit.numpy() if s == signal else v)
    _, signals = CELLS[name].step(*arguments, lambda s, v: v + unit if s == signal else v)
    for current, value in expected.items():
        close(getattr(signals, current), value)


@every_cell
def test_a_tap_that_copies_every_value_changes_nothing(name: str) -> None:
    *_, p, x, state = tensors_of(name, seed=9)
    after, signals = CELLS[name].step(p, x, state)
    after_tapped, tapped = CELLS[name].step(p, x, state, lambda signal, value: value.clone())
    for plain, other in zip((*after, *signals), (*after_tapped, *tapped), strict=True):
        assert torch.equal(plain, other)


@every_signal
def test_a_tap_that_detaches_a_signal_cuts_the_gradient_through_it_alone(name: str, signal: str) -> None:
    *_, p, x, state = tensors_of(name, seed=10)
    x.requires_grad_()

    def derivative(tap) -> Tensor:
        after, _ = CELLS[name].step(p, x, state, tap)
        loss = sum(part.sum() for part in after)
        return torch.autograd.grad(loss, x, allow_unused=True)[0] if loss.requires_grad else None

    cut = derivative(lambda s, v: v.detach() if s == signal else v)
    # The oracle's own autograd, with the same cut.
    leaves = dict(zip(oracles.state(name, HIDDEN), state, strict=True))
    after, _ = oracles.step(name, p, x, leaves, lambda s, v: v.detach() if s == signal else v, oracles.TORCH)
    loss = sum(part.sum() for part in after.values())
    expected = torch.autograd.grad(loss, x, allow_unused=True)[0] if loss.requires_grad else None
    assert (cut is None) == (expected is None)
    if cut is not None:
        close(cut, expected.numpy())


# --- what is known of these cells ------------------------------------------------------------------------


def rows_of(packed: Tensor, *indices: int, count: int) -> Tensor:
    """Some row blocks of a packed parameter."""
    blocks = packed.chunk(count)
    return torch.cat([blocks[index] for index in indices])


PACKED = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def test_an_lstm_whose_forget_gate_is_wide_open_is_the_lstm_of_1997() -> None:
    *_, p, x, state = tensors_of("lstm", seed=11, scale=0.3)
    p["bias_ih"][HIDDEN : 2 * HIDDEN] = 40.0
    after, signals = CELLS["lstm"].step(p, x, state)
    assert (signals.forget == 1).all()
    older = {key: rows_of(p[key], 0, 2, 3, count=4) for key in PACKED}
    after_1997, _ = CELLS["lstm-1997"].step(older, x, state)
    close(after.hidden, after_1997.hidden.numpy(), 1e-14)
    close(after.cell, after_1997.cell.numpy(), 1e-14)


def test_open_forget_gate_carries_the_cell_unchanged() -> None:
    *_, p, x, state = tensors_of("lstm", seed=12, scale=0.3)
    p["bias_ih"][HIDDEN : 2 * HIDDEN] = 40.0  # sigma(40) is exactly 1
    p["bias_ih"][:HIDDEN] = -800.0  # sigma(-800) is exactly 0
    after, _ = CELLS["lstm"].step(p, x, state)
    assert torch.equal(after.cell, state.cell)


def test_an_lstm_with_peepholes_of_zero_is_the_plain_lstm() -> None:
    *_, p, x, state = tensors_of("lstm-peephole", seed=13)
    p |= {
        f"peephole_{gate}": torch.zeros(HIDDEN, dtype=torch.float64) for gate in ("input", "forget", "output")
    }
    after, _ = CELLS["lstm-peephole"].step(p, x, state)
    plain, _ = CELLS["lstm"].step({key: p[key] for key in PACKED}, x, state)
    assert torch.equal(after.hidden, plain.hidden)
    assert torch.equal(after.cell, plain.cell)


def test_full_gate_recurrence_of_zero_is_the_lstm_with_peepholes() -> None:
    *_, p, x, state = tensors_of("lstm-fgr", seed=14)
    without = {key: value for key, value in p.items() if key != "weight_gates"}
    p["weight_gates"] = torch.zeros(3 * HIDDEN, 3 * HIDDEN, dtype=torch.float64)
    after, signals = CELLS["lstm-fgr"].step(p, x, state)
    vanilla, _ = CELLS["lstm-peephole"].step(
        without, x, CELLS["lstm-peephole"].state_type(state.hidden, state.cell)
    )
    assert torch.equal(after.hidden, vanilla.hidden)
    assert torch.equal(after.cell, vanilla.cell)
    assert torch.equal(after.gates, torch.cat([signals.input, signals.forget, signals.output]))


def test_coupled_gates_add_up_to_one() -> None:
    *_, p, x, state = tensors_of("lstm-coupled", seed=15)
    _, signals = CELLS["lstm-coupled"].step(p, x, state)
    assert signals.input.std() > 0.01
    close(signals.input + signals.forget, np.ones(HIDDEN), 1e-15)


@pytest.mark.parametrize(
    ("name", "gate"), [("lstm-nig", "input"), ("lstm-nfg", "forget"), ("lstm-nog", "output")]
)
def test_a_gate_that_an_ablation_removes_stays_at_one(name: str, gate: str) -> None:
    *_, p, x, state = tensors_of(name, seed=16)
    _, signals = CELLS[name].step(p, x, state)
    assert torch.equal(getattr(signals, gate), torch.ones(HIDDEN, dtype=torch.float64))
    assert not hasattr(signals, f"{gate}_pre")


@pytest.mark.parametrize(
    ("name", "gate", "row"), [("lstm-nig", "input", 0), ("lstm-nfg", "forget", 1), ("lstm-nog", "output", 3)]
)
def test_an_ablation_is_the_vanilla_cell_with_that_gate_clamped_to_one(
    name: str, gate: str, row: int
) -> None:
    *_, p, x, state = tensors_of("lstm-peephole", seed=17)
    kept = [index for index in range(4) if index != row]
    ablated = {key: rows_of(p[key], *kept, count=4) for key in PACKED}
    ablated |= {k: v for k, v in p.items() if k.startswith("peephole") and k != f"peephole_{gate}"}
    after, _ = CELLS[name].step(ablated, x, state)
    clamped, _ = CELLS["lstm-peephole"].step(p, x, state, lambda s, v: torch.ones_like(v) if s == gate else v)
    close(after.hidden, clamped.hidden.numpy(), 1e-14)
    close(after.cell, clamped.cell.numpy(), 1e-14)


@pytest.mark.parametrize("name", ["gru", "gru-v3"])
def test_an_update_gate_of_one_keeps_the_hidden_state_exactly(name: str) -> None:
    *_, p, x, state = tensors_of(name, seed=18, scale=0.3)
    p["bias_ih"][HIDDEN : 2 * HIDDEN] = 50.0
    after, signals = CELLS[name].step(p, x, state)
    assert (signals.update == 1).all()
    assert torch.equal(after.hidden, state.hidden)


@pytest.mark.parametrize("name", ["gru", "gru-v3"])
def test_an_update_gate_of_zero_writes_the_candidate_exactly(name: str) -> None:
    *_, p, x, state = tensors_of(name, seed=19, scale=0.3)
    p["bias_ih"][HIDDEN : 2 * HIDDEN] = -800.0
    after, signals = CELLS[name].step(p, x, state)
    assert torch.equal(after.hidden, signals.candidate)


def test_both_grus_agree_when_the_reset_gate_is_one_and_differ_when_it_is_not() -> None:
    *_, p, x, state = tensors_of("gru", seed=20)

    def hidden(name: str, reset: float) -> Tensor:
        after, _ = CELLS[name].step(
            p, x, state, lambda s, v: torch.full_like(v, reset) if s == "reset" else v
        )
        return after.hidden

    close(hidden("gru", 1.0), hidden("gru-v3", 1.0).numpy(), 1e-14)
    assert (hidden("gru", 0.5) - hidden("gru-v3", 0.5)).abs().max() > 1e-3


def test_a_closed_reset_gate_silences_the_hidden_bias_of_torchs_gru_alone() -> None:
    *_, p, x, state = tensors_of("gru", seed=21)

    def closed(signal: str, value: Tensor) -> Tensor:
        return torch.zeros_like(value) if signal == "reset" else value

    def candidate(name: str, parameters) -> Tensor:
        return CELLS[name].step(parameters, x, state, closed)[1].candidate

    moved = p | {"bias_hh": p["bias_hh"] + torch.cat([torch.zeros(2 * HIDDEN), torch.ones(HIDDEN)])}
    assert torch.equal(candidate("gru", p), candidate("gru", moved))
    assert (candidate("gru-v3", p) - candidate("gru-v3", moved)).abs().max() > 1e-3


@every_cell
@pytest.mark.parametrize("size", [37.0, 800.0, 1e6])
def test_saturated_gates_stay_finite_and_within_zero_and_one(name: str, size: float) -> None:
    p, x, before, p_torch, x_torch, state = tensors_of(name, seed=22)
    p["bias_ih"] = np.where(np.arange(len(p["bias_ih"])) % 2 == 0, size, -size)
    p_torch["bias_ih"] = torch.tensor(p["bias_ih"])
    _, expected = oracles.step(name, p, x, before)
    _, signals = CELLS[name].step(p_torch, x_torch, state)
    for signal, value in expected.items():
        actual = getattr(signals, signal)
        assert torch.isfinite(actual).all()
        close(actual, value)
        if signal in ("input", "forget", "output", "reset", "update"):
            assert ((actual >= 0) & (actual <= 1)).all()


def test_sigma_saturates_to_exactly_zero_and_one_in_float64() -> None:
    zeros = {
        key: torch.zeros(shape, dtype=torch.float64)
        for key, shape in CELLS["lstm"].parameter_shapes(1, 1).items()
    }
    x, state = (
        torch.zeros(1, dtype=torch.float64),
        CELLS["lstm"].state_type(*torch.zeros(2, 1, dtype=torch.float64)),
    )

    def gate(bias: float) -> float:
        p = zeros | {"bias_ih": torch.tensor([bias, 0, 0, 0], dtype=torch.float64)}
        return CELLS["lstm"].step(p, x, state)[1].input.item()

    assert gate(37.0) == 1.0
    assert gate(36.0) < 1.0
    assert gate(-800.0) == 0.0
    assert gate(-700.0) > 0.0
    assert gate(np.log(9.0)) == pytest.approx(0.9, abs=1e-15)  # sigma(ln T) = T / (T + 1)
