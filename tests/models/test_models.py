"""The trained networks that come with memviz: what their files say of them is so."""

import re

import numpy as np
import pytest
import torch

from memviz import models, tasks
from memviz.experiment import Experiment
from memviz.gradients import gradient_flow
from memviz.models.__main__ import main
from memviz.models.shelf import FOLDER, listed
from memviz.trace import record
from memviz.training import TrainingSettings, fit
from memviz.training.files import command_of

every_model = pytest.mark.parametrize("name", models.NAMES)
MOST_BYTES = 3 * 2**20
_AT_END = 3, 512


def test_every_recipe_has_its_file_its_row_and_its_line_for_readers() -> None:
    names = tuple(recipe.name for recipe in models.RECIPES)
    assert names == models.NAMES
    assert [each.name for each in listed(FOLDER)] == list(names)
    assert {file.stem for file in FOLDER.glob("*.safetensors")} == set(names)
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < MOST_BYTES
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in names:
        assert f"`{name}`" in readme


@every_model
def test_a_file_is_what_its_recipe_and_the_list_say(name: str) -> None:
    recipe, trained, shipped = models.recipe_of(name), models.load(name), models.about(name)
    assert (trained.experiment, trained.task, trained.settings) == recipe.of_seed(shipped.seed)
    assert [each.seed for each in shipped.attempts] == list(recipe.seeds)
    kept = next(each for each in shipped.attempts if each.seed == shipped.seed)
    assert kept.score == trained.score == max(each.score for each in shipped.attempts)
    assert (kept.outcome, kept.update) == (trained.outcome.kind, trained.outcome.update)
    data = (FOLDER / f"{name}.safetensors").read_bytes()
    assert command_of(data) == shipped.command == recipe.command
    failed = [each.seed for each in shipped.attempts if each.outcome != "solved"]
    assert f"{len(recipe.seeds) - len(failed)} of {len(recipe.seeds)} seeds" in shipped.sentence
    goal = {"latch": "0.990", "parity": "0.990", "reber": "0.990", "counting": "20", "characters": "0.900",
            "adding": "0.950"}[trained.task.name]  # fmt: skip
    assert f"the goal, a score of {goal}" in shipped.sentence
    for each in shipped.attempts:
        assert (each.outcome == "solved") <= (each.score >= 0.97 * trained.task.solved)
    if len(failed) == len(recipe.seeds):
        assert re.search("fails|hardly", recipe.title)


@every_model
def test_a_network_scores_what_its_file_says_in_a_plain_loop_over_its_step(name: str) -> None:
    trained = models.load(name)
    p, step = trained.network.parameters, trained.network.cell.step
    weight, bias = trained.readout.weight, trained.readout.bias

    @torch.no_grad()
    def run(inputs: torch.Tensor) -> torch.Tensor:
        x = inputs.double()
        state, outputs = trained.network.cell.zero_state(x[:, 0], trained.network.hidden_size), []
        for t in range(x.shape[1]):
            state, signals = step(p, x[:, t], state)
            outputs.append(signals.hidden @ weight.T + bias)
        return torch.stack(outputs, dim=1).float()

    which, size = _AT_END
    seed = int(np.random.SeedSequence([trained.settings.seed, which]).generate_state(1)[0])
    score = trained.task.evaluate(run, torch.Generator().manual_seed(seed), size)
    # In float32 a sequence on the edge may fall on the other side.
    assert score == pytest.approx(trained.score, abs=0.005 if trained.score <= 1 else 1)


def test_the_same_command_gives_the_same_bytes(tmp_path) -> None:
    for folder in ("one", "two"):
        main(["parity-lstm", "--into", str(tmp_path / folder)])
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_an_unknown_name_is_told_those_that_there_are(capsys) -> None:
    with pytest.raises(ValueError, match=r"The trained networks are latch-100, .*; got 'latch-7'"):
        models.load("latch-7")
    with pytest.raises(SystemExit):
        main(["latch-7"])
    assert "The trained networks are latch-100" in capsys.readouterr().err


@every_model
def test_its_examples_are_sequences_of_its_task(name: str) -> None:
    trained = models.load(name)
    for text in models.examples(name, trained):
        sequence = trained.task.encode(text)
        assert trained.task.taught(sequence) is not None
        assert record(trained.network, sequence)["hidden"].shape == (
            len(sequence),
            trained.network.hidden_size,
        )


@every_model
def test_the_loss_of_the_task_and_its_gradient_are_those_of_autograd_through_the_readout(name: str) -> None:
    trained = models.load(name)
    sequence = trained.task.encode(models.examples(name, trained)[0])
    taught = trained.task.taught(sequence)
    assert taught is not None
    loss = models.task_loss(trained, sequence)
    assert loss is not None
    assert loss.timestep == int(taught.mask.nonzero()[-1])
    x = torch.tensor(sequence.inputs)
    state, hidden = trained.network.cell.zero_state(x[0], trained.network.hidden_size), []
    for row in x:
        state, signals = trained.network.step(row, state)
        h = signals.hidden.requires_grad_() if not hidden else signals.hidden
        h.retain_grad()
        state = state._replace(hidden=h)
        hidden.append(h)
    outputs = hidden[loss.timestep] @ trained.readout.weight.T + trained.readout.bias
    target = taught.targets[loss.timestep][None]
    value = trained.task.loss_of(outputs[None], target.double() if target.is_floating_point() else target)
    if trained.task.loss == "squared error":
        value = value / 2
    value.backward()
    flow = gradient_flow(trained.network, sequence, loss)
    at = loss.value(torch.tensor(flow.trace["hidden"]))
    assert float(at) == pytest.approx(float(value.detach()), rel=1e-6)
    expected = torch.stack([torch.zeros_like(h) if h.grad is None else h.grad for h in hidden])
    np.testing.assert_allclose(flow.hidden, expected, rtol=1e-5, atol=1e-9)


