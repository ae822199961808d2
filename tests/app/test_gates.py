"""The gates page by Streamlit's own tester: what it shows follows from the address and the controls, and from torch."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from memviz import Experiment, encode
from memviz.paths import APP_SCRIPT
from memviz.theme import latex_number
from memviz.web.address import DEFAULT, GatesState

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page() -> OpenPage:
    """Open the page at an address: open_page(cell="gru")."""

    def open_at(**query: str) -> AppTest:
        app = AppTest.from_file(str(APP_SCRIPT), default_timeout=300)
        for name, value in query.items():
            app.query_params[name] = value
        return run(app)

    return open_at


def run(changed: Any) -> AppTest:
    """Run the page after a change of a widget, or of the tester itself."""
    app: AppTest = changed.run()
    assert not app.exception, app.exception[0].message
    return app


def address(app: AppTest) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def last_hidden(experiment: Experiment, text: str, kind: str = "text") -> torch.Tensor:
    """The hidden states of torch's own module over the text, (time, unit)."""
    sequence = encode(text, kind)
    with torch.no_grad():
        hidden, _ = experiment.build(sequence).to_torch()(torch.tensor(sequence.inputs))
    return hidden


def equations(app: AppTest) -> str:
    assert len(app.latex) == 1
    return str(app.latex[0].value).strip("$\n")


def charts(app: AppTest) -> list[dict[str, Any]]:
    """What the browser gets of each figure."""
    components = [element.proto for element in app.get("bidi_component")]
    return [json.loads(proto.bytes) for proto in components if proto.component_name == "memviz_live"]


def test_the_untouched_page_shows_numbers_that_equal_torch_and_says_so(open_page: OpenPage) -> None:
    app = open_page()
    hidden = last_hidden(DEFAULT.experiment, "hello world")[DEFAULT.timestep, DEFAULT.unit]
    assert equations(app).endswith(rf"\mathbf{{{latex_number(float(hidden))}}}\end{{aligned}}")
    assert len(charts(app)) == 3
    badge = next(text.value for text in app.markdown if "-badge[" in text.value)
    assert badge.startswith(":green-badge[")
    assert "torch.nn.LSTM" in badge
    assert not app.warning
    assert not app.error


@pytest.mark.parametrize("cell", ["elman", "elman-relu", "lstm", "gru"])
def test_the_last_equation_is_torchs_hidden_state_at_every_step(open_page: OpenPage, cell: str) -> None:
    app = open_page(cell=cell, text="abcab", unit="2", seed="7", forget_bias="none", update_bias="none")
    hidden = last_hidden(Experiment(cell, seed=7), "abcab")
    for timestep in range(5):
        run(app.slider(key="gates-timestep").set_value(timestep))
        assert rf"\mathbf{{{latex_number(float(hidden[timestep, 2]))}}}" in equations(app)


def test_a_letter_typed_on_leaves_the_earlier_steps_as_they_were(open_page: OpenPage) -> None:
    app = open_page(timestep="3")
    before = equations(app)
    run(app.text_input(key="gates-text").set_value("hello world!?"))
    assert equations(app) == before
    assert "Step 3 of 0 to 12" in app.markdown[1].value


def test_the_step_buttons_move_within_the_sequence(open_page: OpenPage) -> None:
    app = open_page(text="abc", timestep="0")
    assert app.button(key="gates-chevron_left").disabled
    run(app.button(key="gates-chevron_right").click())
    assert "Step 1 of 0 to 2" in app.markdown[1].value
    run(app.button(key="gates-last_page").click())
    assert "Step 2 of 0 to 2" in app.markdown[1].value
    assert app.button(key="gates-chevron_right").disabled
    run(app.button(key="gates-first_page").click())
    assert "Step 0 of 0 to 2" in app.markdown[1].value


def test_an_address_opened_elsewhere_shows_the_same_page(open_page: OpenPage) -> None:
    app = open_page()
    run(app.text_input(key="gates-text").set_value("<b>aβ😀</b>"))
    run(app.segmented_control(key="gates-family").set_value("gru"))
    run(app.slider(key="gates-hidden_size").set_value(5))
    run(app.number_input(key="gates-seed").set_value(123))
    run(app.slider(key="gates-update_bias").set_value(1.5))
    run(app.selectbox(key="gates-loss_unit").set_value(3))
    run(app.selectbox(key="gates-signal").set_value("reset"))
    run(app.slider(key="gates-timestep").set_value(2))
    elsewhere = open_page(**address(app))
    assert equations(elsewhere) == equations(app)
    assert charts(elsewhere) == charts(app)
    assert address(elsewhere) == address(app)
    assert not elsewhere.warning


