"""Trained networks on the gradients and the compare page, by Streamlit's own tester."""

import json
import math

import numpy as np
import pytest
import torch

from memviz import models
from memviz.gradients import Loss, gradient_flow
from memviz.web.compare.trained import UNTRAINED, flow_of, sides_of
from memviz.web.gradients.address import CODEC, GradientsState
from tests.app.reading import OpenPage, address, charts, open_at, plain, run

_LOSS = Loss()
FOREIGN = "one of the alphabet: B T S X P V E"


@pytest.fixture
def open_page() -> OpenPage:
    return open_at


@pytest.mark.parametrize("name", models.NAMES)
def test_the_gradients_page_opens_a_trained_network_beside_untrained_ones(
    open_page: OpenPage, name: str
) -> None:
    app = open_page("gradients", model=name)
    assert not app.error
    assert not app.warning
    assert (address(app)["model"], address(app)["network"]) == (name, "given")
    assert "trained network" in app.title[0].value
    assert len({trace["name"] for trace in charts(app)["reach"]["figure"]["data"]}) >= 5


def test_the_gradient_is_that_of_the_tasks_loss_by_autograd_through_torch(open_page: OpenPage) -> None:
    trained = models.load("latch-100")
    state = GradientsState(model="latch-100", text="B" + "wxyz" * 5, network="given")
    study = state.study
    sequence = study.sequence()
    flow = gradient_flow(study.given.network, sequence, study.loss_of(sequence))
    module = trained.network.to_torch()
    x = torch.tensor(sequence.inputs)[:, None].requires_grad_()
    hidden, _ = module(x)
    outputs = hidden[-1, 0] @ trained.readout.weight.T + trained.readout.bias
    torch.nn.functional.cross_entropy(outputs[None], torch.tensor([1])).backward()
    norms = np.log10(np.linalg.norm(x.grad[:, 0].numpy(), axis=1))
    np.testing.assert_allclose(flow.inputs.log10_norms(), norms, atol=1e-8)


def test_a_link_to_a_trained_network_is_read_back() -> None:
    state = GradientsState(model="reber-gru", text="BTBTXSET", network="given")
    assert CODEC.read(CODEC.to_query(state)) == (state, [])
    assert GradientsState(network="given").network == "lstm"
    assert GradientsState(model="characters-gru", text="ab").experiment.hidden_size == 16


@pytest.mark.parametrize("page", ["gradients", "compare"])
def test_a_foreign_symbol_gets_a_sentence(open_page: OpenPage, page: str) -> None:
    app = open_page(page, model="reber-lstm", text="BTQ")
    assert FOREIGN in plain(app.error[0].value)
    app = open_page(page, model="reber-lstm")
    assert not app.error
    run(app.text_input(f"{page}-text").set_value("BTQ"))
    assert FOREIGN in plain(app.error[0].value)


def test_what_the_task_does_not_answer_has_no_loss_and_that_is_said(open_page: OpenPage) -> None:
    app = open_page("gradients", model="latch-100", text="wwwwwww")
    assert "does not say what is right after" in plain(app.error[0].value)


@pytest.mark.parametrize("page", ["gradients", "compare"])
def test_one_click_opens_a_trained_network_and_one_closes_it(open_page: OpenPage, page: str) -> None:
    app = open_page(page)
    app.session_state[f"{page}-popover-trained"] = True
    run(app)
    run(app.button(f"{page}-open-parity-lstm").click())
    assert address(app)["model"] == "parity-lstm"
    assert not app.error
    run(next(each for each in app.button if each.label == "Close the trained network").click())
    assert "model" not in address(app)
    assert not app.error


@pytest.mark.parametrize("name", models.NAMES)
def test_the_compare_page_sets_a_network_beside_its_start_and_its_kind(
    open_page: OpenPage, name: str
) -> None:
    app = open_page("compare", model=name)
    assert not app.error
    assert not app.warning
    (proto,) = [
        part.proto for part in app.get("bidi_component") if part.proto.component_name == "memviz_multiples"
    ]
    labels = json.dumps(json.loads(proto.json))
    sides = sides_of(name)
    assert sides[:2] == [name, f"{name}{UNTRAINED}"]
    assert "trained" in labels


def test_a_side_is_the_trained_network_or_what_it_began_as() -> None:
    trained = models.load("latch-100")
    text = models.examples("latch-100", trained)[0]
    assert {"latch-100-default", "latch-1000"} <= set(sides_of("latch-100"))
    after, before = (flow_of(side, text, _LOSS) for side in sides_of("latch-100")[:2])
    sequence = trained.task.encode(text)
    for flow, network in (
        (after, trained.network),
        (before, trained.experiment.build(trained.task.alphabet())),
    ):
        hidden, _ = network.to_torch()(torch.tensor(sequence.inputs)[:, None])
        np.testing.assert_allclose(flow.trace["hidden"], hidden[:, 0].detach(), atol=1e-12)
    assert not math.isclose(after.trace["hidden"][-1, 0], before.trace["hidden"][-1, 0], rel_tol=1e-3)


def test_no_takeaway_of_untrained_sides_is_said_of_trained_ones(open_page: OpenPage) -> None:
    app = open_page("compare", model="latch-100")
    assert "Nothing is trained" not in plain(" ".join(each.value for each in app.caption))
