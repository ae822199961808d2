"""The ways that a recurrence can go: each is taken where it should, and gives what one step after another gives."""

import importlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from memviz.torch_modules import backward, parts, probe, recording
from memviz.torch_modules.probe import agrees
from memviz.torch_modules.scan import scan
from tests.torch_modules.cases import drawn_case


@given(
    st.integers(1, 90), st.integers(1, 3), st.sampled_from((1, 5, 70, 900)), st.booleans(), st.integers(0, 99)
)
def test_a_scan_is_the_recurrence_one_step_after_another(
    time: int, batch: int, units: int, reverse: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.rand(time, batch, 2, units, dtype=torch.float64, generator=generator)
    factors, terms = rows[:, :, 0], rows[:, :, 1] - 0.5
    c, expected = torch.zeros(batch, units, dtype=torch.float64), [torch.empty(0)] * time
    for t in range(time - 1, -1, -1) if reverse else range(time):
        c = factors[t] * c + terms[t]
        expected[t] = c
    torch.testing.assert_close(scan(factors, terms, reverse), torch.stack(expected))


def test_a_long_scan_is_the_recurrence_one_step_after_another() -> None:
    generator = torch.Generator().manual_seed(0)
    for time in (1000, 999, 131):
        factors = torch.rand(time, 1, 30, dtype=torch.float64, generator=generator)
        terms = torch.randn(time, 1, 30, dtype=torch.float64, generator=generator)
        for order, reverse in ((range(time), False), (range(time - 1, -1, -1), True)):
            c, rows = torch.zeros(1, 30, dtype=torch.float64), {}
            for t in order:
                c = rows[t] = factors[t] * c + terms[t]
            expected = torch.stack([rows[t] for t in range(time)])
            torch.testing.assert_close(scan(factors, terms, reverse), expected)


def test_the_fused_kernel_gives_here_what_autograd_gives() -> None:
    """The probe relies on a kernel that torch does not document: this is the test that a new torch may break."""
    assert agrees()


def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which ways an LSTM's gradients go from now on."""
    taken: list[str] = []

    def spy(name: str):
        way = getattr(backward, name)

        def spied(*arguments):
            result = way(*arguments)
            taken.append(name if result is not None else f"not {name}")
            return result

        monkeypatch.setattr(backward, name, spied)

    for name in ("by_matrices", "in_parts", "recurrent_part", "_lstm_steps"):
        spy(name)
    return taken


def gradients_of(
    time: int, units: int, *, bias: float = 0.0, dtype=torch.float32, last: bool = False, batch: int = 1
):
    case = drawn_case(nn.LSTM, time, batch, 3, units, dtype=dtype, given=True, scale=0.5)
    with torch.no_grad():
        case.module.bias_ih_l0[units : 2 * units] += bias
    x, state = case.call()
    with recording(case.module, gradients=True) as found:
        output, (_, c) = case.module(x, state)
        (output.sum() + (3 * c.sum() if last else 0)).backward()
    return found.gradient


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"time": 50, "units": 6}, ["by_matrices"]),
        ({"time": 50, "units": 6, "last": True}, ["by_matrices"]),
        ({"time": 20, "units": 6, "last": True, "batch": 3, "dtype": torch.float64}, ["by_matrices"]),
        ({"time": 1, "units": 4, "last": True}, ["by_matrices"]),
        ({"time": 150, "units": 20}, ["not in_parts", "recurrent_part"]),
        ({"time": 150, "units": 20, "last": True}, ["not in_parts", "recurrent_part"]),
        ({"time": 1000, "units": 6}, ["in_parts"]),
        ({"time": 400, "units": 6, "bias": 8.0}, ["not in_parts", "recurrent_part"]),
        ({"time": 400, "units": 6, "bias": 8.0, "dtype": torch.float64}, ["not in_parts", "_lstm_steps"]),
        ({"time": 1000, "units": 6, "dtype": torch.float64}, ["in_parts"]),
        ({"time": 20, "units": 200, "batch": 8}, ["not in_parts", "_lstm_steps"]),
    ],
)
def test_each_way_is_taken_where_it_should_and_gives_what_one_step_after_another_gives(
    monkeypatch: pytest.MonkeyPatch, settings, expected
) -> None:
    taken = ways(monkeypatch)
    found = gradients_of(**settings)
    assert taken == expected
    monkeypatch.setattr(backward, "fits", lambda *shape: False)
    monkeypatch.setattr(backward, "in_parts", lambda factors: None)
    monkeypatch.setattr(backward, "pays", lambda *arguments: False)
    plain = gradients_of(**settings)
    for name, value in plain.items():
        scale = float(value.abs().max())
        torch.testing.assert_close(found[name], value, atol=2e-6 * scale, rtol=1e-3)


@pytest.mark.parametrize(
    ("time", "taken"), [(20, ["by_matrices"]), (1000, ["not in_parts", "recurrent_part"])]
)
def test_an_infinite_gradient_is_shown_without_a_warning(
    monkeypatch: pytest.MonkeyPatch, time: int, taken: list[str]
) -> None:
    """Also for those who have numpy raise: numpy is no part of their own pass."""
    case = drawn_case(nn.LSTM, time, 1, 3, 6, dtype=torch.float32, scale=0.5)
    x, _ = case.call()
    ways_taken = ways(monkeypatch)
    with np.errstate(all="raise"), recording(case.module, gradients=True) as found:
        output, _ = case.module(x)
        output.backward(torch.full_like(output, torch.inf))
    assert ways_taken == taken
    assert not torch.isfinite(found.gradient["hidden"]).all()


def test_parts_that_do_not_settle_are_left_to_the_other_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget gates of 0.9 keep 0.07 over 25 steps: let in, they are still on the way after four rounds."""
    monkeypatch.setattr(parts, "_FORGOTTEN", 1.0)
    taken = ways(monkeypatch)
    gradients_of(1000, 4, bias=3.0)
    assert taken == ["not in_parts", "recurrent_part"]


def test_without_the_kernel_the_gradients_are_there_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object) -> None:
        raise NotImplementedError

    with monkeypatch.context() as patched:
        patched.setattr(probe, "recurrent_part", missing)
        agrees.cache_clear()
        assert not agrees()
        taken = ways(monkeypatch)
        gradients_of(150, 20)
    agrees.cache_clear()
    assert taken == ["not in_parts", "_lstm_steps"]
    assert importlib.import_module("memviz.torch_modules.probe").agrees()
