"""The compare page by Streamlit's own tester: what it opens on, its sides, presets, links and bad input."""

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from memviz import Experiment, encode
from memviz.interventions import Ablate, Clamp, Detach
from memviz.theme import power_of_ten
from memviz.web.compare.address import CODEC, DEFAULT
from memviz.web.compare.engine import check_work
from memviz.web.compare.presets import PRESETS
from memviz.web.compare.sides import Side, read_sides
from tests.app.reading import OpenPage, opener, plain, run, title

open_page = opener("compare")


def payload(app: AppTest) -> dict[str, Any]:
    """What the browser gets of the small multiples."""
    (proto,) = [
        part.proto for part in app.get("bidi_component") if part.proto.component_name == "memviz_multiples"
    ]
    data: dict[str, Any] = json.loads(proto.json)
    return data


def labels(app: AppTest) -> list[str]:
    return [f"{column['letter']} {column['label']}" for column in payload(app)["columns"]]


def written_sides(app: AppTest) -> tuple[Side, ...]:
    value = app.query_params.get("sides")
    if value is None:
        return DEFAULT.sides
    sides, problems = read_sides(value if isinstance(value, str) else value[0])
    assert not problems
    return sides


def opened(app: AppTest, name: str) -> AppTest:
    """The page with a popover or an expander open."""
    app.session_state[f"compare-{name}"] = True
    return run(app)


def table(app: AppTest, name: str) -> list[str]:
    """A row of the table of what differs."""
    (texts,) = [row["texts"] for row in payload(app)["table"] if row["name"] == name]
    found: list[str] = texts
    return found


def numbers(array: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["data"]), f"<{array['type']}").reshape(array["shape"])


def by_autograd(cell: str, experiment: Experiment, text: str) -> float:
    """|dL/dh_0|, or |dL/dc_0| of an LSTM, of the sum of the last h: retain_grad in a loop over torch's own weights."""
    sequence = encode(text)
    module = replace(experiment, cell=cell).build(sequence).to_torch()
    h = c = torch.zeros(1, module.hidden_size, dtype=torch.float64)
    kept = []
    for x in torch.tensor(sequence.inputs):
        if isinstance(module, torch.nn.LSTM):
            a = x @ module.weight_ih_l0.T + module.bias_ih_l0 + h @ module.weight_hh_l0.T + module.bias_hh_l0
            i, f, g, o = a.chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        else:
            _, h = module(x[None], h)
            c = h
        c.retain_grad()
        kept.append(c)
    h.sum().backward()
    assert kept[0].grad is not None
    return float(kept[0].grad.norm())


# --- what it opens on ------------------------------------------------------------------------------------


def test_it_opens_on_a_point(open_page: OpenPage) -> None:
    app = open_page()
    assert title(app).startswith("Over 19 steps of “remember this letter” |dL/dc| arrives as ")
    assert "in D (LSTM, forget bias 3); in A (Elman)" in title(app)
    assert labels(app) == ["A Elman", "B GRU", "C LSTM", "D LSTM, forget bias 3"]
    assert not app.warning
    assert not app.error


@pytest.mark.parametrize(
    ("index", "cell", "settings"),
    [(0, "elman", {}), (1, "gru", {}), (2, "lstm", {}), (3, "lstm", {"forget_bias": 3.0})],
)
def test_the_gradient_of_each_side_is_what_autograd_through_torchs_weights_gives(
    open_page: OpenPage, index: int, cell: str, settings: dict[str, Any]
) -> None:
    app = open_page()
    expected = by_autograd(cell, Experiment(seed=1, **settings), DEFAULT.text)
    norms = payload(app)["norms"]["arrays"][index]
    assert 10.0 ** numbers(norms)[0] == pytest.approx(expected, rel=1e-9)
    shown = table(app, "gradient at the first step")[index]
    assert shown.endswith(f" = {power_of_ten(np.log10(expected), 3)}")


def test_a_loss_that_is_chosen_is_what_is_differentiated(open_page: OpenPage) -> None:
    app = open_page(sides="gru", loss_timestep="4", loss_unit="2", text="remember")
    sequence = encode("remember")
    module = Experiment("gru", seed=1).build(sequence).to_torch()
    xs = torch.tensor(sequence.inputs)
    _, first = module(xs[:1])
    first.retain_grad()
    output, _ = module(xs[1:], first)
    output[3, 2].backward()
    norm = float(first.grad.norm())
    assert 10.0 ** numbers(payload(app)["norms"]["arrays"][0])[0] == pytest.approx(norm, rel=1e-9)
    assert "h of unit 2 at step 4" in " ".join(plain(part.value) for part in app.caption)


