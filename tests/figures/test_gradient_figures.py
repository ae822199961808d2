"""The gradients page's figures, read back: what they draw are the numbers they were given, nothing clipped."""

import base64
import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from memviz import figures
from memviz.cells import CELLS
from memviz.experiment import Experiment
from memviz.figures.logs import log_range
from memviz.gradients import (
    Curve,
    GradientFlow,
    Loss,
    Study,
    curves,
    gradient_flow,
    half_lives,
    log2_direct_path,
    log10_powers,
    log10_singular_values,
    measured_horizon,
    memory_of,
    memory_products,
    repeated_sigmoids,
    saturations,
    sources,
    split,
    weight_contributions,
)

TITLE = "A sentence"
SPAN = (-30.0, 3.0)
on_both_grounds = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


def flow_of(cell: str, time: int = 30, units: int = 4, loss: Loss | None = None) -> GradientFlow:
    network = Experiment(cell=cell, hidden_size=units, seed=2).build(3)
    inputs = np.random.Generator(np.random.PCG64(0)).standard_normal((time, 3))
    return gradient_flow(network, inputs, loss or Loss())


def every_figure(flow: GradientFlow, dark: bool = False) -> dict[str, dict[str, Any]]:
    memory = memory_of(flow.trace)
    lives = half_lives(flow.trace)
    direct = None if lives is None else log2_direct_path(flow.trace, flow.last)
    found = {
        "norms": figures.state_norm_lines(flow, TITLE, SPAN, dark),
        "units": figures.unit_heatmap(flow.log10(memory), flow.last, SPAN, TITLE, "numbers", dark),
        "gates": figures.gate_lines(flow, saturations(flow), SPAN, TITLE, dark),
        "paths": figures.path_bars(split(flow), flow.last, TITLE, memory, dark),
        "products": figures.product_lines(memory_products(flow), TITLE, memory, dark),
        "singular values": figures.singular_value_lines(log10_singular_values(flow), TITLE, "", dark),
        "contributions": figures.contribution_bars(weight_contributions(flow), flow.last, TITLE, dark),
        "horizon": figures.horizon_lines(
            measured_horizon(flow.network, flow.trace, flow.last), direct, TITLE, dark
        ),
        "sources": figures.source_lines(sources(flow), flow, TITLE, dark),
    }
    return found


def read_back(figure: dict[str, Any]) -> dict[str, Any]:
    """The figure as a browser reads it: checked by plotly, strict JSON, packed arrays taken apart."""

    def unpacked(value: Any) -> Any:
        if isinstance(value, dict) and {"dtype", "bdata"} <= set(value):
            flat = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
            return flat.reshape([int(n) for n in value["shape"].split(",")]) if "shape" in value else flat
        if isinstance(value, dict):
            return {key: unpacked(part) for key, part in value.items()}
        return [unpacked(part) for part in value] if isinstance(value, list) else value

    loaded: dict[str, Any] = unpacked(json.loads(plotly.io.to_json(go.Figure(figure))))
    return loaded


