"""The training page by Streamlit's own tester: what it opens on, real trainings by its worker, links and bad input."""

import base64
import re
from dataclasses import replace
from urllib.parse import parse_qs

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from memviz import models, tasks
from memviz.paths import APP_SCRIPT
from memviz.theme import number, power_of_ten
from memviz.training import fit
from memviz.web.training.address import CODEC, DEFAULT, THOUSAND
from memviz.web.training.result import SHIPPED, shipped
from tests import oracles
from tests.app.reading import OpenPage, charts, run, stage, title
from tests.app.training import (
    PATIENCE,
    QUICK,
    first_lesson,
    no_order_stays,
    no_process_stays,
    numbers,
    open_page,
    texts,
    trained,
)

__all__ = ["no_order_stays", "no_process_stays", "open_page"]


def test_it_opens_on_a_result_that_is_said_and_drawn(open_page: OpenPage) -> None:
    app = open_page()
    result = shipped(DEFAULT)
    assert result is not None
    first, second = (standing.trained() for standing in result.standings)
    assert first is not None
    assert second is not None
    assert first.outcome.kind == "updates"
    assert second.outcome.kind == "solved"
    assert f"learns it after {second.outcome.update} updates" in title(app)
    assert "about what chance scores" in title(app)
    drawn = charts(app)
    for name, place in (("score", 2), ("loss", 1)):
        line = drawn[name]["figure"]["data"][2]
        np.testing.assert_array_equal(numbers(line["x"]), second.history[:, 0])
        np.testing.assert_array_equal(numbers(line["y"]), second.history[:, place])
    crossed = [shape["y0"] for shape in drawn["score"]["figure"]["layout"]["shapes"]]
    assert crossed == [0.5, 0.99, 1.0]
    assert [shape["y0"] for shape in drawn["loss"]["figure"]["layout"]["shapes"]] == [np.log(2), 0.0]


def test_the_time_lapse_shows_the_numbers_of_its_checkpoint(open_page: OpenPage) -> None:
    """Oracle: the plain numpy of the papers, with the weights of the file."""
    result = shipped(DEFAULT)
    assert result is not None
    network = result.standings[1].trained()
    assert network is not None
    task = tasks.latch(100)
    batch = task.batch(1, torch.Generator().manual_seed(20))
    xs = batch.inputs[0].numpy().astype(np.float64)
    for checkpoint in (0, 5, len(network.checkpoints) - 1):
        app = open_page(checkpoint=str(checkpoint), timestep="100", unit="2")
        then = network.checkpoints[checkpoint]
        p = {name: value.numpy() for name, value in then.network.parameters.items()}
        steps = oracles.run("lstm", p, xs, oracles.state("lstm", 4, None))
        detail = stage(app)["detail"]
        values = np.frombuffer(base64.b64decode(detail["values"]["data"]), "<f8")
        shown = dict(zip(detail["names"], values.tolist(), strict=True))
        for name in ("forget", "input", "cell", "hidden"):
            assert shown[name] == pytest.approx(steps[100][name][2], abs=1e-12), (checkpoint, name)
        outputs = then.readout.weight.numpy() @ steps[100]["hidden"] + then.readout.bias.numpy()
        share = np.exp(outputs) / np.exp(outputs).sum()
        best = int(share.argmax())
        assert re.search(rf"it says {'AB'[best]} with {share[best]:.3g}", texts(app)) or share[best] > 0.99
        assert f"right is {'AB'[int(batch.targets[0, -1])]}" in texts(app)