def test_an_intervention_that_shares_its_fields_with_another_is_told_apart_from_it(
    open_page: OpenPage,
) -> None:
    app = open_page(
        sides="lstm;interventions:ablate~forget,lstm;interventions:detach~forget,lstm;interventions:clamp~forget~1"
    )
    (keep,) = [row for row in payload(app)["rows"] if row["id"] == "keep"]
    ablated, detached, clamped = (numbers(cell["array"]) for cell in keep["cells"])
    assert (ablated == 0).all()
    assert (clamped == 1).all()
    assert ((detached > 0) & (detached < 1)).all()
    run(app.text_input(key="compare-text").set_value("remember"))
    assert len(payload(app)["tokens"]) == 8


# --- sides -----------------------------------------------------------------------------------------------


def test_a_side_is_added_duplicated_changed_and_removed(open_page: OpenPage) -> None:
    app = open_page(sides="elman,gru")
    run(app.button(key="compare-add").click())
    assert written_sides(app) == (Side("elman"), Side("gru"), Side("gru"))
    app = opened(app, "popover-side-0")
    run(app.button(key="compare-duplicate-0").click())
    assert written_sides(app) == (Side("elman"), Side("elman"), Side("gru"), Side("gru"))
    app = opened(app, "popover-side-0")
    run(app.selectbox(key="compare-cell-0").set_value("lstm"))
    app = opened(app, "popover-side-0")
    run(app.number_input(key="compare-forget_bias-0").set_value(2.0))
    assert labels(app)[:2] == ["A LSTM, forget bias 2", "B Elman"]
    app = opened(app, "popover-side-0")
    run(app.button(key="compare-remove-0").click())
    assert written_sides(app) == (Side("elman"), Side("gru"), Side("gru"))


def test_a_seventh_side_gets_a_sentence_and_six_stay(open_page: OpenPage) -> None:
    app = open_page(sides=",".join(["gru"] * 6))
    run(app.button(key="compare-add").click())
    assert [plain(part.value) for part in app.warning] == ["From 1 to 6 sides are compared; got 7."]
    assert len(payload(app)["columns"]) == 6


def test_the_only_side_cannot_be_removed(open_page: OpenPage) -> None:
    app = opened(open_page(sides="gru"), "popover-side-0")
    assert app.button(key="compare-remove-0").disabled
    assert "Add a side" in title(app)


def test_a_signal_of_a_side_is_held_and_set_free_again(open_page: OpenPage) -> None:
    app = opened(open_page(sides="lstm,lstm"), "popover-side-1")
    assert title(app).startswith("Nothing differs")
    run(app.selectbox(key="compare-hold-1").set_value("forget"))
    assert written_sides(app)[1] == Side("lstm", (("interventions", (Clamp("forget", 1.0),)),))
    app = opened(app, "popover-side-1")
    run(app.number_input(key="compare-hold-value-1").set_value(0.5))
    assert labels(app)[1] == "B LSTM, forget gate f held at 0.500"
    app = opened(app, "popover-side-1")
    run(app.selectbox(key="compare-hold-1").set_value("nothing"))
    assert written_sides(app) == (Side("lstm"), Side("lstm"))


def test_a_change_that_makes_a_side_too_long_for_a_link_changes_nothing_and_is_said(
    open_page: OpenPage,
) -> None:
    side = Side("gru", (("interventions", (Clamp("hidden", 1.0, steps=range(0, 128, 2)),)),))
    assert 240 - len("lstm-peephole") < len(str(side)) - len("gru")
    app = opened(open_page(sides=str(side), kind="signal", text="sine 140"), "popover-side-0")
    run(app.selectbox(key="compare-cell-0").set_value("lstm-peephole"))
    assert written_sides(app) == (side,)
    assert any("at most 240 characters in a link" in plain(part.value) for part in app.warning)


def test_each_kind_keeps_what_was_typed_for_it(open_page: OpenPage) -> None:
    app = open_page(text="my own text")
    run(app.selectbox(key="compare-kind").set_value("bits"))
    assert not app.error
    assert set(payload(app)["tokens"]) == {"0", "1"}
    run(app.selectbox(key="compare-kind").set_value("text"))
    assert app.text_input(key="compare-text").value == "my own text"


def test_interventions_that_the_boxes_cannot_say_are_shown_as_written_and_can_be_left_out(
    open_page: OpenPage,
) -> None:
    side = Side("lstm", (("interventions", (Ablate("forget", [0]), Detach("cell"))),))
    app = opened(open_page(sides=str(side)), "popover-side-0")
    assert "ablate~forget~u0~~detach~cell" in [code.value for code in app.code]
    run(app.button(key="compare-free-0").click())
    assert written_sides(app) == (Side("lstm"),)


def test_what_all_share_is_changed_for_all_that_set_nothing_else(open_page: OpenPage) -> None:
    app = opened(open_page(sides="lstm,lstm;forget_bias:0"), "popover-more")
    run(app.number_input(key="compare-forget_bias").set_value(5.0))
    (keep,) = [row for row in payload(app)["rows"] if row["id"] == "keep"]
    shared, own = (numbers(cell["array"]) for cell in keep["cells"])
    assert shared.mean() > 0.95
    assert 0.3 < own.mean() < 0.7