def test_every_broken_parameter_is_said_and_the_rest_is_used(open_page: OpenPage) -> None:
    app = open_page(cell="transformer", hidden_size="65", seed="-1", text="abc", timestep="x", colour="red")
    said = [warning.value.replace("\\", "") for warning in app.warning]
    assert len(said) == 5
    assert any("The cell is one of elman" in text and "'transformer'" in text for text in said)
    assert any("from 1 to 64" in text and "got 65" in text for text in said)
    assert "Step 2 of 0 to 2" in app.markdown[1].value
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
    assert len(charts(app)) == 3


@pytest.mark.parametrize(
    "text", ["\u202eabc", "<script>alert(1)</script>", "![x](http://a/b.png)", "$$x$$", ":red[x]"]
)
def test_any_mark_in_the_text_is_shown_as_it_is(open_page: OpenPage, text: str) -> None:
    app = open_page(text=text, timestep="0")
    assert not app.error
    for shown in app.markdown:
        assert "![x](" not in shown.value
        assert "<script>" not in shown.value


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
    from memviz.web.gates.settings import EXAMPLES

    for text, kind in EXAMPLES.values():
        assert not open_page(text=text, kind=kind).error
    for name, cell in CELLS.items():
        app = open_page(cell=name)
        assert any(cell.note in caption.value for caption in app.caption)


def test_the_gru_convention_is_on_the_screen(open_page: OpenPage) -> None:
    assert any("z = 1 keeps the old state" in caption.value for caption in open_page(cell="gru").caption)
    assert any("before the matrix product" in caption.value for caption in open_page(cell="gru-v3").caption)


def test_a_setting_forged_out_of_range_never_reaches_the_network(open_page: OpenPage) -> None:
    app = run(open_page().number_input(key="gates-seed").set_value(-5))
    assert 0 <= int(address(app)["seed"]) < 2**32
    app = run(app.slider(key="gates-hidden_size").set_value(1000))
    assert 1 <= int(address(app)["hidden_size"]) <= 64


def test_one_timestep_and_one_unit_are_shown(open_page: OpenPage) -> None:
    app = open_page(text="a", hidden_size="1")
    assert "Step 0 of 0 to 0" in app.markdown[1].value
    assert len(charts(app)) == 3


def test_a_loss_beyond_the_sequence_falls_back_to_the_last_step(open_page: OpenPage) -> None:
    app = open_page(text="abc", loss_timestep="50", loss_unit="60")
    assert app.slider(key="gates-loss_timestep").value == 2


def test_the_default_state_is_what_an_empty_address_means(open_page: OpenPage) -> None:
    assert address(open_page()) == GatesState().to_query()


def test_a_network_that_overflows_gets_a_sentence_and_the_last_picture_stays(open_page: OpenPage) -> None:
    app = open_page(cell="elman-relu", kind="signal", text="step 300", hidden_size="64", forget_bias="none")
    before = charts(app)
    app = run(app.number_input(key="gates-recurrent_scale").set_value(1000.0))
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
        GatesState(unit="7")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        GatesState(units=(0, "5"))  # type: ignore[arg-type]


def test_the_sliders_follow_the_state_when_the_sequence_grows(open_page: OpenPage) -> None:
    app = open_page(text="abcdefghijk", timestep="7", loss_timestep="5")
    run(app.text_input(key="gates-text").set_value("abcdefghijkl"))
    assert app.slider(key="gates-timestep").value == 7
    assert app.slider(key="gates-loss_timestep").value == 5


def test_chrono_biases_are_not_overruled_by_a_bias_that_was_set(open_page: OpenPage) -> None:
    app = open_page()
    run(app.selectbox(key="gates-initialisation").set_value("chrono"))
    assert address(app)["forget_bias"] == "none"


def test_the_table_of_a_figure_is_sent_while_it_is_open(open_page: OpenPage) -> None:
    app = open_page(text="abc", units="0")
    assert [chart["table"] for chart in charts(app)] == [None, None, None]
    app.session_state["gates-chart-states"] = {"table": True}
    run(app)
    by_name = {chart["name"]: chart for chart in charts(app)}
    assert by_name["gates"]["table"] is by_name["gradients"]["table"] is None
    table = by_name["states"]["table"]
    assert table["columns"] == ["timestep", "token", "signal", "unit", "value"]
    assert table["total"] == len(table["rows"]) == 2 * 3 * 8


def test_streamlits_own_charts_are_shown_where_ours_cannot_be_loaded(open_page: OpenPage) -> None:
    app = open_page()
    app.session_state["live-failed"] = True
    run(app)
    assert charts(app) == []
    shown = app.get("plotly_chart")
    assert len(shown) == 3
    assert "How far each gate opens" in shown[0].proto.spec