@pytest.mark.parametrize("name", ["latch", "reber"])
def test_the_gradient_over_training_is_that_of_the_tasks_loss(open_page: OpenPage, name: str) -> None:
    """Oracle: torch.nn.LSTMCell, cross_entropy and retain_grad; Reber at the step that its score looks at."""
    if name == "latch":
        app, result = open_page(checkpoint="5"), shipped(DEFAULT)
        assert result is not None
        found = result.standings[1].trained()
        checkpoints, task = [0, 5, -1], tasks.latch(100)
    else:
        state = replace(DEFAULT, task=tasks.reber(), sides=DEFAULT.sides[:1], updates=3, batch=8, shown=0)
        app = trained(open_page(**CODEC.to_query(state)))
        found = fit(*first_lesson(state))
        checkpoints, task = [0, -1], tasks.reber()
    assert found is not None
    batch = task.batch(1, torch.Generator().manual_seed(20))
    read = int(batch.lengths[0]) - (2 if name == "reber" else 1)
    drawn = charts(app)["gradient"]["figure"]["data"]
    labels = ["at the start" if k == 0 else f"update {found.checkpoints[k].update:,}" for k in checkpoints]
    lines = {each["name"]: numbers(each["y"]) for each in drawn}
    assert set(lines) == set(labels)
    title = charts(app)["gradient"]["figure"]["layout"]["title"]["text"]
    chosen = checkpoints[1]  # the one that is looked at
    for label, k in zip(labels, checkpoints, strict=True):
        kept = found.checkpoints[k]
        cell = torch.nn.LSTMCell(len(task.features), kept.network.hidden_size, dtype=torch.float64)
        cell.load_state_dict(dict(kept.network.parameters))
        h = c = torch.zeros(1, kept.network.hidden_size, dtype=torch.float64)
        cells = []
        for x in batch.inputs[:, : read + 1].double().unbind(1):
            h, c = cell(x, (h, c))
            c.retain_grad()
            cells.append(c)
        outputs = h @ kept.readout.weight.T + kept.readout.bias
        torch.nn.functional.cross_entropy(outputs, batch.targets[:, read]).backward()
        norms = [float(each.grad.norm().log10()) for each in cells if each.grad is not None]
        np.testing.assert_allclose(lines[label], norms[::-1], atol=1e-6)
        if k == chosen:
            times = power_of_ten(norms[0] - norms[-1])
            sentence = f"the loss’s gradient by c at step 0 is {times} times that at step {read}"
            assert title.replace("<br>", " ") == f"After {kept.update:,} updates {sentence}"
            assert title.count("<br>") == 1  # the room that the figure keeps for it


def test_train_gives_what_fit_gives(open_page: OpenPage) -> None:
    app = trained(open_page(**CODEC.to_query(QUICK)))
    for which, lesson in enumerate(QUICK.order().lessons):
        expected = fit(lesson.experiment, lesson.task, lesson.settings)
        x, y = (numbers(charts(app)["score"]["figure"]["data"][2 * which][axis]) for axis in "xy")
        np.testing.assert_array_equal(x, expected.history[:, 0])
        np.testing.assert_array_equal(y, expected.history[:, 2])
    assert "come with memviz" not in texts(app)
    assert app.query_params["updates"] in ("40", ["40"])


def test_seeds_are_counted_and_those_that_failed_are_shown(open_page: OpenPage) -> None:
    state = replace(QUICK, sides=QUICK.sides[:1], seeds=2, updates=20)
    app = trained(open_page(**CODEC.to_query(state)))
    expected = [fit(each.experiment, each.task, each.settings) for each in state.order().lessons]
    solved = sum(each.outcome.kind == "solved" for each in expected)
    cells = [
        f"✓ {each.outcome.update}" if each.outcome.kind == "solved" else f"✕ {number(each.score)}"
        for each in expected
    ]
    assert f"|**A**|{'|'.join(cells)}|{solved} of 2|" in texts(app)


def test_the_thousand_steps_open_with_their_takeaway(open_page: OpenPage) -> None:
    app = open_page()
    (button,) = [each for each in app.button if each.label == "The thousand steps"]
    app = run(button.click())
    result = shipped(THOUSAND)
    assert result is not None
    counts = [
        sum(standing.is_solved for standing in result.of_side(side)) for side in range(len(THOUSAND.sides))
    ]
    said = texts(app)
    for letter, count in zip("ABCD", counts, strict=True):
        assert re.search(rf"\|\*\*{letter}\*\*\|.*\|{count} of 3\|", said), (letter, said)
    assert counts[3] > counts[1]
    assert "An open forget gate alone is not enough" in said
    assert f"after {1000:,} steps" in said
    (toggle,) = [each for each in app.toggle if each.label == "Distractors from the class symbols"]
    app = run(toggle.set_value(True))
    assert app.query_params["task"] in (
        "latch;steps:1000;distractors:classes",
        ["latch;steps:1000;distractors:classes"],
    )
    assert "The settings have changed" in texts(app)