def test_a_side_opens_in_gates_by_a_link(open_page: OpenPage) -> None:
    app = opened(open_page(sides="gru,lstm;forget_bias:2"), "popover-side-1")
    (link,) = app.get("page_link")
    assert link.proto.label == "Open in Gates"
    for part in ("cell=lstm", "forget_bias=2.0", "seed=1", "text=remember"):
        assert part in link.proto.query_string


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.label)
def test_every_preset_opens_with_its_takeaway(open_page: OpenPage, preset: Any) -> None:
    app = open_page(**CODEC.to_query(preset.state))
    assert not app.warning
    assert not app.error
    assert len(payload(app)["columns"]) == len(preset.state.sides)
    (said,) = [text for part in app.markdown if len(text := plain(part.value)) > 100]
    assert "nan" not in said
    assert "undefined" not in said


def test_the_presets_are_offered_as_links_to_this_page(open_page: OpenPage) -> None:
    app = opened(open_page(), "popover-presets")
    links = app.get("page_link")
    assert [link.proto.label for link in links] == [preset.label for preset in PRESETS]
    assert all("compare" in link.proto.page for link in links)


def test_the_numbers_of_the_step_and_the_parameters_are_there_on_demand(open_page: OpenPage) -> None:
    app = opened(open_page(sides="gru,elman", timestep="3"), "step")
    (frame,) = [part.value for part in app.dataframe]
    assert list(frame.columns) == ["what", "unit", "A", "B"]
    app = opened(app, "parameters")
    assert len(app.dataframe) == 2
    assert {"weight_ih", "bias_hh"} <= set(app.dataframe[1].value["parameter"])


# --- bad input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"sides": "gru,transformer"}, "Side B of the link is left out. The cell is one of"),
        ({"cell": "gru"}, "each side names its own cell"),
        ({"hidden_size": "65"}, "from 1 to 64; got 65"),
        ({"timestep": "x"}, "The timestep is a whole number"),
        ({"colour": "red"}, "does not know"),
        ({"v": "9"}, "of version '9'"),
        (
            {"sides": "gru,elman;interventions:clamp~forget~1"},
            "B (Elman, forget gate f held at 1.00) is left out.",
        ),
        ({"sides": "gru,lstm;interventions:clamp~forget~1~u40"}, "The units of this run are 0 to 7; got 40."),
        ({"sides": "gru,lstm;edits:zero~peephole_input"}, "is left out."),
    ],
)
def test_a_broken_part_is_said_and_the_rest_is_shown(
    open_page: OpenPage, query: dict[str, str], said: str
) -> None:
    app = open_page(**query)
    (warning,) = [plain(part.value) for part in app.warning]
    assert said in warning
    assert payload(app)["columns"][0]["letter"] == "A"
    assert not app.error


@pytest.mark.parametrize("text", ["", "   ", "x" * 201, "a\x00b"])
def test_a_text_that_cannot_be_read_keeps_the_last_picture_and_the_settings_still_follow(
    open_page: OpenPage, text: str
) -> None:
    app = open_page(text="abcdefgh")
    before = payload(app)
    run(app.text_input(key="compare-text").set_value(text))
    (error,) = [plain(part.value) for part in app.error]
    assert error.endswith("The picture below is the last good one.")
    assert payload(app) == before
    run(app.number_input(key="compare-seed").set_value(7))
    assert payload(app)["tokens"] == before["tokens"]
    assert payload(app)["key"] != before["key"]


def test_sides_that_all_overflow_keep_the_last_picture(open_page: OpenPage) -> None:
    app = open_page(kind="signal", text="step 300", hidden_size="50", sides="elman-relu")
    before = payload(app)
    app = opened(app, "popover-more")
    run(app.number_input(key="compare-recurrent_scale").set_value(1000.0))
    assert "overflows float64" in plain(app.error[0].value)
    assert payload(app) == before


def test_a_run_too_long_for_a_shared_server_gets_a_sentence(open_page: OpenPage) -> None:
    app = open_page(kind="signal", text="sine 400", hidden_size="64")
    assert plain(app.error[0].value).startswith(
        "With 64 units a sequence has at most 200 steps here; got 400."
    )
    check_work(200, 64)
    check_work(3000, 16)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "![x](http://a/b.png)", ":red[x]", "$$x$$"])
def test_any_mark_in_the_text_is_shown_as_it_is(open_page: OpenPage, text: str) -> None:
    app = open_page(text=text)
    assert not app.error
    for shown in (*app.title, *app.markdown, *app.caption):
        assert "![x](" not in shown.value
        assert "<script>" not in shown.value
        assert ":red[" not in shown.value


def test_one_step_one_unit_and_every_cell_are_shown(open_page: OpenPage) -> None:
    from memviz.cells import CELLS

    app = open_page(text="a", hidden_size="1", sides="gru,lstm")
    assert "no gradient has to travel" in title(app)
    names = list(CELLS)
    for first in range(0, len(names), 6):
        chosen = names[first : first + 6]
        app = open_page(sides=",".join(chosen))
        assert len(payload(app)["columns"]) == len(chosen)
