"""Training, against plain torch.nn loops, the float64 engine, and what each task needs to be better than chance."""

import copy
import io
import math
import re
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from memviz import tasks
from memviz.cells import CELLS
from memviz.edits import SetWeight
from memviz.experiment import Experiment
from memviz.interventions import Ablate
from memviz.tasks import Batch
from memviz.trace import Trace, record
from memviz.training import FUSED, Progress, TrainedNetwork, TrainingSettings, fit, train
from memviz.training.files import from_bytes, to_bytes
from memviz.training.learners import ReadoutLayer, learner_of
from memviz.training.optimisers import Adam, Parameters, Sgd
from tests import oracles

every_cell = pytest.mark.parametrize("name", CELLS)
SHORT = TrainingSettings(updates=6, evaluate_every=3, batch=8)


def experiment_of(name: str, units: int = 3, **settings) -> Experiment:
    return Experiment(name, units, seed=4, **settings)


def same(one: TrainedNetwork, other: TrainedNetwork) -> bool:
    return all(
        torch.equal(value, other.network.parameters[key]) for key, value in one.network.parameters.items()
    ) and torch.equal(one.readout.weight, other.readout.weight)


# --- what learns is the network --------------------------------------------------------------------------


@every_cell
def test_a_learner_has_the_hidden_states_and_gradients_of_the_transcription_in_float32(name: str) -> None:
    network = experiment_of(name, forget_bias=1.0).build(2)
    learner = learner_of(network)
    xs = oracles.inputs(2, 9, seed=1)
    hidden = learner.hidden(torch.tensor(np.stack([xs, -xs]), dtype=torch.float32))
    for row, inputs in enumerate((xs, -xs)):
        p = {key: value.numpy() for key, value in network.parameters.items()}
        steps = oracles.run(name, p, inputs, oracles.state(name, 3, None))
        expected = np.stack([step["hidden"] for step in steps])
        np.testing.assert_allclose(hidden[row].detach().numpy(), expected, rtol=1e-4, atol=1e-6)
    hidden[0].sum().backward()
    p = {
        key: value.requires_grad_()
        for key, value in oracles.as_torch({k: v.numpy() for k, v in network.parameters.items()}).items()
    }
    before = oracles.as_torch(oracles.state(name, 3, None))
    torch.stack(
        [s["hidden"] for s in oracles.run(name, p, torch.tensor(xs), before, ops=oracles.TORCH)]
    ).sum().backward()
    rate = 1e-3
    with torch.no_grad():
        for value in learner.parameters():
            value -= rate * value.grad
    moved = learner.network()
    for key, value in network.parameters.items():
        grad = p[key].grad if p[key].grad is not None else torch.zeros_like(value)
        np.testing.assert_allclose(
            moved.parameters[key], value - rate * grad, rtol=1e-4, atol=1e-6, err_msg=key
        )


@every_cell
def test_a_network_that_learns_starts_as_the_experiment_and_comes_back_unmoved(name: str) -> None:
    network = experiment_of(name).build(2)
    again = learner_of(network).network()
    assert again.cell is network.cell
    for key, value in network.parameters.items():
        assert torch.equal(again.parameters[key], value.float().double())


def test_the_carousel_of_1997_is_exact_on_the_kernel_and_no_update_closes_it() -> None:
    task = tasks.latch(300)
    trained = fit(
        experiment_of("lstm-1997", input_bias=-3.0), task, replace(SHORT, updates=20, rate=0.5, clip=None)
    )
    learner = learner_of(trained.network)
    module = learner._module
    forget = slice(3, 6)
    assert not module.weight_ih_l0[forget].any()
    assert not module.weight_hh_l0[forget].any()
    assert (torch.sigmoid(module.bias_ih_l0[forget]) == 1.0).all()
    batch = task.batch(4, torch.Generator().manual_seed(0))
    hidden = learner.hidden(batch.inputs).detach().numpy()
    for row in range(4):
        trace = trained.run(task.sequence(batch, row))
        np.testing.assert_allclose(hidden[row], trace["hidden"], atol=1e-5)