@pytest.mark.parametrize("name", sorted(tasks.TASKS))
def test_every_task_is_trained_and_watched(open_page: OpenPage, name: str) -> None:
    app = run(open_page().selectbox(key="training-task").set_value(name))
    state = app.session_state["training-state"]
    assert state.task == tasks.TASKS[name]()
    app.session_state["training-state"] = replace(state, updates=10, batch=4, sides=state.sides[:1])
    app = trained(app)
    assert "it says" in texts(app) or "right is" in texts(app)
    assert set(charts(app)) == {"score", "loss", "gradient"}


def test_what_comes_with_memviz_was_trained_by_the_settings_that_it_is_shown_for() -> None:
    for state in SHIPPED.values():
        result = shipped(state)
        assert result is not None
        assert tuple(standing.lesson for standing in result.standings) == state.order().lessons


@pytest.mark.parametrize("which", range(2))
def test_what_comes_with_memviz_scores_what_it_says(which: int) -> None:
    result = shipped(DEFAULT)
    assert result is not None
    network = result.standings[which].trained()
    assert network is not None
    batch = network.task.batch(256, torch.Generator().manual_seed(77))
    p = {name: value.numpy() for name, value in network.network.parameters.items()}
    right = []
    for row in range(64):
        xs = batch.inputs[row].numpy().astype(np.float64)
        hidden = oracles.run("lstm", p, xs, oracles.state("lstm", 4, None))[-1]["hidden"]
        said = network.readout.weight.numpy() @ hidden + network.readout.bias.numpy()
        right.append(int(said.argmax()) == int(batch.targets[row, -1]))
    assert abs(np.mean(right) - network.score) < 0.2


def test_a_training_goes_on_while_its_visitor_is_on_another_page(open_page: OpenPage) -> None:
    app = run(open_page(**CODEC.to_query(QUICK)).button(key="training-train").click())
    _, job = app.session_state["training-job"]
    app.switch_page("pages/compare.py")
    run(app)
    assert job.over.wait(PATIENCE)
    app.switch_page("pages/training.py")
    app = run(app)
    assert job.sentence == ""
    expected = fit(*first_lesson(QUICK))
    y = numbers(charts(app)["score"]["figure"]["data"][0]["y"])
    np.testing.assert_array_equal(y, expected.history[:, 2])


def test_distractors_from_the_class_symbols_are_said_to_be_far_harder(open_page: OpenPage) -> None:
    assert "Far harder" not in texts(open_page())
    assert "Far harder" in texts(open_page(task="latch;distractors:classes"))


@pytest.mark.parametrize("other", ["gates", "gradients", "compare"])
def test_a_network_that_was_trained_here_opens_on_the_other_pages(open_page: OpenPage, other: str) -> None:
    app = open_page()
    links = {each.proto.page: each.proto.query_string for each in app.get("page_link")}
    (query,) = [text for page, text in links.items() if page in (other, "" if other == "gates" else other)]
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    result = shipped(DEFAULT)
    assert result is not None
    own = result.standings[1].trained()
    assert own is not None
    assert models.load(asked["model"]).checkpoints is own.checkpoints
    assert {each.proto.query_string for each in open_page().get("page_link")} >= {query}  # lent once to all
    opened = AppTest.from_file(str(APP_SCRIPT), default_timeout=300)
    if other != "gates":
        opened.switch_page(f"pages/{other}.py")
    for name, value in asked.items():
        opened.query_params[name] = value
    opened = run(opened)
    assert not opened.warning
    assert not opened.error
    if other == "gates":
        trained_network = result.standings[1].trained()
        assert trained_network is not None
        p = {name: value.numpy() for name, value in trained_network.network.parameters.items()}
        batch = tasks.latch(100).batch(1, torch.Generator().manual_seed(20))
        xs = batch.inputs[0].numpy().astype(np.float64)
        detail = stage(opened)["detail"]
        steps = oracles.run("lstm", p, xs, oracles.state("lstm", 4, None))
        values = np.frombuffer(base64.b64decode(detail["values"]["data"]), "<f8")
        shown = dict(zip(detail["names"], values.tolist(), strict=True))
        expected = steps[detail["timestep"]]["forget"][detail["unit"]]
        assert shown["forget"] == pytest.approx(expected, abs=1e-12)
