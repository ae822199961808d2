"""The What if panel by Streamlit's own tester: its numbers against torch, and back to exactly the earlier ones."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor

from memviz import encode
from memviz.edits import insert_token
from memviz.interventions import Scale
from memviz.theme import number
from memviz.web import engine
from memviz.web.gates.address import DEFAULT
from tests.app.reading import (
    OpenPage,
    address,
    charts,
    components,
    open_page,
    opened,
    run,
    shown,
    stage,
    title,
)

__all__ = ["open_page"]
T, UNIT = DEFAULT.timestep, DEFAULT.unit


def lstm(
    inputs: np.ndarray, held: Mapping[str, Mapping[int, float]], units: Sequence[int] = range(8)
) -> tuple[Tensor, Tensor]:
    """An LSTM written out whose gates are held at some steps: its hidden and cell states."""
    p = DEFAULT.experiment.build(encode("hello world")).parameters
    h = c = torch.zeros(8, dtype=torch.float64)
    hidden, cells = [], []
    for t, row in enumerate(torch.tensor(inputs)):
        pre = p["weight_ih"] @ row + p["bias_ih"] + p["weight_hh"] @ h + p["bias_hh"]
        i, f, g, o = pre.split(8)
        gates = {"input": i.sigmoid(), "forget": f.sigmoid(), "output": o.sigmoid()}
        for name, steps in held.items():
            if t in steps:
                gates[name][list(units)] = steps[t]
        c = gates["forget"] * c + gates["input"] * torch.tanh(g)
        h = gates["output"] * torch.tanh(c)
        hidden.append(h)
        cells.append(c)
    return torch.stack(hidden), torch.stack(cells)


def hello(held: Mapping[str, Mapping[int, float]]) -> tuple[Tensor, Tensor]:
    return lstm(encode("hello world").inputs, held)


def button(app: AppTest, start: str) -> AppTest:
    """Press the button whose label begins so."""
    (found,) = [each for each in app.button if each.label.startswith(start)]
    return run(found.click())


def said(app: AppTest) -> str:
    shown = (each.value for each in (*app.warning, *app.error))
    return " ".join(shown).replace("\\", "").replace("\N{WORD JOINER}", "")


def test_a_held_gate_gives_the_numbers_of_torch_and_reset_gives_back_the_earlier_ones(
    open_page: OpenPage,
) -> None:
    app = open_page()
    before, drawn, finding = stage(app), charts(app), title(app)
    run(app.toggle(key="gates-what_if").set_value(True))
    button(app, "Hold the forget gate f")
    hidden, cell = hello({"forget": dict.fromkeys(range(11), 0.0)})
    assert shown(app)["forget"] == 0.0
    assert shown(app)["cell"] == pytest.approx(float(cell[T, UNIT]), abs=1e-15)
    assert shown(app)["hidden"] == pytest.approx(float(hidden[T, UNIT]), abs=1e-15)
    assert title(app).startswith("From step 1 (“e”) the cell state changes")
    (dial,) = components(app, "memviz_dial")
    assert json.loads(dial.json)["values"] == [0.0]
    button(app, "Reset all")
    run(app.toggle(key="gates-what_if").set_value(False))
    after = stage(app)
    assert (after["key"], after["detail"]) == (before["key"], before["detail"])
    assert charts(app) == drawn
    assert title(app) == finding
    assert "interventions" not in address(app)


def test_a_gate_that_is_pinned_on_the_machine_is_the_one_that_is_held(open_page: OpenPage) -> None:
    app = open_page(node="output", what_if="1")
    button(app, "Hold the output gate o")
    assert address(app)["interventions"] == "clamp~output~0.0"  # it is rather open, so it is shut


def test_a_gate_is_held_at_the_steps_and_units_that_are_asked_for(open_page: OpenPage) -> None:
    app = open_page(interventions=f"clamp~output~1.0~u{UNIT}~t3-4")
    held = {"output": dict.fromkeys((3, 4), 1.0)}
    hidden, _ = lstm(encode("hello world").inputs, held, [UNIT])
    assert shown(app)["hidden"] == pytest.approx(float(hidden[T, UNIT]), abs=1e-15)


def test_what_is_done_can_be_exchanged_and_taken_away(open_page: OpenPage) -> None:
    app = open_page(what_if="1", interventions="clamp~forget~0.25~u0_5~t2-5~~reset~t7", chosen="0")
    for kind, text in (
        ("scale", "scale~forget~0.5~u0_5~t2-5"),
        ("add", "add~forget~0.5~u0_5~t2-5"),
        ("ablate", "ablate~forget~u0_5~t2-5"),
        ("detach", "detach~forget~u0_5~t2-5"),
        ("freeze", "freeze~forget~0~u0_5"),
        ("clamp", "clamp~forget~0.0~u0_5"),
        ("reset", "reset~t1"),
    ):
        run(app.selectbox(key="gates-do-0").set_value(kind))
        assert address(app)["interventions"] == f"{text}~~reset~t7"
        assert not said(app)
    (bin_,) = [each for each in app.button if each.icon == ":material/delete:"]
    run(bin_.click())
    assert address(app)["interventions"] == "reset~t7"


def test_reset_takes_back_the_token_the_edits_and_the_interventions_together(open_page: OpenPage) -> None:
    plain = stage(open_page())["key"]
    app = open_page(what_if="1", change="delete~2", edits="swap~0~1", interventions="clamp~cell~0.5")
    assert stage(app)["key"] != plain
    button(app, "Reset all")
    assert stage(app)["key"] == plain
    assert not {"change", "edits", "interventions"} & set(address(app))


def test_only_the_intervention_that_is_chosen_is_changed(open_page: OpenPage) -> None:
    app = open_page(what_if="1", interventions="clamp~forget~0.25~~clamp~input~0.5~~reset~t7", chosen="1")
    run(app.selectbox(key="gates-do-1").set_value("ablate"))
    assert address(app)["interventions"] == "clamp~forget~0.25~~ablate~input~~reset~t7"


def test_a_run_of_which_more_is_drawn_than_a_message_holds_is_refused(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(interventions="scale~forget_bias~0.5")
    last_good, sizes = stage(app), [len(array["data"]) for array in stage(app)["arrays"].values()]
    monkeypatch.setattr(engine, "MOST_DRAWN", 2 * sum(sizes))
    scales = tuple(Scale(f"{gate}_bias", 0.5) for gate in ("input", "forget", "candidate", "output"))
    app.session_state["gates-state"] = replace(
        DEFAULT, experiment=replace(DEFAULT.experiment, interventions=scales)
    )
    assert "What is drawn of a run has at most" in said(run(app))
    assert stage(app)["key"] == last_good["key"]


def test_gradients_that_no_message_holds_are_not_sent(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(gradients="1")
    assert "gradients" in stage(app)
    monkeypatch.setattr(engine, "MOST_DRAWN", len(json.dumps(stage(app)["arrays"])) * 2)
    assert "The gradients are not shown." in said(run(app))
    assert "gradients" not in stage(app)
    assert not stage(app)["position"]["gradients"]


def test_an_ablation_and_a_cut_gradient_of_one_signal_are_told_apart(open_page: OpenPage) -> None:
    # Both hold the same parts: a cache that looks at those alone would show one for the other.
    app = open_page(what_if="1", interventions="ablate~cell")
    assert shown(app)["cell"] == 0.0
    run(app.selectbox(key="gates-do-0").set_value("detach"))
    _, cell = hello({})
    assert shown(app)["cell"] == pytest.approx(float(cell[T, UNIT]), abs=1e-15)
    assert title(app).startswith("No number of the run changes")


def test_an_intervention_that_does_not_fit_waits_and_is_said(open_page: OpenPage) -> None:
    app = open_page(interventions="clamp~forget~0.0")
    numbers = shown(app)
    run(app.segmented_control(key="gates-family").set_value("gru"))
    assert "Not applied to this run" in said(app)
    assert "GRU has no signal forget." in said(app)
    assert address(app)["interventions"] == "clamp~forget~0.0"
    run(app.segmented_control(key="gates-family").set_value("lstm"))
    assert not said(app)
    assert shown(app) == numbers


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"interventions": "clamp~forget~0.0~u8"}, "The units of this run are 0 to 7; got 8."),
        ({"interventions": "clamp~forget~0.0~t11"}, "The steps of this run are 0 to 10; got 11."),
        ({"interventions": "clamp~forget~0.0~~ablate~forget~t3"}, "got two for forget at step 3, unit 0"),
        ({"interventions": "freeze~cell~10"}, "after step 10, the last, is none"),
        ({"interventions": "clamp~forget~nan"}, "An intervention is written as"),
        ({"interventions": "clamp~forgot~1"}, "LSTM has no signal forgot."),
        ({"edits": "set~weight_hh~99~0~1"}, "weight_hh is (32, 8)"),
        ({"edits": "swap~0~8"}, "The units are 0 to 7; got 8."),
        ({"change": "replace~2~z"}, "A network reads the symbols of its alphabet"),
        ({"change": "delete~11"}, "from 0 to 10; got 11"),
        ({"change": "turn~1"}, "A changed token is written as"),
        ({"what_if": "yes"}, "What if is 0 or 1"),
        ({"weight": "<b>"}, "A weight is written as"),
    ],
)
def test_a_what_if_that_breaks_a_rule_is_said_and_the_rest_is_shown(
    open_page: OpenPage, query: dict[str, str], sentence: str
) -> None:
    app = open_page(**query)
    assert sentence in said(app)
    if query.get("interventions", "").startswith("clamp~forget~0.0~~"):
        assert shown(app)["forget"] == 0.0  # the first of two that contradict each other is kept
    else:
        hidden, _ = hello({})
        assert shown(app)["hidden"] == pytest.approx(float(hidden[T, UNIT]), abs=1e-15)


def test_numbers_that_overflow_keep_the_last_good_picture(open_page: OpenPage) -> None:
    app = open_page(what_if="1", interventions="scale~cell~1.0")
    before = stage(app)["key"]
    app.query_params["interventions"] = "scale~cell~1e300"
    run(app)
    assert "The picture below is the last good one." in said(app)
    assert stage(app)["key"] == before
    button(app, "Reset all")
    assert not said(app)


def test_a_changed_token_is_shown_beside_the_original(open_page: OpenPage) -> None:
    app = open_page(what_if="1", timestep="6")
    run(opened(app, "token").segmented_control(key="gates-change-kind").set_value("insert"))
    run(opened(app, "token").number_input(key="gates-change-step").set_value(2))
    run(opened(app, "token").selectbox(key="gates-change-token").set_value("o"))
    assert address(app)["change"] == "insert~2~o"
    inputs = insert_token(encode("hello world"), 2, "o").sequence.inputs
    hidden, _ = lstm(inputs, {})
    assert shown(app)["hidden"] == pytest.approx(float(hidden[6, UNIT]), abs=1e-15)
    assert stage(app)["tokens"] == list("heollo␣world")
    assert title(app).startswith("From step 2 (“o”) the cell state changes")
    button(opened(app, "token"), "Back to the original")
    assert "change" not in address(app)


def test_an_edited_weight_in_the_address_is_in_the_numbers(open_page: OpenPage) -> None:
    p = DEFAULT.experiment.build(encode("hello world")).parameters
    row = 8 + UNIT  # the forget gate of the unit that is shown
    app = open_page(edits=f"set~bias_ih~{row}~-4.0", timestep="0")
    pre = p["weight_ih"][row, 0] - 4.0 + p["bias_hh"][row]  # step 0: h is 0, the input is the first symbol
    assert shown(app)["forget"] == pytest.approx(float(torch.sigmoid(pre)), abs=1e-15)


def test_a_link_with_everything_changed_shows_the_same_elsewhere(open_page: OpenPage) -> None:
    app = open_page(
        what_if="1",
        interventions="clamp~forget~0.25~u0_5~t2-5~~scale~candidate_pre~-0.5~~detach~hidden~t3~~reset~t7",
        edits="set~weight_hh~13~2~0.5~~swap~0~1",
        change="replace~3~o",
        gradients="1",
    )
    assert not said(app)
    elsewhere = open_page(**address(app))
    assert address(elsewhere) == address(app)
    assert shown(elsewhere) == shown(app)
    assert stage(elsewhere)["gradients"]["key"] == stage(app)["gradients"]["key"]
    assert charts(elsewhere) == charts(app)


def test_a_held_network_is_opened_beside_itself(open_page: OpenPage) -> None:
    app = open_page(what_if="1", interventions="clamp~forget~0.0")
    (link,) = [part.proto for part in app.get("page_link") if part.proto.label == "Side by side"]
    query = dict(parse_qsl(link.query_string))
    assert query["sides"] == "lstm,lstm;interventions:clamp~forget~0.0"
    assert query["text"] == "hello world"
    assert len(open_page(what_if="1", change="delete~3").get("page_link")) == 0


def test_the_loss_of_before_is_at_the_partner_of_its_step(open_page: OpenPage) -> None:
    # An "o" at step 2: step 5 of the run is step 4 of the original; both begin with the same token.
    app = open_page(change="insert~2~o", loss_timestep="5")
    before, after = _first_gradients()
    assert f"goes from {number(before, 2)} to {number(after, 2)}." in title(app)
    assert "gradient" not in title(open_page(change="insert~0~o"))  # the first inputs are two tokens


def _first_gradients() -> list[float]:
    """|dL/dx_0| of the sum of h, of the original at step 4 and of the changed sequence at step 5, by autograd."""
    sequence = encode("hello world")
    module = DEFAULT.experiment.build(sequence).to_torch()
    found = []
    for inputs, at in ((sequence.inputs, 4), (insert_token(sequence, 2, "o").sequence.inputs, 5)):
        x = torch.tensor(inputs, requires_grad=True)
        (gradient,) = torch.autograd.grad(module(x)[0][at].sum(), x)
        found.append(float(gradient[0].norm()))
    return found


def test_too_many_interventions_for_a_long_run_get_a_sentence(open_page: OpenPage) -> None:
    held = (
        "~~".join(f"clamp~forget~0.5~u{unit}" for unit in range(8))
        + "~~"
        + "~~".join(["scale~input~0.5"] * 8)
    )
    app = open_page(kind="signal", text="sine 2000", interventions=held)
    assert "Interventions times timesteps are at most 30,000; got 16 times 2,000." in said(app)


def test_an_edit_waits_while_the_network_has_other_rows(open_page: OpenPage) -> None:
    app = open_page(edits="set~weight_hh~9~2~2.0~lstm-8")
    edited = shown(app)
    run(app.slider(key="gates-hidden_size").set_value(5))
    assert "of lstm-8; got lstm-5" in said(app)
    assert address(app)["edits"] == "set~weight_hh~9~2~2.0~lstm-8"
    run(app.slider(key="gates-hidden_size").set_value(8))
    assert not said(app)
    assert shown(app) == edited
