"""Correlations against numpy.corrcoef, and scores of held networks against runs of one sequence each."""

import numpy as np
import pytest
import torch

from memviz import models, tasks
from memviz.cells import CELLS
from memviz.concepts import (
    SEED,
    SHUFFLES,
    correlations,
    looked_at,
    run,
    score,
    scored_sequences,
    signal_names,
)
from memviz.experiment import Experiment
from memviz.interventions import Ablate, Clamp, Freeze, Reset
from memviz.tasks import Task
from memviz.trace import record
from memviz.training import Readout

every_cell = pytest.mark.parametrize("name", CELLS)


def network_of(name: str, task: Task, units: int = 3):
    return Experiment(name, units, seed=5, forget_bias=1.0).build(task.alphabet())


def readout_of(task: Task, units: int = 3) -> Readout:
    generator = torch.Generator().manual_seed(3)
    return Readout(
        torch.randn(len(task.outputs), units, generator=generator, dtype=torch.float64),
        torch.randn(len(task.outputs), generator=generator, dtype=torch.float64),
    )


@every_cell
def test_a_correlation_is_that_of_numpy_over_every_step_of_every_sequence(name: str) -> None:
    task = tasks.reber()
    network = network_of(name, task)
    found = correlations(network, task, 9)
    batch = task.batch(9, torch.Generator().manual_seed(SEED))
    traces = [record(network, task.sequence(batch, row)) for row in range(9)]
    known = np.concatenate(
        [batch.variables["the second symbol"][row, : len(trace)].numpy() for row, trace in enumerate(traces)]
    )
    assert (found.sequences, found.steps) == (9, len(known))
    assert found.signals == signal_names(network)
    for place, signal in enumerate(found.signals):
        values = np.concatenate([trace[signal] for trace in traces])
        np.testing.assert_allclose(found.means[place], values.mean(axis=0), atol=1e-12)
        for unit in range(3):
            if np.ptp(values[:, unit]) == 0:
                assert np.isnan(found.values[0, place, unit])
            else:
                expected = np.corrcoef(known, values[:, unit])[0, 1]
                assert found.values[0, place, unit] == pytest.approx(expected, abs=1e-10)


def test_units_are_found_by_the_size_of_their_correlation_of_either_sign() -> None:
    task = tasks.characters(40, 3)
    found = correlations(network_of("lstm", task, 5), task, 20)
    variable = found.variables[0]
    every = found.of(variable)
    sizes = [abs(each.correlation) for each in every]
    assert sizes == sorted(sizes, reverse=True)
    assert len(every) == 5 * len(found.signals)
    threshold = sizes[4]
    assert found.above(variable, threshold) == every[:5]
    best = every[0]
    row = found.to_frame().query("variable == @variable and signal == @best.signal and unit == @best.unit")
    assert row["correlation"].item() == best.correlation
    assert row["mean"].item() == best.mean
    with pytest.raises(ValueError, match="The variables are"):
        found.of("the weather")


def test_what_never_changes_goes_with_nothing() -> None:
    task = tasks.latch(6)
    network = network_of("lstm", task)
    still = network.replace(**{name: value * 0 for name, value in network.parameters.items()})
    found = correlations(still, task, 12)
    assert np.isnan(found.values).all()
    assert found.above("the first symbol", 0.0) == []


HELD = (
    (),
    (Clamp("hidden", 0.3, [1]),),
    (Ablate("candidate", [0, 2]), Reset([3])),
    (Clamp("hidden", -0.5, None, [1, 4]),),
)


@every_cell
@pytest.mark.parametrize("held", HELD)
def test_many_sequences_at_once_run_as_each_does_alone(name: str, held) -> None:
    task = tasks.parity(8)
    network = network_of(name, task)
    held = tuple(each for each in held if getattr(each, "signal", "hidden") in network.cell.signal_names)
    batch = task.batch(4, torch.Generator().manual_seed(1))
    found = run(network, batch.inputs.double(), held)
    for row in range(4):
        trace = record(network, task.sequence(batch, row), interventions=held)
        for signal in signal_names(network):
            np.testing.assert_allclose(found[signal][row], trace[signal], atol=1e-13)
        alone = run(network, batch.inputs.double()[row : row + 1], held, ("hidden",))
        np.testing.assert_allclose(alone["hidden"][0], trace["hidden"], atol=1e-13)


