"""Figures read back: what plotly gets is the trace's own numbers, and a browser can load it."""

import base64
import html
import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.encoding import Sequence
from memviz.figures import MOST_UNITS, figure_html, gradient_lines, state_lines
from memviz.figures.logs import log_axis
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.network import Network
from memviz.trace import Trace, record
from tests import oracles

LAST = Loss()
TITLE = "Unit 3 holds what it wrote"
HOSTILE = "<b>x</b>&amp;<script>alert(1)</script>"
on_both_grounds = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


def network(cell: str, units: int = 3, scale: float = 0.7) -> Network:
    return Network(cell, oracles.as_torch(oracles.parameters(cell, 2, units, seed=2, scale=scale)))


def run(
    cell: str = "lstm",
    time: int = 5,
    units: int = 3,
    tokens: tuple[str, ...] | None = None,
    scale: float = 0.7,
) -> Trace:
    tokens = tokens or tuple(f"t{t}" for t in range(time))
    inputs = np.tanh(oracles.inputs(2, len(tokens), seed=2))
    sequence = Sequence(tokens, None, inputs, ("a", "b"), "numbers")
    return record(network(cell, units, scale), sequence)


def flow_of(trace: Trace, loss: Loss = LAST) -> GradientFlow:
    return gradient_flow(network(trace.cell.name, trace.units), trace, loss)


def chain(weight: float, time: int) -> GradientFlow:
    """One rectified unit: dL/dh_t = dL/da_t = weight ** (T - 1 - t), as small or large as one likes."""
    p = {"weight_ih": [[0.0]], "weight_hh": [[weight]], "bias_ih": [1e-3], "bias_hh": [0.0]}
    rectified = Network("elman-relu", oracles.as_torch({name: np.array(v) for name, v in p.items()}))
    return gradient_flow(rectified, np.zeros((time, 1)))


def refuse(constant: str) -> None:
    raise AssertionError(f"JSON has no {constant}")


def read_back(figure: dict[str, Any]) -> dict[str, Any]:
    """The figure as a browser reads it: strict JSON, plotly's packed arrays taken apart."""

    def unpacked(value: Any) -> Any:
        if isinstance(value, dict) and {"dtype", "bdata"} <= set(value):
            flat = np.frombuffer(base64.b64decode(value["bdata"]), np.dtype(value["dtype"]).newbyteorder("<"))
            return (
                flat.reshape([int(n) for n in str(value["shape"]).split(",")]) if "shape" in value else flat
            )
        if isinstance(value, dict):
            return {key: unpacked(part) for key, part in value.items()}
        return [unpacked(part) for part in value] if isinstance(value, list) else value

    loaded: dict[str, Any] = unpacked(json.loads(plotly.io.to_json(go.Figure(figure)), parse_constant=refuse))
    return loaded


def said(title: str) -> str:
    """The words of a title as a reader sees them."""
    return html.unescape(title.replace("<br>", " "))


def all_figures(
    trace: Trace, flow: GradientFlow, dark: bool = False, title: str = TITLE
) -> list[dict[str, Any]]:
    return [
        state_lines(trace, range(trace.units), title, dark),
        gradient_lines(flow, trace.cell.family, title, dark),
    ]


# --- what every figure has -------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@on_both_grounds
@pytest.mark.parametrize(("time", "units"), [(5, 3), (1, 1), (61, 17)])
def test_every_cell_is_drawn_as_strict_json_with_title_and_axes(
    cell: str, dark: bool, time: int, units: int
) -> None:
    trace = run(cell, time, units)
    for figure in all_figures(trace, flow_of(trace), dark):
        layout = read_back(figure)["layout"]
        assert said(layout["title"]["text"]) == TITLE
        assert layout["xaxis"]["title"]["text"] == "timestep"
        assert layout["xaxis"]["range"] == [-0.5, time - 0.5]
        assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == ("#0e1117" if dark else "#ffffff")
        tops = [
            layout[name].get("domain", [0, 1])[1] for name in layout if name.startswith("yaxis")
        ]  # each panel says above itself what it shows
        labelled = [note["y"] for note in layout["annotations"] if note["text"]]
        assert sorted(tops) == pytest.approx(sorted(labelled))