@every_cell
def test_what_was_trained_replays_in_the_float64_engine(name: str) -> None:
    task = tasks.parity(12)
    trained = fit(experiment_of(name), task, SHORT)
    batch = task.batch(3, torch.Generator().manual_seed(9))
    learner = learner_of(trained.network)
    outputs = trained.readout(learner.hidden(batch.inputs).detach().double())
    for row in range(3):
        trace = record(trained.network, task.sequence(batch, row))
        np.testing.assert_allclose(trained.predict(trace), outputs[row].softmax(-1).numpy(), atol=1e-5)


def test_the_prediction_joins_the_trace_its_table_and_its_file() -> None:
    task = tasks.parity(9)
    trained = fit(experiment_of("gru"), task, SHORT)
    trace = trained.run(task.encode("011010011"))
    p = {key: value.numpy() for key, value in trained.network.parameters.items()}
    xs = np.eye(2)[[0, 1, 1, 0, 1, 0, 0, 1, 1]]
    hidden = np.stack([s["hidden"] for s in oracles.run("gru", p, xs, oracles.state("gru", 3, None))])
    odds = np.exp(hidden @ trained.readout.weight.numpy().T + trained.readout.bias.numpy())
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(trace["prediction"], expected, atol=1e-12)
    assert not trace["prediction"].flags.writeable
    table = trace.to_frame()
    rows = table[table.signal == "prediction"]
    assert rows.unit.tolist() == [0, 1] * 9
    assert rows.timestep.tolist() == [t for t in range(9) for _ in range(2)]
    assert rows.token.tolist() == [token for token in "011010011" for _ in range(2)]
    np.testing.assert_array_equal(rows.value, trace["prediction"].ravel())
    assert len(table) == 9 * (3 * len(trace.names) + 2)
    for again in (Trace.load(io.BytesIO(trace.to_bytes())), copy.deepcopy(trace)):
        np.testing.assert_array_equal(again["prediction"], trace["prediction"])
    with pytest.raises(KeyError, match='got "prediction"'):
        record(trained.network, xs)["prediction"]


@pytest.mark.parametrize("name", FUSED)
def test_a_real_training_on_a_kernel_replays_in_the_float64_engine_step_by_step(name: str) -> None:
    """Every hidden state and every answer, over sequences as long as those that were trained on."""
    task = tasks.latch(60)
    experiment = Experiment(name, 4, seed=2, forget_bias=4.0, update_bias=4.0, input_bias=-4.0)
    trained = fit(experiment, task, TrainingSettings(updates=150, stop_when_solved=False))
    batch = task.batch(3, torch.Generator().manual_seed(9))
    with torch.no_grad():
        hidden = learner_of(trained.network).hidden(batch.inputs)
    answers = trained.readout(hidden.double()).softmax(-1)
    for row in range(3):
        trace = trained.run(task.sequence(batch, row))
        np.testing.assert_allclose(trace["hidden"], hidden[row], atol=1e-5)
        np.testing.assert_allclose(trained.predict(trace), answers[row], atol=1e-5)
    moved = trained.network.parameters["weight_hh"] - trained.checkpoints[0].network.parameters["weight_hh"]
    assert moved.abs().max() > 0.1