@pytest.mark.parametrize("held", HELD)
def test_the_score_of_a_held_network_is_that_of_its_single_runs(held) -> None:
    task = tasks.latch(20)
    network, readout = network_of("lstm", task), readout_of(task)
    size = 256
    batch = task.batch(size, torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(SEED)
    task.batch(1, torch.Generator().manual_seed(SEED))
    batch = task.batch(size, generator)
    right = 0
    for row in range(size):
        trace = record(network, task.sequence(batch, row), interventions=held)
        outputs = trace["hidden"][-1] @ readout.weight.numpy().T + readout.bias.numpy()
        right += int(outputs.argmax() == batch.targets[row, -1])
    assert score(network, readout, task, held) == pytest.approx(right / size)


def test_what_no_sequence_of_the_task_can_have_held_is_left_out() -> None:
    task = tasks.latch(5)
    network, readout = network_of("lstm", task), readout_of(task)
    plain = score(network, readout, task)
    assert score(network, readout, task, (Clamp("hidden", 9.0, None, [40]), Freeze("cell", 2))) == plain


def test_a_network_of_other_features_is_refused() -> None:
    with pytest.raises(ValueError, match="reads 6 features; got one of 2"):
        correlations(network_of("gru", tasks.parity()), tasks.latch())


@pytest.mark.parametrize(
    ("task", "size"), [(tasks.counting(2, 6), 25), (tasks.characters(12, 2), 8), (tasks.latch(7), 3)]
)
def test_luck_is_the_largest_correlation_with_the_answers_of_another_sequence(task: Task, size: int) -> None:
    network = network_of("lstm", task)
    found = correlations(network, task, size)
    batch = task.batch(size, torch.Generator().manual_seed(SEED))
    traces = [record(network, task.sequence(batch, row)) for row in range(size)]
    for place, variable in enumerate(found.variables):
        known, largest = batch.variables[variable].numpy(), []
        for shift in range(1, min(SHUFFLES, size - 1) + 1):
            pairs = [(row, (row - shift) % size) for row in range(size)]
            shared = [min(len(traces[row]), len(traces[other])) for row, other in pairs]
            x = np.concatenate([known[other, :time] for (_, other), time in zip(pairs, shared, strict=True)])
            for signal in found.signals:
                y = np.concatenate(
                    [traces[row][signal][:time] for (row, _), time in zip(pairs, shared, strict=True)]
                )
                for unit in range(3):
                    if np.ptp(x) > 0 and np.ptp(y[:, unit]) > 1e-12:
                        largest.append(abs(np.corrcoef(x, y[:, unit])[0, 1]))
        assert found.luck[place] == pytest.approx(max(largest), abs=1e-9)
        assert found.luck_of(variable) == found.luck[place]


def test_a_unit_that_holds_the_answer_is_far_from_luck_and_one_of_noise_is_not() -> None:
    task = tasks.parity(12)
    network = network_of("elman", task)
    still = network.replace(**{name: value * 0 for name, value in network.parameters.items()})
    assert np.isnan(correlations(still, task, 30).luck).all()
    assert np.isnan(correlations(network, task, 1).luck).all()
    assert 0 < correlations(network, task, 200).luck_of("parity") < 0.2


def test_what_is_scored_is_said_as_it_is() -> None:
    assert looked_at(tasks.latch(20)) == f"{scored_sequences(tasks.latch(20))} sequences" == "256 sequences"
    assert looked_at(tasks.latch(1000)) == "32 sequences"
    assert (looked_at(tasks.counting()), scored_sequences(tasks.counting())) == ("n up to 80", 0)


@pytest.mark.parametrize("name", ["latch-100", "counter-gru", "reber-lstm", "characters-elman"])
def test_the_correlations_of_a_shipped_network_are_those_of_torchs_own_run(name: str) -> None:
    """torch.nn runs the sequences; numpy.corrcoef correlates its hidden states."""
    trained = models.load(name)
    found = correlations(trained.network, trained.task, 12)
    batch = trained.task.batch(12, torch.Generator().manual_seed(SEED))
    module = trained.network.to_torch()
    hidden, variables = [], {variable: [] for variable in found.variables}
    for row in range(12):
        time = int(batch.lengths[row])
        with torch.no_grad():
            hidden.append(module(batch.inputs[row, :time, None].double())[0][:, 0].numpy())
        for variable, values in variables.items():
            values.append(batch.variables[variable][row, :time].numpy())
    states = np.concatenate(hidden)
    place = found.signals.index("hidden")
    for which, variable in enumerate(found.variables):
        known = np.concatenate(variables[variable])
        for unit in range(states.shape[1]):
            expected = np.corrcoef(known, states[:, unit])[0, 1]
            assert found.values[which, place, unit] == pytest.approx(expected, abs=1e-9)
