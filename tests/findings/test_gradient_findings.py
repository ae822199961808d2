"""The takeaways of the gradients page: each says what its numbers say, and nothing else."""

import numpy as np
import pytest

from memviz import findings
from memviz.cells import CELLS
from memviz.experiment import Experiment
from memviz.gradients import (
    Curve,
    GradientFlow,
    Loss,
    gradient_flow,
    half_lives,
    log10_singular_values,
    measured_horizon,
    memory_products,
    saturations,
    sources,
    spectral_radii,
    split,
    weight_contributions,
)
from memviz.theme import MINUS, power_of_ten


def flow_of(cell: str, time: int = 40, loss: Loss | None = None, **settings: float) -> GradientFlow:
    network = Experiment(cell=cell, hidden_size=4, seed=2, **settings).build(3)
    inputs = np.random.Generator(np.random.PCG64(0)).standard_normal((time, 3))
    return gradient_flow(network, inputs, loss or Loss())


def curve(network: str, *ends: float) -> Curve:
    """A network whose gradient ends at 10^end, one for each seed, and starts at 1."""
    logs = np.array([[end, 0.0] for end in ends])
    return Curve(network, True, logs, logs)


def test_the_forget_bias_is_named_only_where_it_changes_something() -> None:
    said = findings.reach_finding([curve("lstm", -19.0), curve("lstm-biased", -2.0)], 1, "lstm", 3.0)
    assert said.startswith("An untrained LSTM forgets too")
    assert "at 3, 0.010 is left" in said
    alike = findings.reach_finding([curve("lstm", -19.0), curve("lstm-biased", -18.5)], 1, "lstm", 0.1)
    assert "forgets too" not in alike
    assert "1.0e−19" in alike
    kept = findings.reach_finding([curve("lstm", -1.0), curve("lstm-biased", 0.0)], 1, "lstm", 3.0)
    assert "forgets too" not in kept


def test_of_several_seeds_the_median_is_said() -> None:
    said = findings.reach_finding(
        [curve("lstm", -9.0, -5.0, -1.0), curve("lstm-biased", 0.0, 0.0, 0.0)], 1, "lstm", 3.0
    )
    assert "1.0e−5 of its gradient" in said


def test_one_network_without_a_gradient_does_not_silence_the_others() -> None:
    zero = Curve("gru", False, np.full((1, 2), -np.inf), np.full((1, 2), -np.inf))
    said = findings.reach_finding([zero, curve("lstm", -19.0), curve("lstm-biased", -2.0)], 1, "lstm", 3.0)
    assert said.startswith("An untrained LSTM forgets too")


def test_a_growth_is_called_an_explosion_only_from_a_thousand_times_on() -> None:
    assert "explodes" not in findings.reach_finding([curve("elman", 1.2)], 1, "elman")
    assert "grows 16 times" in findings.reach_finding([curve("elman", 1.2)], 1, "elman")


def test_an_opened_network_whose_gradient_grows_is_said_to_explode() -> None:
    said = findings.reach_finding([curve("lstm", 10.0), curve("gru", -9.0)], 1, "lstm", 3.0)
    assert "grows 1.0e10 times" in said
    assert "explodes" in said
    assert "explodes" not in findings.reach_finding([curve("lstm", 10.0), curve("gru", -9.0)], 1, "gru", 3.0)


def test_a_loss_at_every_step_is_said_to_hide_what_the_last_one_sends() -> None:
    flow = flow_of("elman", loss=Loss(everywhere=True))
    taken_apart = sources(flow)
    logs = flow.log10_norms("hidden")[None]
    said = findings.reach_finding([Curve("elman", False, logs, logs)], flow.last, "elman", 3.0, taken_apart)
    alone = flow_of("elman").log10_norms("hidden")
    assert "With a loss at every step the Elman network seems to remember" in said
    assert f"loss alone {power_of_ten(alone[0] - alone[-1])} is" in said
    assert f"{power_of_ten(logs[0, 0] - logs[0, -1])} of |dL/dh|" in said


def test_a_loss_without_any_gradient_is_said_to_have_none() -> None:
    zero = Curve("lstm", True, np.full((1, 3), -np.inf), np.full((1, 3), -np.inf))
    assert "exactly 0 at the first step" in findings.reach_finding([zero], 2, "lstm", 3.0)


def test_c_is_looked_at_where_h_alone_looks_dead() -> None:
    flow = flow_of("lstm", forget_bias=8.0, input_bias=-8.0)
    ratio = flow.norms("cell")[0] / flow.norms("hidden")[0]
    assert ratio > 10
    said = findings.norms_finding(flow)
    assert said.startswith("Look at c, too")
    assert power_of_ten(np.log10(ratio)) in said
    assert "There is no c" in findings.norms_finding(flow_of("gru"))


def test_the_units_that_are_named_carry_most_and_least() -> None:
    flow = flow_of("lstm")
    first = np.abs(flow.cell[0])
    said = findings.units_finding(flow)
    assert f"Unit {first.argmax()} carries most" in said
    assert f"unit {first.argmin()} least" in said


def test_a_saturated_gate_is_named_and_an_open_one_is_not() -> None:
    flow = flow_of("lstm", forget_bias=9.0)
    said = findings.gates_finding(flow, saturations(flow))
    assert said.startswith("The forget gate is the most saturated")
    flow = flow_of("lstm")
    assert "Nothing is saturated" in findings.gates_finding(flow, saturations(flow))