def test_a_loss_is_read_where_the_task_reads_one_and_there_is_none_without_an_answer() -> None:
    trained = models.load("reber-lstm")
    sequence = trained.task.encode("BTBTXSE")
    assert models.task_loss(trained, sequence, 3).timestep == 3
    assert models.task_loss(trained, sequence, 6).timestep == 5  # what follows the last symbol is not known
    latch = models.load("latch-100")
    assert models.task_loss(latch, latch.task.encode("wxyz")) is None


def test_what_is_said_is_the_likeliest_output_and_whether_it_is_right() -> None:
    latch = models.load("latch-100")
    sequence = latch.task.encode("B" + "w" * 100)
    predicted = latch.predict(latch.run(sequence))
    found = models.said(latch, sequence, predicted)
    assert [each.is_right for each in found[:-1]] == [None] * 100
    assert (found[-1].answer, found[-1].is_right) == ("B", True)
    assert found[-1].certainty == predicted[-1].max()
    wrong = models.said(latch, sequence, predicted[:, ::-1].copy())
    assert (wrong[-1].answer, wrong[-1].is_right) == ("A", False)
    assert wrong[-1].words.endswith("the task says B")


def test_where_the_task_draws_at_random_whatever_may_follow_is_right() -> None:
    trained = models.load("reber-lstm")
    outputs = trained.task.outputs

    def answers(text: str, said: str) -> list[models.Said]:
        predicted = np.full((len(text), 7), 0.05)
        for t, symbol in enumerate(said):
            predicted[t, outputs.index(symbol)] = 0.7
        return models.said(trained, trained.task.encode(text), predicted)

    for other in ("TBPT", "PBTV"):  # T or P may follow B, each time; after BTB too, then S or X, T or V
        found = answers("BTBT", other)
        expected = [True, True, True, other[3] in "SX"]
        assert [each.is_right for each in found] == expected
    assert found[0].words.endswith("right: T or P may follow")
    assert found[3].words.endswith("wrong: S or X may follow")
    whole = answers("BTBTXSETE", "TBTXSETEB")
    assert whole[6].words.endswith("right: T may follow")
    assert whole[7].is_right is True
    assert whole[8].is_right is None
    assert whole[8].words.endswith("; the task lets nothing follow here")


@every_model
def test_its_examples_are_sequences_that_its_task_might_draw(name: str) -> None:
    trained = models.load(name)
    for text in models.examples(name, trained):
        taught = trained.task.taught(trained.task.encode(text))
        assert taught is not None
        if taught.may_follow is not None:
            assert taught.may_follow[:-1].any(dim=1).all(), text


def test_what_may_follow_is_said_as_a_set_and_a_sum_as_a_number() -> None:
    counter = models.load("counter-lstm")
    sequence = counter.task.encode("Saaabbb")
    found = models.said(counter, sequence, counter.predict(counter.run(sequence)))
    assert [each.answer for each in found] == ["a", "ab", "ab", "ab", "b", "b", "T"]
    assert all(each.is_right for each in found)
    adder = models.load("adding-lstm")
    sequence = adder.task.sequence(adder.task.batch(1, torch.Generator().manual_seed(2)), 0)
    predicted = adder.predict(adder.run(sequence))
    last = models.said(adder, sequence, predicted)[-1]
    total = float(sequence.inputs.prod(axis=1).sum())
    assert float(last.answer) == pytest.approx(float(predicted[-1, 0]), abs=0.01)
    assert last.is_right == (abs(predicted[-1, 0] - total) < 0.08)


def test_the_latch_with_torchs_biases_fails_and_with_those_of_ln_t_it_does_not() -> None:
    assert tasks.latch(100).solved <= models.load("latch-100").score
    assert models.load("latch-100-default").score < 0.6
    assert models.load("latch-100").experiment != Experiment("lstm", 4)


@pytest.mark.parametrize(
    ("task", "text", "at", "right"),
    [
        (tasks.order(10), "EaXbcdYabB", 9, "XY"),
        (tasks.copy(2, 3, 4), "ca...?..", 7, "a"),
        (tasks.sine(8, 2), "\n".join(str(np.sin(np.pi / 4 * t + 0.3)) for t in range(9)), 8, None),
    ],
    ids=["order", "copy", "sine"],
)
def test_a_visitors_network_of_every_task_has_a_loss_and_is_told_what_is_right(task, text, at, right) -> None:
    trained = fit(Experiment("gru", 3, seed=1), task, TrainingSettings(updates=2, batch=4))
    sequence = task.encode(text)
    loss, trace = models.task_loss(trained, sequence), trained.run(sequence)
    assert loss is not None
    assert loss.timestep == at
    outputs = trace["hidden"][at] @ trained.readout.weight.numpy().T + trained.readout.bias.numpy()
    if right is None:
        ahead = np.sin(np.pi / 4 * (at + 2) + 0.3)
        expected = 0.5 * (outputs[0] - ahead) ** 2
        is_right = abs(outputs[0] - ahead) < 0.08
    else:
        place = task.outputs.index(right)
        expected = np.log(np.exp(outputs).sum()) - outputs[place]
        is_right = outputs.argmax() == place
    assert float(loss.value(torch.tensor(trace["hidden"]))) == pytest.approx(expected, rel=1e-9)
    said = models.said(trained, sequence, trace["prediction"])
    assert said[-1].is_right == is_right
