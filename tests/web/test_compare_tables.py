"""The tables of the compare page, against counts and differences taken by hand."""

from typing import Any

import numpy as np
import pytest
import torch

from memviz import Clamp, Experiment, encode, gradient_flow, record
from memviz.cells import CELLS
from memviz.findings.compare import Contender
from memviz.live import frame_csv
from memviz.theme import MINUS, number
from memviz.web.compare import tables
from memviz.web.compare.sides import Side

SEQUENCE = encode("hello world")
H, D = 3, 8  # units, and symbols of the text


def contender(letter: str, side: Side, **base: Any) -> Contender:
    experiment = side.experiment(Experiment(hidden_size=H, seed=2, **base))
    network = experiment.build(SEQUENCE)
    trace = record(network, SEQUENCE, interventions=experiment.interventions)
    return Contender(letter, f"name of {letter}", gradient_flow(network, trace))


def of(*sides: Side) -> tuple[tuple[Side, ...], list[Contender]]:
    return sides, [contender(letter, side) for letter, side in zip("ABCDEF", sides, strict=False)]


@pytest.mark.parametrize(
    ("cell", "module"), [("elman", torch.nn.RNN), ("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU)]
)
def test_parameters_are_counted_as_torch_counts_those_of_its_own_module(cell: str, module: Any) -> None:
    expected = sum(value.numel() for value in module(D, H).parameters())
    assert tables.count(contender("A", Side(cell))) == expected


ONE_GATE = H * D + H * H + 2 * H
"""W, U and both biases of one gate, as torch keeps them."""


@pytest.mark.parametrize(
    ("cell", "gates", "more"),
    [
        ("lstm-1997", 3, 0),
        ("lstm-coupled", 3, 0),
        ("lstm-peephole", 4, 3 * H),
        ("lstm-nig", 3, 2 * H),
        ("lstm-nfg", 3, 2 * H),
        ("lstm-nog", 3, 2 * H),
        ("lstm-niaf", 4, 3 * H),
        ("lstm-noaf", 4, 3 * H),
        ("lstm-fgr", 4, 3 * H + 9 * H * H),  # nine matrices more: each of three gates sees each of three
        ("gru-v3", 3, 0),
        ("elman-relu", 1, 0),
    ],
)
def test_parameters_of_cells_that_torch_has_not_are_counted_gate_by_gate(
    cell: str, gates: int, more: int
) -> None:
    assert tables.count(contender("A", Side(cell))) == gates * ONE_GATE + more


def test_every_cell_is_counted_and_its_matrices_add_up() -> None:
    everyone = [contender("A", Side(name)) for name in CELLS]
    for each in everyone:
        assert tables.parameters([each])["numbers"].sum() == tables.count(each)
    frame = tables.parameters([contender("A", Side("lstm"))])
    row = frame[frame.parameter == "weight_ih"].iloc[0]
    assert (row["shape"], row["numbers"]) == (f"{4 * H} × {D}", 4 * H * D)


def test_differences_to_the_first_side_are_those_of_the_arrays() -> None:
    held = Side("lstm", (("interventions", (Clamp("forget", 1.0, steps=(4,)),)),))
    sides, contenders = of(Side("lstm"), held, Side("gru"))
    rows = tables.differences(sides, contenders)
    a, b, gru = (each.trace for each in contenders)
    shown = ("input", "forget", "candidate", "output", "cell", "hidden")
    gaps = {name: np.abs(b[name] - a[name]) for name in shown}
    name = max(gaps, key=lambda each: gaps[each].max())
    step, unit = np.unravel_index(gaps[name].argmax(), gaps[name].shape)
    symbol = {"input": "i", "forget": "f", "candidate": "g", "output": "o", "cell": "c", "hidden": "h"}[name]
    assert rows["largest difference to A"][1] == (
        f"{number(gaps[name].max())} in {symbol}, step {step}, unit {unit}"
    )
    assert rows["first step that differs from A"][1] == "step 4, in f"
    assert rows["set for this side"][1] == "forget gate f held at 1.00, step 4"
    assert rows["set for this side"][0] == "nothing"
    assert rows["first step that differs from A"][0] == "—"
    assert rows["norm of the last h"][2] == number(float(np.sqrt((gru["hidden"][-1] ** 2).sum())))
    largest = np.abs(gru["hidden"] - a["hidden"]).max()  # h is all that both have
    assert rows["largest difference to A"][2].startswith(f"{number(largest)} in h,")
    assert rows["parameters"][2].endswith(", as torch.nn.GRU has")


@pytest.mark.parametrize("value", [-5.0, 5.0])
def test_the_largest_difference_is_so_in_size_whatever_its_sign(value: float) -> None:
    held = Side("lstm", (("interventions", (Clamp("cell", value, steps=(10,)),)),))
    sides, contenders = of(Side("lstm"), held)
    gaps = np.abs(value - contenders[0].trace["cell"][10])
    said = f"{number(gaps.max())} in c, step 10, unit {int(gaps.argmax())}"
    assert tables.differences(sides, contenders)["largest difference to A"][1] == said


def test_a_side_that_is_the_first_again_differs_nowhere() -> None:
    rows = tables.differences(*of(Side("lstm"), Side("lstm")))
    assert rows["largest difference to A"][1] == "none"
    assert rows["first step that differs from A"][1] == "none"


def test_the_half_life_is_that_of_the_gate_that_keeps() -> None:
    sides, contenders = of(Side("lstm"), Side("gru"), Side("elman"), Side("lstm-1997"))
    for each, gate in zip(contenders[:2], ("forget", "update"), strict=True):
        expected = float(np.median(np.log(0.5) / np.log(each.trace[gate])))
        assert tables.half_life(each) == pytest.approx(expected)
    rows = tables.differences(sides, contenders)
    assert rows["half-life by what keeps, median"][2] == "no gate keeps"
    assert rows["half-life by what keeps, median"][3] == "∞ steps"


def test_the_file_has_the_same_numbers_without_rounding() -> None:
    sides, contenders = of(Side("elman"), Side("lstm", (("forget_bias", 3.0),)))
    frame = tables.differences_csv(sides, contenders)
    row = frame.iloc[1]
    gradient = contenders[1].flow.cell
    assert gradient is not None
    assert row["log10_gradient_at_first_step"] == pytest.approx(np.log10(np.linalg.norm(gradient[0])))
    gaps = contenders[1].trace["hidden"] - contenders[0].trace["hidden"]
    step, unit = int(row["largest_difference_step"]), int(row["largest_difference_unit"])
    assert row["largest_difference"] == gaps[step, unit]
    assert abs(row["largest_difference"]) == np.abs(gaps).max()
    assert row["set"] == "forget_bias:3.0"
    assert frame.iloc[0]["largest_difference"] == 0
    assert frame_csv(frame).count(b"\r\n") == 3


def test_a_step_has_every_number_of_its_panels() -> None:
    _, contenders = of(Side("gru"), Side("elman"))
    frame = tables.step(contenders, 5)
    assert len(frame) == 7 * H
    trace = contenders[0].trace
    row = frame[(frame.what == "what lets in") & (frame.unit == 2)].iloc[0]
    assert row["A"] == number(1 - float(trace["update"][5, 2]))
    assert row["B"] == "no gate: all is let in"
    gradient = frame[(frame.what == "gradient") & (frame.unit == 1)].iloc[0]["B"]
    expected = abs(float(contenders[1].flow.hidden[5, 1]))
    assert float(gradient.replace(MINUS, "-")) == pytest.approx(expected, rel=6e-3)


def test_everything_has_a_row_for_each_number() -> None:
    _, contenders = of(Side("gru"), Side("elman"), Side("lstm"))
    frame = tables.everything(contenders)
    assert len(frame) == 11 * H * (6 + 2 + 7)
    part = frame[(frame.side == "C") & (frame.symbol == "f")]
    assert np.array_equal(part.value.to_numpy().reshape(11, H), contenders[2].trace["forget"])
    assert list(part.token[: 2 * H]) == ["h"] * H + ["e"] * H
