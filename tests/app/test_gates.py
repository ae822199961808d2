"""The gates page by Streamlit's own tester: what it shows follows from the address and the controls, and from torch."""

import re
from typing import Any

import pytest
import torch

from memviz import Experiment, encode
from memviz.web.gates.address import DEFAULT, GatesState
from tests.app.reading import OpenPage, address, charts, open_page, opened, run, shown, stage

__all__ = ["open_page"]


def last_hidden(experiment: Experiment, text: str, kind: str = "text") -> torch.Tensor:
    """The hidden states of torch's own module over the text, (time, unit)."""
    sequence = encode(text, kind)
    with torch.no_grad():
        hidden, _ = experiment.build(sequence).to_torch()(torch.tensor(sequence.inputs))
    return hidden


def test_the_untouched_page_shows_numbers_that_equal_torch_and_says_so(open_page: OpenPage) -> None:
    app = open_page()
    hidden = last_hidden(DEFAULT.experiment, "hello world")[DEFAULT.timestep, DEFAULT.unit]
    assert shown(app)["hidden"] == pytest.approx(float(hidden), abs=1e-15)
    assert len(charts(app)) == 2
    badge = next(text.value for text in app.markdown if "-badge[" in text.value)
    assert badge.startswith(":green-badge[")
    assert "torch.nn.LSTM" in badge
    assert not app.warning
    assert not app.error


@pytest.mark.parametrize("cell", ["elman", "elman-relu", "lstm", "gru"])
def test_the_hidden_state_is_torchs_at_every_step(open_page: OpenPage, cell: str) -> None:
    drawn = {"forget_bias": "none", "update_bias": "none"}
    hidden = last_hidden(Experiment(cell, seed=7), "abcab")
    for timestep in range(5):
        app = open_page(cell=cell, text="abcab", unit="2", seed="7", timestep=str(timestep), **drawn)
        assert shown(app)["hidden"] == pytest.approx(float(hidden[timestep, 2]), abs=1e-15)


def test_a_letter_typed_on_leaves_the_earlier_steps_as_they_were(open_page: OpenPage) -> None:
    app = open_page(timestep="3")
    before = shown(app)
    run(app.text_input(key="gates-text").set_value("hello world!?"))
    assert shown(app) == before
    assert stage(app)["position"]["timestep"] == 3
    assert len(stage(app)["tokens"]) == 13


def test_the_place_in_an_address_is_the_place_of_the_stage(open_page: OpenPage) -> None:
    where = {"timestep": "2", "unit": "7", "phase": "write", "node": "forget", "signal": "output"}
    app = open_page(**where)
    position = stage(app)["position"]
    assert {name: str(position[name]) for name in where} == where
    assert {name: address(app)[name] for name in where} == where
    far = open_page(text="abc", timestep="900", unit="60", hidden_size="4")
    assert (stage(far)["position"]["timestep"], stage(far)["position"]["unit"]) == (2, 3)


def test_a_phase_or_node_that_no_cell_has_is_said(open_page: OpenPage) -> None:
    app = open_page(phase="dream", node="<b>")
    said = " ".join(warning.value.replace("\\", "") for warning in app.warning)
    assert "The phase is one of" in said
    assert "The node is one of" in said


def test_an_address_opened_elsewhere_shows_the_same_page(open_page: OpenPage) -> None:
    app = open_page()
    run(app.text_input(key="gates-text").set_value("<b>aβ😀</b>"))
    run(app.segmented_control(key="gates-family").set_value("gru"))
    run(app.slider(key="gates-hidden_size").set_value(5))
    run(app.number_input(key="gates-seed").set_value(123))
    run(app.slider(key="gates-update_bias").set_value(1.5))
    run(opened(app, "loss").selectbox(key="gates-loss_unit").set_value(3))
    elsewhere = open_page(**address(app))
    assert shown(elsewhere) == shown(app)
    assert charts(elsewhere) == charts(app)
    assert address(elsewhere) == address(app)
    assert not elsewhere.warning