def test_an_update_is_that_of_a_plain_loop_of_torch() -> None:
    task = tasks.adding(7)
    for settings in (
        TrainingSettings(updates=3, batch=8, evaluate_every=100),
        TrainingSettings(updates=3, batch=8, evaluate_every=100, optimiser="sgd", rate=0.3, clip=None),
    ):
        experiment = experiment_of("gru", 5)
        trained = fit(experiment, task, settings)
        network = experiment.build(task.alphabet())
        module = torch.nn.GRU(2, 5, batch_first=True)
        for key, value in network.parameters.items():
            getattr(module, f"{key}_l0").data.copy_(value)
        draws = [
            torch.Generator().manual_seed(int(np.random.SeedSequence([0, k]).generate_state(1)[0]))
            for k in (0, 1)
        ]
        readout = ReadoutLayer(5, 1, draws[1])
        every = [*module.parameters(), *readout.parameters()]
        kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
        optimiser = kinds[settings.optimiser](every, lr=settings.rate)
        task.batch(8, draws[0])  # that of the first look
        for _ in range(3):
            batch = task.batch(8, draws[0])
            hidden, _ = module(batch.inputs)
            loss = ((readout(hidden[:, -1]) - batch.targets[:, -1]) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            if settings.clip:
                torch.nn.utils.clip_grad_norm_(every, settings.clip)
            optimiser.step()
        for key, value in trained.network.parameters.items():
            np.testing.assert_allclose(value, getattr(module, f"{key}_l0").detach(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(trained.readout.weight, readout.weight.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_our_optimisers_take_the_steps_of_torchs(optimiser: str) -> None:
    generator = torch.Generator().manual_seed(0)
    ours = [torch.randn(shape, generator=generator).requires_grad_() for shape in ((3, 2), (4,))]
    torchs = [value.detach().clone().requires_grad_() for value in ours]
    parameters = Parameters(ours)
    mine = {"adam": Adam, "sgd": Sgd}[optimiser](parameters, 0.05)
    other = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimiser](torchs, lr=0.05)
    for step in range(60):
        for values in (ours, torchs):
            other.zero_grad()
            parameters.gradient.zero_()
            loss = sum(
                (value**2 * (k + 1)).sum() + (value * np.cos(step)).sum() for k, value in enumerate(values)
            )
            (loss * (1e-6 if step % 7 == 0 else 1.0)).backward()
            if values is ours:
                norm = parameters.clip(0.7)
                mine.step()
            else:
                assert float(torch.nn.utils.clip_grad_norm_(torchs, 0.7)) == pytest.approx(norm, rel=1e-5)
                other.step()
        for value, expected in zip(ours, torchs, strict=True):
            torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6)
    assert parameters.clip(None) == parameters.clip(None)


# --- it learns -------------------------------------------------------------------------------------------

LEARNT = {
    "latch": (
        tasks.latch(30),
        experiment_of("lstm", 4, forget_bias=math.log(30), input_bias=-math.log(30)),
        300,
    ),
    "latch of 1997": (tasks.latch(30), experiment_of("lstm-1997", 4, input_bias=-4.0), 300),
    "parity": (tasks.parity(8), experiment_of("lstm", 4), 600),
    "counting": (tasks.counting(2, 4), experiment_of("lstm", 3), 500),
    "counting three letters": (tasks.counting(3, 3), experiment_of("lstm", 4), 700),
    "counting with peepholes": (tasks.counting(2, 3), experiment_of("lstm-peephole", 3), 300),
    "reber": (tasks.reber(), experiment_of("lstm", 8), 400),
    "adding": (tasks.adding(10), experiment_of("gru", 12), 400),
    "order": (tasks.order(20), experiment_of("lstm", 8, forget_bias=3.0, input_bias=-2.0), 300),
    "copy": (tasks.copy(2, 3, 3), experiment_of("gru", 12), 400),
    "sine": (tasks.sine(12, 3, 30), experiment_of("elman", 4), 200),
    "characters": (tasks.characters(40, 2), experiment_of("gru", 8), 200),
}


@pytest.mark.parametrize("which", LEARNT)
def test_a_short_training_of_each_task_beats_chance(which: str) -> None:
    task, experiment, updates = LEARNT[which]
    trained = fit(experiment, task, TrainingSettings(updates=updates, evaluate_every=50))
    assert trained.score > task.chance + 0.25 * (min(1.0, task.optimum) - min(task.chance, 0.9))
    losses = trained.history[:, 1]
    assert losses[-1] < min(losses[0], task.chance_loss)
    assert losses[-1] > task.optimum_loss - 0.05


def test_it_stops_once_the_task_is_solved_twice_running() -> None:
    task, experiment, _ = LEARNT["latch"]
    trained = fit(experiment, task, TrainingSettings(updates=2000))
    assert trained.outcome.kind == "solved"
    assert trained.outcome.update < 2000
    assert trained.outcome.sentence.startswith(f"Solved after {trained.outcome.update:,} updates")
    scores = trained.history[:, 2]
    assert (scores[-2:] >= 0.99).all()
    assert not ((scores[:-2] >= 0.99) & (scores[1:-1] >= 0.99)).any()
    assert trained.score >= 0.97


# --- progress, checkpoints, ends -------------------------------------------------------------------------


def test_progress_comes_at_each_look_and_checkpoints_are_spaced_in_log_time() -> None:
    task = tasks.parity(6)
    steps = train(experiment_of("elman"), task, TrainingSettings(updates=120, evaluate_every=30, seed=3))
    seen: list[Progress] = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            trained = end.value
            break
    assert seen[0].update == 0
    assert {30, 60, 90, 120} <= {progress.update for progress in seen}
    assert all(progress.updates == 120 for progress in seen)
    assert [p.seconds for p in seen] == sorted(p.seconds for p in seen)
    assert seen[0].seconds_left == math.inf
    assert seen[-1].seconds_left == 0.0
    assert seen[-1].updates_per_second > 0
    np.testing.assert_array_equal(trained.history[:, 0], [p.update for p in seen])
    np.testing.assert_array_equal(trained.history[:, 2], [p.score for p in seen])
    updates = [checkpoint.update for checkpoint in trained.checkpoints]
    assert updates[:4] == [0, 1, 2, 3]
    assert updates[-1] == 120
    kept = [p.checkpoint.update for p in seen if p.checkpoint is not None]
    assert updates == kept or updates == [*kept, 120]
    ratios = np.array(updates[5:-1]) / np.array(updates[4:-2])
    assert ((ratios > 1.2) & (ratios < 1.6)).all()
    first = experiment_of("elman").build(task.alphabet())
    for key, value in first.parameters.items():
        assert torch.equal(trained.checkpoints[0].network.parameters[key], value.float().double())
    assert torch.equal(
        trained.at(-1).network.parameters["weight_hh"], trained.network.parameters["weight_hh"]
    )
    early = trained.at(2)
    assert early.score == trained.checkpoints[2].score
    assert early.network is trained.checkpoints[2].network


def test_the_same_settings_give_the_same_network_and_another_seed_another() -> None:
    task, before = tasks.latch(8), torch.random.get_rng_state()
    one, other = (fit(experiment_of("lstm"), task, SHORT) for _ in range(2))
    assert same(one, other)
    assert one.score == other.score
    assert not same(one, fit(experiment_of("lstm"), task, replace(SHORT, seed=1)))
    assert not same(one, fit(replace(experiment_of("lstm"), seed=5), task, SHORT))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("name", ["lstm", "lstm-peephole"])
def test_it_stops_at_once_when_asked_and_gives_what_it_has(name: str) -> None:
    asked = iter([False] * 5 + [True] * 100)
    trained = fit(experiment_of(name), tasks.parity(5), replace(SHORT, updates=100), lambda: next(asked))
    assert trained.outcome.kind == "stopped"
    assert trained.outcome.update == 5
    assert trained.outcome.sentence == "Stopped after 5 updates, as asked."
    assert trained.checkpoints[-1].update == 5
    assert same(trained, trained.at(-1))
    at_once = fit(experiment_of(name), tasks.parity(5), SHORT, lambda: True)
    assert at_once.outcome.update == 0


def test_it_ends_when_its_seconds_are_over() -> None:
    settings = TrainingSettings(updates=100_000, seconds=0.05, evaluate_every=10_000)
    trained = fit(experiment_of("elman"), tasks.parity(5), settings)
    assert trained.outcome.kind == "seconds"
    assert 0 < trained.outcome.update < 100_000
    assert trained.outcome.sentence == "Not solved after 0.05 seconds, which were all."
    rest = fit(experiment_of("elman"), tasks.parity(5), SHORT)
    assert rest.outcome.sentence == "Not solved after 6 updates, which were all."


def test_a_loss_that_is_no_number_stops_it_and_the_last_good_checkpoint_is_kept() -> None:
    task = tasks.parity(60)
    settings = TrainingSettings(optimiser="sgd", rate=10.0, clip=None, updates=400)
    trained = fit(experiment_of("elman-relu", 8, recurrent_scale=4.0), task, settings)
    assert trained.outcome.kind == "diverged"
    pattern = (
        r"After [\d,]+ updates (the (loss|gradient) is no finite number any more|a weight grew beyond 10,000|"
        r"the network's own numbers are no finite numbers any more)\. "
    )
    assert re.match(pattern, trained.outcome.sentence), trained.outcome.sentence
    last = trained.checkpoints[-1]
    assert f"that of update {last.update}, the last good checkpoint." in trained.outcome.sentence
    assert last.update <= trained.outcome.update < 400
    assert all(torch.isfinite(value).all() for value in trained.network.parameters.values())
    assert same(trained, trained.at(-1))
    assert np.isfinite(trained.history).all()


@pytest.mark.parametrize(
    ("task", "experiment", "settings"),
    [
        (
            tasks.sine(20, 5, 50),
            Experiment("lstm", 16),
            {"optimiser": "sgd", "rate": 10.0, "clip": None, "updates": 200},
        ),
        (
            tasks.characters(200, 4),
            Experiment("elman-relu", 16, recurrent_scale=3.0),
            {"rate": 1.0, "updates": 50},
        ),
        (tasks.parity(200), Experiment("elman-relu", 16, recurrent_scale=3.0), {"rate": 1.0, "updates": 50}),
        (tasks.latch(200), Experiment("elman-relu", 16, recurrent_scale=3.0), {"rate": 1.0, "updates": 3}),
    ],
    ids=["sine", "characters", "parity", "latch"],
)
def test_what_overflows_is_never_kept_and_what_is_kept_goes_into_a_file(task, experiment, settings) -> None:
    """The plain steps of the cell, in float32, over new sequences: nothing that is kept overflows."""
    trained = fit(experiment, task, TrainingSettings(**settings))
    assert trained.outcome.kind == "diverged", trained.outcome.sentence
    assert "updates" in trained.outcome.sentence
    assert np.isfinite([trained.score, *trained.history.ravel()]).all()
    assert np.isfinite([(c.loss, c.score) for c in trained.checkpoints]).all()
    inputs = task.batch(20, torch.Generator().manual_seed(77)).inputs
    for checkpoint in trained.checkpoints:
        cell, p = (
            checkpoint.network.cell,
            {key: v.float() for key, v in checkpoint.network.parameters.items()},
        )
        state = cell.zero_state(inputs[:, 0], experiment.hidden_size)
        for x in inputs.unbind(dim=1):
            state, signals = cell.step(p, x, state)
        assert torch.isfinite(signals.hidden).all()
    again = from_bytes(to_bytes(trained))
    assert (again.outcome, again.score) == (trained.outcome, trained.score)
    np.testing.assert_array_equal(again.history, trained.history)


def test_a_network_that_overflows_before_its_first_update_is_refused() -> None:
    experiment = Experiment("elman-relu", 16, recurrent_scale=10.0)
    for task in (tasks.sine(20, 5, 1000), tasks.latch(1000)):
        with pytest.raises(ValueError, match="must be finite before its first update; this one overflows"):
            fit(experiment, task, SHORT)


@dataclass(frozen=True)
class Watched(tasks.Parity):
    """Parity that keeps the sizes of the batches that it draws."""

    sizes: ClassVar[list[int]] = []

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        self.sizes.append(size)
        return super().batch(size, generator)


def test_whoever_stops_it_does_not_wait_for_the_long_score_of_the_end() -> None:
    asked = iter([False] * 5 + [True])
    Watched.sizes.clear()
    trained = fit(experiment_of("lstm"), Watched(9), replace(SHORT, updates=100), lambda: next(asked))
    assert set(Watched.sizes) == {8, 256}  # updates and looks
    assert trained.score == trained.checkpoints[-1].score
    Watched.sizes.clear()
    fit(experiment_of("lstm"), Watched(9), SHORT)
    assert Watched.sizes[-1] == 512


def test_the_score_is_looked_at_after_the_last_update_wherever_it_falls() -> None:
    experiment = Experiment("lstm", 2, seed=2)
    settings = TrainingSettings(updates=207, evaluate_every=50, seed=2, stop_when_solved=False)
    trained = fit(experiment, tasks.parity(), settings)
    assert trained.history[-1, 0] == 207
    assert trained.outcome.kind == "solved"
    assert trained.outcome.sentence == f"Solved after 207 updates: a score of {trained.history[-1, 2]:.3g}."


def test_the_score_of_a_checkpoint_is_that_of_the_look_of_its_update() -> None:
    for updates, every in ((100, 20), (75, 10)):
        settings = TrainingSettings(updates=updates, evaluate_every=every, batch=8)
        trained = fit(experiment_of("elman"), tasks.parity(4), settings)
        looks = {int(update): score for update, _, score in trained.history}
        assert [looks[each.update] for each in trained.checkpoints] == [
            each.score for each in trained.checkpoints
        ]
        assert trained.checkpoints[-1].update == updates


def test_a_file_holds_trainings_of_many_updates() -> None:
    settings = TrainingSettings(updates=10_050, batch=1, evaluate_every=5000, stop_when_solved=False)
    trained = fit(Experiment("elman", 1), tasks.parity(1), settings)
    again = from_bytes(to_bytes(trained))
    np.testing.assert_array_equal(again.history, trained.history)
    assert again.checkpoints[-1].update == 10_050


def test_edits_are_part_of_what_is_taught_and_interventions_are_refused() -> None:
    edited = experiment_of("lstm", edits=(SetWeight("weight_hh", 0, 0, 3.0),))
    trained = fit(edited, tasks.parity(5), SHORT)
    assert trained.checkpoints[0].network.parameters["weight_hh"][0, 0] == 3.0
    with pytest.raises(
        ValueError, match=r"A network is taught without interventions; got 1\. They act in its runs\."
    ):
        fit(experiment_of("lstm", interventions=(Ablate("forget"),)), tasks.parity(5), SHORT)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"optimiser": "rmsprop"}, "The optimiser is one of adam, sgd; got 'rmsprop'."),
        ({"rate": 11.0}, "In a training rate is a number from 1e-06 to 10; got 11.0."),
        ({"rate": math.nan}, "In a training rate is a number from 1e-06 to 10; got nan."),
        ({"clip": 0.0}, "In a training clip is a number from 1e-06 to 1e+06; got 0.0."),
        ({"batch": 0}, "In a training batch is a whole number from 1 to 1,024; got 0."),
        ({"updates": 100_001}, "In a training updates is a whole number from 1 to 100,000; got 100001."),
        ({"seconds": 0.0}, "In a training seconds is a number from 0.01 to 86,400; got 0.0."),
        ({"seed": -1}, "In a training seed is a whole number from 0 to 4,294,967,295; got -1."),
    ],
)
def test_settings_out_of_range_are_refused_with_their_rule(settings, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        TrainingSettings(**settings)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        TrainingSettings.from_data(TrainingSettings().to_data() | settings)
    assert TrainingSettings.from_data(SHORT.to_data()) == SHORT
    with pytest.raises(ValueError, match="The settings of a training are optimiser"):
        TrainingSettings.from_data({"rate": 0.1})


def test_a_readout_is_drawn_as_torchs_linear_layer() -> None:
    drawn = ReadoutLayer(64, 200, torch.Generator().manual_seed(0))
    weights = drawn.weight.detach()
    assert weights.abs().max() <= 1 / 8
    assert weights.std() == pytest.approx(1 / np.sqrt(3 * 64), rel=0.02)
    assert drawn.bias.detach().std() == pytest.approx(1 / np.sqrt(3 * 64), rel=0.15)
    x = torch.randn(5, 64, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(drawn(x), torch.nn.functional.linear(x, drawn.weight, drawn.bias))


def test_the_cells_on_kernels_are_those_of_torch_and_the_lstm_of_1997() -> None:
    assert set(FUSED) == {name for name, cell in CELLS.items() if cell.torch_name} | {"lstm-1997"}


def test_a_training_that_does_not_stop_when_solved_makes_all_its_updates_and_is_solved_all_the_same() -> None:
    experiment = Experiment("lstm", 2, seed=2)
    settings = TrainingSettings(updates=200, stop_when_solved=False, seed=2)
    stopped = fit(experiment, tasks.parity(), replace(settings, stop_when_solved=True))
    trained = fit(experiment, tasks.parity(), settings)
    assert stopped.outcome.kind == trained.outcome.kind == "solved"
    assert stopped.outcome.update < trained.outcome.update == 200
    unsolved = fit(experiment, tasks.parity(), replace(settings, updates=20))
    assert unsolved.outcome.kind == "updates"


def test_whether_a_training_stops_is_true_or_false() -> None:
    with pytest.raises(ValueError, match="Whether a training stops when solved is true or false; got 1"):
        TrainingSettings.from_data(TrainingSettings().to_data() | {"stop_when_solved": 1})


def test_settings_of_before_a_training_could_go_on_mean_that_it_stops() -> None:
    data = TrainingSettings(updates=7).to_data()
    del data["stop_when_solved"]
    assert TrainingSettings.from_data(data) == TrainingSettings(updates=7)
    del data["updates"]
    with pytest.raises(ValueError, match="The settings of a training are"):
        TrainingSettings.from_data(data)