def line(drawn: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [part for part in drawn["data"] if part.get("name") == name]
    return found


# --- every figure ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@on_both_grounds
def test_every_panel_of_every_cell_is_a_figure_with_title_axes_and_ground(cell: str, dark: bool) -> None:
    for name, figure in every_figure(flow_of(cell), dark).items():
        layout = read_back(figure)["layout"]
        assert layout["title"]["text"] == TITLE, name
        assert "lag" in layout["xaxis"]["title"]["text"], name
        assert layout["paper_bgcolor"] == ("#0e1117" if dark else "#ffffff"), name
        assert any(note["text"] for note in layout["annotations"]), name


@pytest.mark.parametrize("time", [1, 2, 3, 500])
def test_a_run_of_any_length_is_drawn(time: int) -> None:
    for figure in every_figure(flow_of("lstm", time)).values():
        assert read_back(figure)["data"]


@pytest.mark.parametrize("loss", [Loss(timestep=5), Loss(everywhere=True), Loss(unit=1)], ids=str)
def test_only_steps_up_to_the_loss_are_drawn(loss: Loss) -> None:
    flow = flow_of("gru", loss=loss)
    for name, figure in every_figure(flow).items():
        for part in read_back(figure)["data"]:
            if part["type"] != "heatmap":
                assert max(part["x"]) <= flow.last, name


# --- single figures --------------------------------------------------------------------------------------


def test_the_curves_are_drawn_against_the_lag_with_the_loss_at_the_left() -> None:
    study = Study(source="noise", lag=20)
    found = curves(study)
    drawn = read_back(figures.reach_lines(found, ["a", "b", "c", "d"], 20, TITLE, "lstm"))
    for label, curve in zip("abcd", found, strict=True):
        np.testing.assert_allclose(line(drawn, label)["y"], curve.memory[0][::-1])
        assert list(line(drawn, label)["x"]) == list(range(21))
    widths = {label: line(drawn, label)["line"]["width"] for label in "abcd"}
    assert max(widths, key=lambda label: widths[label]) == "c"  # the opened one
    assert len({(line(drawn, x)["line"]["color"], line(drawn, x)["line"]["dash"]) for x in "abcd"}) == 4


def test_the_labels_at_the_ends_of_the_curves_do_not_lie_on_each_other() -> None:
    logs = [np.linspace(-40.0, 0.0, 11)[None] + shift for shift in (0.0, 0.01, 0.02, 30.0)]
    names = ("elman", "gru", "lstm", "lstm-biased")
    found = [Curve(name, False, log, log) for name, log in zip(names, logs, strict=True)]
    layout = read_back(figures.reach_lines(found, list("abcd"), 10, TITLE, "lstm"))["layout"]
    low, high = layout["yaxis"]["range"]
    heights = sorted(note["y"] for note in layout["annotations"] if "left" in note["text"])
    pixels = np.diff(heights) / (high - low) * 300
    assert len(heights) == 4
    assert pixels.min() >= 14
    assert low <= heights[0]
    assert heights[-1] <= high


def test_an_exact_zero_is_marked_on_the_lower_edge_and_a_band_reaches_down_to_it() -> None:
    logs = np.array([[-np.inf, -8.0, 0.0], [-3.0, -2.0, 0.0]])
    drawn = read_back(figures.reach_lines([Curve("lstm", True, logs, logs)], ["x"], 2, TITLE, "lstm"))
    low, _ = log_range([logs])
    marks = line(drawn, "x = 0")
    assert list(marks["x"]) == [2]
    assert marks["hovertemplate"] == "exactly 0"
    assert line(drawn, "x, least")["y"][2] == low
    assert line(drawn, "x, most")["y"][2] == -3.0


def test_no_number_is_outside_its_axis() -> None:
    flow = flow_of("lstm", 200)
    for name, figure in every_figure(flow).items():
        drawn = read_back(figure)
        if name in ("norms", "units", "gates", "paths", "contributions"):
            continue  # these are given their scale, or plotly finds it
        low, high = drawn["layout"]["yaxis"]["range"]
        for part in drawn["data"]:
            values = np.asarray(part["y"], dtype=float)
            finite = values[np.isfinite(values)]
            assert low <= finite.min(initial=high), name
            assert finite.max(initial=low) <= high, name


def test_a_map_of_units_holds_every_number_and_leaves_an_exact_zero_blank() -> None:
    logs = np.array([[-3.0, -np.inf], [-1.0, 0.0]])
    drawn = read_back(figures.unit_heatmap(logs, 1, (-3.0, 0.0), TITLE, "numbers"))
    (heat,) = drawn["data"]
    np.testing.assert_array_equal(heat["z"], [[-1.0, -3.0], [0.0, np.nan]])
    assert (heat["zmin"], heat["zmax"]) == (-3.0, 0.0)
    assert any("blank: exactly 0" in note["text"] for note in drawn["layout"]["annotations"])


def test_gates_show_the_gradient_above_the_mean_slope() -> None:
    flow = flow_of("lstm")
    drawn = read_back(figures.gate_lines(flow, saturations(flow), SPAN, TITLE))
    forget = flow.trace["forget"][::-1]
    np.testing.assert_allclose(line(drawn, "slope of f")["y"], (forget * (1 - forget)).mean(axis=1))
    shown = line(drawn, "f, forget gate")["y"]
    expected = np.log10(np.linalg.norm(flow.pre["forget"][1:], axis=1))[::-1]
    np.testing.assert_allclose(shown[:-1], expected)
    assert np.isnan(shown[-1])  # nothing is forgotten before the first step


@pytest.mark.parametrize("cell", ["lstm", "lstm-peephole", "gru", "elman"])
def test_the_bars_of_the_paths_add_up_to_one(cell: str) -> None:
    flow = flow_of(cell)
    drawn = read_back(figures.path_bars(split(flow), flow.last, TITLE, memory_of(flow.trace)))
    np.testing.assert_allclose(np.sum([part["y"] for part in drawn["data"]], axis=0), 1.0, atol=1e-10)


def test_many_bars_are_thinned_and_that_is_said() -> None:
    flow = flow_of("lstm", 900)
    drawn = read_back(figures.path_bars(split(flow), flow.last, TITLE, "cell"))
    assert len(drawn["data"][0]["x"]) <= 120
    assert drawn["data"][0]["x"][-1] == 899
    assert any("of 900 lags drawn" in note["text"] for note in drawn["layout"]["annotations"])


def test_products_and_singular_values_are_those_that_were_given() -> None:
    flow = flow_of("lstm")
    products, values = memory_products(flow), log10_singular_values(flow)
    drawn = read_back(figures.product_lines(products, TITLE, "cell"))
    np.testing.assert_allclose(line(drawn, "product of the gates")["y"], products.log10_direct)
    drawn = read_back(figures.singular_value_lines(values, TITLE))
    for index in range(8):
        np.testing.assert_allclose(line(drawn, f"singular value {index + 1}")["y"], values[:, index])
    (level,) = drawn["layout"]["shapes"]
    assert level["y0"] == level["y1"] == 0.0  # the line at 1


def test_where_not_all_singular_values_are_drawn_it_is_said() -> None:
    values = -np.arange(40.0)[None, :] * np.arange(5.0)[:, None]
    drawn = read_back(figures.singular_value_lines(values, TITLE))
    assert any("24 of 40 drawn" in note["text"] for note in drawn["layout"]["annotations"])
    assert {"singular value 1", "singular value 40"} <= {part["name"] for part in drawn["data"]}


def test_contributions_are_their_shares_and_cosines() -> None:
    flow = flow_of("gru")
    found = weight_contributions(flow)
    drawn = read_back(figures.contribution_bars(found, flow.last, TITLE))
    np.testing.assert_allclose(line(drawn, "share")["y"], found.shares[::-1])
    np.testing.assert_allclose(line(drawn, "cosine")["y"], found.cosines[::-1])


def test_powers_and_sigmoids_are_drawn_as_they_are() -> None:
    logs = log10_powers((0.5, 2.0), 10)
    drawn = read_back(figures.power_lines((0.5, 2.0), logs, TITLE))
    np.testing.assert_allclose(line(drawn, "r = 2")["y"], np.log10(2.0) * np.arange(11))
    x = np.linspace(-4, 4, 9)
    values, _ = repeated_sigmoids(x, 3)
    drawn = read_back(figures.sigmoid_lines(x, values, TITLE))
    np.testing.assert_allclose(line(drawn, "n = 1")["y"], 1 / (1 + np.exp(-x)))