def test_every_broken_parameter_is_said_and_the_rest_is_used(open_page: OpenPage) -> None:
    app = open_page(cell="transformer", hidden_size="65", seed="-1", text="abc", timestep="x", colour="red")
    said = [warning.value.replace("\\", "") for warning in app.warning]
    assert len(said) == 5
    assert any("The cell is one of elman" in text and "'transformer'" in text for text in said)
    assert any("from 1 to 64" in text and "got 65" in text for text in said)
    assert stage(app)["position"]["timestep"] == 2
    assert address(app)["hidden_size"] == "8"


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("text", "", "Enter 1 to 200"),
        ("text", "   ", "Enter 1 to 200"),
        ("text", "x" * 201, "201"),
        ("text", "x" * 10_000_000, "10"),
        ("text", "a\x00b", "U+0000"),
        ("text", "a\x1bb", "U+001B"),
        ("bits", "0102", "2"),
        ("numbers", "1, nan", "nan"),
        ("numbers", "1, inf", "inf"),
        ("numbers", "1e400", "1e400"),
        ("numbers", "1,5; 2,5", "decimal"),
        ("signal", "square 20", "sine"),
    ],
)
def test_bad_input_gets_a_sentence_and_the_last_picture_stays(
    open_page: OpenPage, kind: str, text: str, sentence: str
) -> None:
    app = open_page(kind=kind, text={"text": "abc", "bits": "01", "numbers": "1 2", "signal": "sine 9"}[kind])
    before = charts(app)
    box = app.text_area if kind == "numbers" else app.text_input
    run(box(key="gates-text").set_value(text))
    assert len(app.error) == 1
    said = app.error[0].value.replace("\\", "")
    assert sentence in said
    assert len(said) < 300
    assert charts(app) == before
    run(app.slider(key="gates-hidden_size").set_value(4))
    assert len(charts(app)) == 2


@pytest.mark.parametrize(
    "text", ["\u202eabc", "<script>alert(1)</script>", "![x](http://a/b.png)", "$$x$$", ":red[x]"]
)
def test_any_mark_in_the_text_is_shown_as_it_is(open_page: OpenPage, text: str) -> None:
    app = open_page(text=text, timestep="0")
    assert not app.error
    for markdown in app.markdown:
        assert "![x](" not in markdown.value
        assert "<script>" not in markdown.value


def test_each_kind_keeps_what_was_typed_for_it(open_page: OpenPage) -> None:
    app = open_page(text="my own text")
    run(app.selectbox(key="gates-kind").set_value("numbers"))
    assert not app.error
    run(app.text_area(key="gates-text").set_value("3 1 4 1 5"))
    run(app.selectbox(key="gates-kind").set_value("text"))
    assert app.text_input(key="gates-text").value == "my own text"
    run(app.selectbox(key="gates-kind").set_value("numbers"))
    assert app.text_area(key="gates-text").value == "3 1 4 1 5"


def test_every_example_and_every_cell_opens(open_page: OpenPage) -> None:
    from memviz.cells import CELLS
    from memviz.web.sequence import EXAMPLES

    for text, kind in EXAMPLES.values():
        assert not open_page(text=text, kind=kind).error
    for name, cell in CELLS.items():
        assert stage(open_page(cell=name))["cell"]["note"] == cell.note


def test_the_gru_convention_is_on_the_screen(open_page: OpenPage) -> None:
    assert "z = 1 keeps the old state" in stage(open_page(cell="gru"))["cell"]["note"]
    assert "before the matrix product" in stage(open_page(cell="gru-v3"))["cell"]["note"]


def test_a_setting_forged_out_of_range_never_reaches_the_network(open_page: OpenPage) -> None:
    app = run(open_page().number_input(key="gates-seed").set_value(-5))
    assert 0 <= int(address(app)["seed"]) < 2**32
    app = run(app.slider(key="gates-hidden_size").set_value(1000))
    assert 1 <= int(address(app)["hidden_size"]) <= 64


def test_one_timestep_and_one_unit_are_shown(open_page: OpenPage) -> None:
    app = open_page(text="a", hidden_size="1")
    assert stage(app)["tokens"] == ["a"]
    assert stage(app)["position"]["unit"] == 0
    assert len(charts(app)) == 2


def test_a_loss_beyond_the_sequence_falls_back_to_the_last_step(open_page: OpenPage) -> None:
    app = open_page(text="abc", loss_timestep="50", loss_unit="60")
    assert opened(app, "loss").slider(key="gates-loss_timestep").value == 2


def test_the_default_state_is_what_an_empty_address_means(open_page: OpenPage) -> None:
    assert address(open_page()) == GatesState().to_query()


