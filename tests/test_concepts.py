"""Correlations against numpy.corrcoef, and scores of held networks against runs of one sequence each."""

import numpy as np
import pytest
import torch

from memviz import tasks
from memviz.cells import CELLS
from memviz.concepts import SEED, correlations, run, score, signal_names
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