@pytest.mark.parametrize("cell", ["elman", "lstm-fgr", "gru"])
def test_three_thousand_timesteps_are_drawn(cell: str) -> None:
    trace = run(cell, time=3000, units=2)
    for figure in all_figures(trace, flow_of(trace)):
        drawn = read_back(figure)
        assert drawn["layout"]["xaxis"]["range"] == [-0.5, 2999.5]
        assert "ticktext" not in drawn["layout"]["xaxis"]  # tokens would run into each other
        assert max(len(part["x"]) for part in drawn["data"]) == 3000


def test_panels_lie_on_top_of_each_other_without_touching() -> None:
    layout = read_back(state_lines(run("lstm"), [0], TITLE))["layout"]
    upper, lower = layout["yaxis"]["domain"], layout["yaxis2"]["domain"]
    assert (lower[0], upper[1]) == pytest.approx((0, 1))
    assert lower[0] < lower[1] < upper[0] < upper[1]


def test_a_long_title_is_broken_into_lines_and_loses_no_word() -> None:
    title = (
        "The cell state reaches 2.5 in size; the hidden state, what is shown of it, 0.30, and then some more"
    )
    for figure in all_figures(run(), flow_of(run()), title=title):
        assert said(figure["layout"]["title"]["text"]) == title
        assert "<br>" in figure["layout"]["title"]["text"]


def test_markup_in_a_title_is_literal() -> None:
    for figure in all_figures(run(), flow_of(run()), title=HOSTILE):
        text = figure["layout"]["title"]["text"].replace("<br>", "")
        assert "<" not in text
        assert html.unescape(text) == HOSTILE


def test_markup_in_a_token_is_literal_on_the_axis_and_in_hover_labels() -> None:
    trace = run(tokens=("<b>x</b>", "&lt;", HOSTILE))
    for figure in all_figures(trace, flow_of(trace)):
        drawn = read_back(figure)
        ticks = drawn["layout"]["xaxis"]["ticktext"]
        assert [html.unescape(tick) for tick in ticks[:2]] == ["<b>x</b>", "&lt;"]
        hovers = [str(part.get("customdata", "")) for part in drawn["data"]]
        assert "<" not in "".join(ticks) + "".join(hovers)
    states = read_back(state_lines(trace, [0], TITLE))["data"]
    assert all("&lt;b&gt;x&lt;/b&gt;" in str(part["customdata"]) for part in states)


def test_long_tokens_are_shortened_to_fit_the_axis() -> None:
    trace = run(tokens=("a" * 500, "b" * 8, "c" * 9))
    for figure in all_figures(trace, flow_of(trace)):
        drawn = read_back(figure)
        assert drawn["layout"]["xaxis"]["ticktext"] == ["a" * 7 + "…", "b" * 8, "c" * 7 + "…"]
        assert list(drawn["layout"]["xaxis"]["tickvals"]) == [0, 1, 2]
        assert "a" * 50 not in json.dumps(plotly.io.to_json(figure))


@pytest.mark.parametrize(("letters", "is_labelled"), [(1, True), (2, False), (30, False)])
def test_forty_tokens_are_labels_where_they_do_not_run_into_each_other(
    letters: int, is_labelled: bool
) -> None:
    axis = read_back(state_lines(run(tokens=("a" * letters,) * 40), [0], TITLE))["layout"]["xaxis"]
    assert ("ticktext" in axis) == is_labelled


@pytest.mark.parametrize("time", [5, 12])
def test_every_token_is_at_its_timestep_while_it_can_be_read(time: int) -> None:
    axis = read_back(state_lines(run(time=time), [0], TITLE))["layout"]["xaxis"]
    assert list(axis["tickvals"]) == list(range(time))
    assert axis["ticktext"] == [f"t{t}" for t in range(time)]


# --- states ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "signals"), [("lstm", ["cell", "hidden"]), ("gru", ["hidden"])])
@on_both_grounds
def test_lines_of_states_are_the_trace(cell: str, signals: list[str], dark: bool) -> None:
    trace = run(cell)
    drawn = read_back(state_lines(trace, [2, 0], TITLE, dark))["data"]
    assert len(drawn) == 2 * len(signals)
    expected = [(signal, unit) for signal in signals for unit in (2, 0)]
    for part, (signal, unit) in zip(drawn, expected, strict=True):
        assert part["name"] == f"unit {unit}"
        np.testing.assert_array_equal(part["y"], trace[signal][:, unit])
        assert list(part["x"]) == [0, 1, 2, 3, 4]
        assert part["yaxis"] == f"y{'' if signal == signals[0] else 2}"
    assert len({part["name"] for part in drawn if part["showlegend"]}) == 2