def test_a_network_that_overflows_gets_a_sentence_and_the_last_picture_stays(open_page: OpenPage) -> None:
    app = open_page(cell="elman-relu", kind="signal", text="step 300", hidden_size="64", forget_bias="none")
    before = charts(app)
    app = run(opened(app, "more").number_input(key="gates-recurrent_scale").set_value(1000.0))
    assert "overflows float64" in app.error[0].value
    assert charts(app) == before


def test_the_snippet_of_the_page_runs_in_plain_torch_and_prints_the_last_hidden_state(
    open_page: OpenPage, capsys: pytest.CaptureFixture[str]
) -> None:
    from memviz import record, torch_snippet

    open_page()
    sequence = encode("hello world")
    network = DEFAULT.experiment.build(sequence)
    exec(torch_snippet(network, record(network, sequence)).code, {})
    torch.set_printoptions(profile="default")
    printed = [float(number) for number in re.findall(r"-?\d\.\d+(?:e-?\d+)?", capsys.readouterr().out)]
    assert printed == pytest.approx(last_hidden(DEFAULT.experiment, "hello world")[-1].tolist(), abs=1e-15)


def test_the_badge_turns_red_beyond_its_tolerance(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memviz.parity import Parity

    monkeypatch.setattr("memviz.web.engine.parity", lambda *_: Parity("torch.nn.LSTM", 3e-5, 3e-5))
    app = open_page(text="a text that no other test has run")
    badge = next(text.value for text in app.markdown if "-badge[" in text.value)
    assert badge.startswith(":red-badge[")
    assert "differ from torch.nn.LSTM by 3" in badge


def test_a_choice_that_a_shrunken_list_no_longer_has_changes_nothing() -> None:
    with pytest.raises(TypeError):
        GatesState(unit="7")
    with pytest.raises(TypeError):
        GatesState(units=(0, "5"))


def test_the_sliders_follow_the_state_when_the_sequence_grows(open_page: OpenPage) -> None:
    app = open_page(text="abcdefghijk", timestep="7", loss_timestep="5")
    run(app.text_input(key="gates-text").set_value("abcdefghijkl"))
    assert stage(app)["position"]["timestep"] == 7
    assert opened(app, "loss").slider(key="gates-loss_timestep").value == 5


def test_chrono_biases_are_not_overruled_by_a_bias_that_was_set(open_page: OpenPage) -> None:
    app = open_page()
    run(opened(app, "more").selectbox(key="gates-initialisation").set_value("chrono"))
    assert address(app)["forget_bias"] == "none"


def test_the_table_of_a_figure_is_sent_while_it_is_open(open_page: OpenPage) -> None:
    app = open_page(text="abc", units="0")
    assert [chart["table"] for chart in charts(app).values()] == [None, None]
    app.session_state["gates-chart-states"] = {"table": True}
    run(app)
    by_name = charts(app)
    assert by_name["gradients"]["table"] is None
    table = by_name["states"]["table"]
    assert table["columns"] == ["timestep", "token", "signal", "unit", "value"]
    assert table["total"] == len(table["rows"]) == 2 * 3 * 8


@pytest.mark.parametrize("forged", [0, -1, True, "1", None, 1.5])
def test_the_file_of_a_figure_is_sent_while_it_is_wanted(open_page: OpenPage, forged: Any) -> None:
    app = open_page(text="abc", units="0")
    app.session_state["gates-chart-states"] = {"csv": 5}
    run(app)
    by_name = charts(app)
    assert by_name["gradients"]["csv"] is by_name["states"]["table"] is None
    assert by_name["states"]["csv"]["number"] == 5
    assert by_name["states"]["csv"]["text"].count("\r\n") == 1 + 2 * 3 * 8
    app.session_state["gates-chart-states"] = {"csv": forged}
    run(app)
    assert [chart["csv"] for chart in charts(app).values()] == [None, None]


def test_streamlits_own_charts_are_shown_where_ours_cannot_be_loaded(open_page: OpenPage) -> None:
    app = open_page()
    app.session_state["live-failed"] = True
    run(app)
    assert charts(app) == {}
    plain = app.get("plotly_chart")
    assert len(plain) == 2
    assert "The cell state reaches" in plain[0].proto.spec
    assert [button.proto.label for button in app.get("download_button")] == ["CSV", "HTML"] * 2