def test_the_shares_of_the_paths_are_percentages_that_were_computed() -> None:
    flow = flow_of("lstm", forget_bias=3.0)
    parts = split(flow)
    carousel = parts.shares()["carousel"][:-1].mean()
    assert f"{100 * carousel:.0f}% by the carousel" in findings.paths_finding(parts, flow)


def test_the_product_of_the_gates_is_called_the_derivative_only_where_it_is() -> None:
    cut = gradient_flow(*_network_and_inputs(), detached=True)
    assert "is the derivative" in findings.products_finding(memory_products(cut), cut)
    whole = gradient_flow(*_network_and_inputs())
    said = findings.products_finding(memory_products(whole), whole)
    assert "is not the derivative" in said
    found = memory_products(whole)
    assert power_of_ten(float(found.log10_full[-1])) in said
    assert power_of_ten(float(found.log10_direct[-1])) in said


def _network_and_inputs():
    network = Experiment(hidden_size=4, seed=2, recurrent_scale=3.0).build(3)
    return network, np.random.Generator(np.random.PCG64(0)).standard_normal((30, 3))


def test_growth_in_spite_of_small_eigenvalues_is_said() -> None:
    network = Experiment(cell="elman", hidden_size=2, initialisation="non-normal").build(1)
    flow = gradient_flow(network, np.zeros((10, 1)))
    said = findings.singular_values_finding(log10_singular_values(flow), float(spectral_radii(flow).max()))
    assert "grows to 19.4 at lag 9" in said
    assert "above 0.90" in said
    fading = flow_of("gru")
    assert "Every direction shrinks" in findings.singular_values_finding(log10_singular_values(fading), 0.5)


def test_where_the_weight_gradient_comes_from_is_counted() -> None:
    flow = flow_of("elman")
    found = weight_contributions(flow)
    sizes = 10.0 ** found.log10_norms[::-1]
    needed = int(np.searchsorted(np.cumsum(sizes) / sizes.sum(), 0.9)) + 1
    assert f"the last {needed} steps" in findings.contributions_finding(found, flow.last)


def test_the_letters_that_are_remembered_are_counted() -> None:
    flow = flow_of("gru")
    logs = np.log10(np.linalg.norm(flow.inputs.floats(), axis=1))
    remembered = int((logs >= logs.max() - 3).sum())
    said = findings.inputs_finding(flow)
    assert f"Of 40 steps the output remembers {remembered}" in said
    assert f"the other {40 - remembered}" in said


def test_the_horizon_is_measured_beside_what_the_gates_promise() -> None:
    flow = flow_of("lstm", forget_bias=4.0)
    found = measured_horizon(flow.network, flow.trace, flow.last)
    keep = flow.trace["forget"][::-1]
    promised = max(int((np.cumprod(keep[:-1], axis=0)[:, unit] >= np.exp(-1)).sum()) for unit in range(4))
    said = findings.horizon_finding(found, flow)
    assert f"for {found.lag} steps" in said
    assert f"the gates promise {promised}" in said


def test_the_unit_that_holds_longest_is_named() -> None:
    flow = flow_of("lstm", forget_bias=2.0)
    lives = half_lives(flow.trace)
    middle = np.median(np.log(2) / -np.log(flow.trace["forget"]), axis=0)
    assert f"unit {middle.argmax()} holds longest" in findings.half_life_finding(lives, flow)


def test_what_the_sum_of_losses_hides_is_said() -> None:
    flow = flow_of("elman", loss=Loss(everywhere=True))
    alone = flow_of("elman", loss=Loss())
    said = findings.sources_finding(sources(flow), flow)
    assert power_of_ten(flow.log10_norms("hidden")[0]) in said
    assert power_of_ten(alone.log10_norms("hidden")[0] - np.log10(40)) in said


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("scale", [0.0, 1.0, 300.0])
def test_every_takeaway_is_a_sentence_for_every_cell_and_scale(cell: str, scale: float) -> None:
    if cell == "elman-relu" and scale > 1:
        return  # its numbers overflow, which is refused elsewhere
    flow = flow_of(cell, recurrent_scale=scale, loss=Loss(everywhere=True))
    lives = half_lives(flow.trace)
    said = [
        findings.norms_finding(flow),
        findings.units_finding(flow),
        findings.gates_finding(flow, saturations(flow)),
        findings.paths_finding(split(flow), flow),
        findings.products_finding(memory_products(flow), flow),
        findings.singular_values_finding(log10_singular_values(flow), 0.5),
        findings.contributions_finding(weight_contributions(flow), flow.last),
        findings.inputs_finding(flow),
        findings.horizon_finding(measured_horizon(flow.network, flow.trace), flow),
        findings.sources_finding(sources(flow), flow),
        *([] if lives is None else [findings.half_life_finding(lives, flow)]),
    ]
    for sentence in said:
        assert sentence.endswith("."), sentence
        assert "nan" not in sentence.lower(), sentence
        assert "undefined" not in sentence, sentence


@pytest.mark.parametrize(
    ("log10", "said"),
    [
        (-1000.5, f"3.2e{MINUS}1001"),
        (1234.0, "1.0e1234"),
        (-0.5, "0.32"),
        (0.0, "1.0"),
        (-np.inf, "0"),
        (np.inf, "∞"),
        (-400.0001, f"1.0e{MINUS}400"),
    ],
)
def test_numbers_of_any_size_are_written_with_two_digits(log10: float, said: str) -> None:
    assert power_of_ten(log10) == said