def test_at_most_six_units_are_drawn() -> None:
    drawn = read_back(state_lines(run(units=9), range(9), TITLE))["data"]
    assert MOST_UNITS == 6
    assert [part["name"] for part in drawn] == [f"unit {unit}" for unit in range(6)] * 2


@on_both_grounds
def test_a_unit_has_one_colour_and_one_dash_and_shares_them_with_no_other(dark: bool) -> None:
    drawn = read_back(state_lines(run(units=6), range(6), TITLE, dark))["data"]
    lines = {(part["name"], part["line"]["color"], part["line"]["dash"]) for part in drawn}
    assert len(lines) == 6
    assert len({colour for _, colour, _ in lines}) == len({dash for _, _, dash in lines}) == 6


@pytest.mark.parametrize("units", [[0, 6], [1, 7, 13], [5, 11]], ids=str)
def test_any_two_units_that_are_drawn_together_can_be_told_apart(units: list[int]) -> None:
    drawn = read_back(state_lines(run(units=14, time=70), units, TITLE))["data"]
    lines = {(part["line"]["color"], part["line"]["dash"]) for part in drawn}
    assert len(lines) == len(units)


# --- gradients -------------------------------------------------------------------------------------------


def lines_of(figure: go.Figure) -> dict[str, dict[str, Any]]:
    return {part["name"]: part for part in read_back(figure)["data"]}


LABELS = {
    "elman": {"|dL/dh|": "hidden"},
    "lstm": {
        "|dL/dh|": "hidden",
        "|dL/dc|": "cell",
        "|dL/da| i": "input_pre",
        "|dL/da| f": "forget_pre",
        "|dL/da| g": "candidate_pre",
        "|dL/da| o": "output_pre",
    },
    "gru": {
        "|dL/dh|": "hidden",
        "|dL/da| r": "reset_pre",
        "|dL/da| z": "update_pre",
        "|dL/da| n": "candidate_pre",
    },
}


@pytest.mark.parametrize("cell", LABELS)
@pytest.mark.parametrize("loss", [Loss(), Loss(timestep=2, unit=1)], ids=str)
def test_lines_of_gradients_are_the_norms_and_zeros_are_marked(cell: str, loss: Loss) -> None:
    trace = run(cell)
    flow = flow_of(trace, loss)
    figure = gradient_lines(flow, trace.cell.family, TITLE)
    drawn = lines_of(figure)
    assert {name for name in drawn if not name.endswith(" = 0")} == set(LABELS[cell])
    lower_edge = figure["layout"]["yaxis"]["range"][0]
    for label, signal in LABELS[cell].items():
        norms = np.sqrt((flow.signals[signal] ** 2).sum(axis=1))
        zero = norms == 0
        shown = drawn[label]["y"]
        np.testing.assert_allclose(shown[~zero], np.log10(norms[~zero]), rtol=1e-12)
        assert np.isnan(shown[zero]).all()
        marks = drawn.get(f"{label} = 0")
        assert (marks is not None) == zero.any()
        if marks is not None:
            np.testing.assert_array_equal(marks["x"], np.flatnonzero(zero))
            np.testing.assert_allclose(marks["y"], lower_edge)
            assert marks["mode"] == "markers"
            assert "0" in marks["hovertemplate"]
    assert loss.timestep is None or any(
        name.endswith(" = 0") for name in drawn
    )  # nothing after the loss counts


@pytest.mark.parametrize("cell", LABELS)
@on_both_grounds
def test_lines_of_gradients_differ_in_colour_and_by_dash_or_width(cell: str, dark: bool) -> None:
    trace = run(cell)
    drawn = lines_of(gradient_lines(flow_of(trace), trace.cell.family, TITLE, dark))
    lines = [drawn[label]["line"] for label in LABELS[cell]]
    assert len({line["color"] for line in lines}) == len(lines)
    gates = [line["dash"] for label, line in zip(LABELS[cell], lines, strict=True) if "/da|" in label]
    assert len(set(gates)) == len(gates)


@pytest.mark.parametrize("weight", [1e-3, 0.5, 1.0, 2.0, 1e3])
@pytest.mark.parametrize("time", [1, 2, 101])
def test_the_axis_holds_every_positive_norm_and_nothing_is_clipped(weight: float, time: int) -> None:
    flow = chain(weight, time)
    figure = gradient_lines(flow, "elman", TITLE)
    expected = np.log10(weight) * np.arange(time - 1, -1, -1)  # down to 1e-300, up to 1e300
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < expected.min()
    assert expected.max() < high
    assert high - low < expected.max() - expected.min() + 3  # and no emptier than whole powers of ten make it
    np.testing.assert_allclose(lines_of(figure)["|dL/dh|"]["y"], expected, atol=1e-9)


@given(st.floats(-4, 4), st.integers(1, 70))
def test_no_norm_is_outside_the_axis(log_weight: float, time: int) -> None:
    figure = gradient_lines(chain(10**log_weight, time), "elman", TITLE)
    low, high = figure["layout"]["yaxis"]["range"]
    logs = figure["data"][0]["y"]
    assert low <= logs.min() <= logs.max() <= high


def test_a_gradient_of_zeros_alone_but_one_is_marked_at_every_zero() -> None:
    figure = gradient_lines(chain(0.0, 4), "elman", TITLE)
    drawn = lines_of(figure)
    np.testing.assert_array_equal(drawn["|dL/dh| = 0"]["x"], [0, 1, 2])
    np.testing.assert_array_equal(drawn["|dL/dh|"]["y"], [np.nan, np.nan, np.nan, 0.0])


def test_norms_below_every_float_are_drawn_and_not_taken_for_zero() -> None:
    drawn = lines_of(gradient_lines(chain(0.1, 400), "elman", TITLE))
    np.testing.assert_allclose(drawn["|dL/dh|"]["y"], np.arange(-399.0, 1.0), atol=1e-9)
    assert "|dL/dh| = 0" not in drawn


def test_the_labels_of_a_log_axis_are_whole_powers_of_ten_inside_it() -> None:
    for low, high in ((-1.0, 0.0), (-7.0, 2.0), (-561.0, 3.0), (-3000.0, 12.0)):
        axis = log_axis((low, high), False)
        assert 1 < len(axis["tickvals"]) <= 7
        assert low <= min(axis["tickvals"]) <= max(axis["tickvals"]) <= high
        assert all(
            str(abs(power)) in label or power == 0
            for power, label in zip(axis["tickvals"], axis["ticktext"], strict=True)
        )


# --- files -----------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The addresses, scripts, title and policies of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.addresses: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(page.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open = tag
        self.texts.setdefault(tag, []).append("")
        for name, value in attrs:
            if name in ("src", "href", "srcset", "data", "action", "poster", "background", "style"):
                self.addresses.append((tag, name, value or ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open][-1] += data


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    trace = run()
    return [figure_html(figure, TITLE) for figure in all_figures(trace, flow_of(trace))]


def test_a_file_loads_nothing_from_anywhere(files: list[bytes]) -> None:
    for file in files:
        page = Page(file)
        assert not {"link", "img", "iframe", "object", "embed", "base"} & set(page.tags)
        loaded = [entry for entry in page.addresses if entry[1] != "style"]
        assert loaded == []
        assert not any("url(" in value for _, _, value in page.addresses)
        assert sum(len(script) for script in page.texts["script"]) > 1_000_000  # plotly itself is inside


def test_a_file_says_its_language_its_encoding_and_its_title(files: list[bytes]) -> None:
    start = files[0][:1024].decode()
    assert start.lower().startswith("<!doctype html>")
    assert 'lang="en"' in start
    assert 'charset="utf-8"' in start.lower()  # a browser looks for it in the first 1024 bytes
    assert Page(files[0]).texts["title"] == [TITLE]


def test_different_figures_differ_within_their_first_bytes(files: list[bytes]) -> None:
    more = [figure_html(state_lines(run(), [unit], TITLE), TITLE) for unit in range(3)]
    starts = [file[:200] for file in [*files, *more]]
    assert len(set(starts)) == len(starts)


def test_a_hostile_title_or_token_is_text() -> None:
    hostile = "</title></script><script>alert(1)</script>"
    trace = run(tokens=(hostile, "<!--", "]]>"))
    calm = Page(figure_html(state_lines(run(time=3), [0], TITLE), TITLE))
    page = Page(figure_html(state_lines(trace, [0], hostile), hostile))
    assert page.texts["title"] == [hostile]
    assert page.tags == calm.tags
