"""The gradients page by Streamlit's own tester: what it opens on, its links, its panels and its bad input."""

import base64
import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from memviz.gradients import FOUR, NETWORKS, Study
from memviz.theme import power_of_ten
from memviz.web.gradients.address import CODEC, DEFAULT, GradientsState
from memviz.web.gradients.presets import PRESETS
from tests.app.reading import OpenPage, charts, opener, run

PANELS = (
    *("reach", "norms", "units", "gates", "paths", "products", "singular values", "contributions", "horizon"),
    *("half-lives", "powers", "sigmoids"),
)


open_page = opener("gradients")


def numbers(packed: dict[str, Any] | list[float]) -> np.ndarray:
    if isinstance(packed, list):
        return np.array(packed)
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])


def line(app: AppTest, chart: str, start: str) -> np.ndarray:
    """The y values of the line whose name starts so."""
    (found,) = [part for part in charts(app)[chart]["figure"]["data"] if part["name"].startswith(start)]
    return numbers(found["y"])


def plain(text: str) -> str:
    """Markdown as the reader sees it."""
    return text.replace("\\", "").replace("\N{WORD JOINER}", "").replace("\N{MINUS SIGN}", "-")


def title(app: AppTest) -> str:
    (said,) = [plain(part.value) for part in app.title]
    return said


def by_autograd(network: str, study: Study) -> np.ndarray:
    """|dL/dh_t|, or |dL/dc_t| of an LSTM, from the last step to the first: retain_grad on each state of a loop.

    An LSTM's loop is written out, because torch.nn gives its c no gradient along the way out through h.
    """
    sequence = study.sequence()
    module = study.experiment_of(network).build(sequence).to_torch()
    kept = []
    h = torch.zeros(1, module.hidden_size, dtype=torch.float64)
    c = h
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
    return np.array([state.grad.norm().item() for state in reversed(kept)])


# --- what it opens on ------------------------------------------------------------------------------------


def test_it_opens_on_the_point_and_every_panel_is_there(open_page: OpenPage) -> None:
    app = open_page()
    assert "An untrained LSTM forgets too" in title(app)
    assert "forget bias is what changes it" in title(app)
    assert set(charts(app)) == set(PANELS)
    assert not app.warning
    assert not app.error


@pytest.mark.parametrize(
    ("network", "start"),
    [("elman", "Elman"), ("gru", "GRU"), ("lstm", "LSTM, torch"), ("lstm-biased", "LSTM, forget")],
)
def test_each_curve_is_what_autograd_through_torchs_own_cells_gives(
    open_page: OpenPage, network: str, start: str
) -> None:
    app = open_page(lag="40")
    drawn = line(app, "reach", start)
    expected = np.log10(by_autograd(network, GradientsState(lag=40).study))
    np.testing.assert_allclose(drawn, expected, atol=1e-9)


def test_the_ribbon_shows_what_autograd_gives_by_each_input(open_page: OpenPage) -> None:
    app = open_page(lag="30", network="gru")
    study = GradientsState(lag=30).study
    xs = torch.tensor(study.sequence().inputs, requires_grad=True)
    output, _ = study.experiment_of("gru").build(study.sequence()).to_torch()(xs)
    output[-1].sum().backward()
    logs = np.log10(np.linalg.norm(xs.grad.numpy(), axis=1))
    (proto,) = [p.proto for p in app.get("bidi_component") if p.proto.component_name == "memviz_ribbon"]
    ribbon = json.loads(proto.bytes)
    for text, log in zip(ribbon["texts"], logs, strict=True):
        assert text.endswith(f"|dL/dx| {power_of_ten(log)}")
    low, high = math.floor(logs.min() - 0.05), math.ceil(logs.max() + 0.05)
    for colour, log in zip(ribbon["colours"], logs, strict=True):
        red = int(colour[1:3], 16)
        stops = [int(stop[1:3], 16) for stop in ribbon["scale"]]
        wanted = np.interp((log - low) / (high - low) * (len(stops) - 1), range(len(stops)), stops)
        assert abs(red - wanted) <= 3, (colour, log)


def test_the_map_of_units_and_the_norms_are_those_of_the_opened_network(open_page: OpenPage) -> None:
    app = open_page(lag="30", network="gru")
    expected = by_autograd("gru", GradientsState(lag=30).study)
    np.testing.assert_allclose(line(app, "norms", "|dL/dh|"), np.log10(expected), atol=1e-9)
    (heat,) = charts(app)["units"]["figure"]["data"]
    units = numbers(heat["z"]).reshape(8, 31)
    np.testing.assert_allclose(np.linalg.norm(10.0**units, axis=0), expected, rtol=1e-4)


def test_a_longer_lag_than_float64_can_hold_is_drawn_by_its_powers_of_ten(open_page: OpenPage) -> None:
    app = open_page(lag="3000")
    assert "over 3000 steps" in title(app)
    drawn = line(app, "reach", "Elman")
    assert len(drawn) == 3001
    assert np.isfinite(drawn).all()
    assert drawn[-1] < -600


def test_twenty_seeds_are_drawn_as_a_band_around_their_median(open_page: OpenPage) -> None:
    app = open_page(spread="1", lag="30")
    least, most = line(app, "reach", "GRU, least"), line(app, "reach", "GRU, most")
    (middle,) = [
        numbers(part["y"]) for part in charts(app)["reach"]["figure"]["data"] if part["name"] == "GRU"
    ]
    assert (least <= middle + 1e-12).all()
    assert (middle <= most + 1e-12).all()
    assert (most - least)[10:].min() > 0.1


# --- controls and links ----------------------------------------------------------------------------------


def test_a_change_of_a_control_changes_the_picture_and_the_address(open_page: OpenPage) -> None:
    app = open_page()
    before = title(app)
    slider = next(part for part in app.slider if part.label == "Forget bias")
    run(slider.set_value(0.0))
    assert title(app) != before
    assert app.query_params["forget_bias"] in ("0.0", ["0.0"])


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_can_be_opened_up(open_page: OpenPage, network: str) -> None:
    app = open_page(network=network, lag="12", hidden_size="3")
    drawn = charts(app)
    assert {"reach", "norms", "paths", "products", "singular values", "contributions"} <= set(drawn)
    lines = {part["name"] for part in drawn["reach"]["figure"]["data"] if not part["name"].endswith("= 0")}
    assert len(lines) == (4 if network in FOUR else 5)
    for name, chart in drawn.items():
        text = json.dumps(chart["figure"]["layout"]) + chart["alt"]
        assert "nan" not in text.lower().replace("nanosecond", ""), name
        assert "undefined" not in text, name


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.label)
def test_every_preset_is_a_link_that_opens_as_it_says(open_page: OpenPage, preset: Any) -> None:
    app = open_page(**CODEC.to_query(preset.state))
    assert not app.warning
    assert not app.error
    (caption,) = [plain(part.value) for part in app.caption if plain(part.value).startswith("H = ")]
    experiment = preset.state.experiment
    for said in (
        f"H = {experiment.hidden_size}",
        f"T = {preset.state.lag + 1}",
        "seed",
        "input",
        "loss",
        "bias",
    ):
        assert said in caption, caption


def test_the_presets_are_offered_as_links_to_this_page(open_page: OpenPage) -> None:
    app = open_page()
    app.session_state["gradients-popover-presets"] = True
    run(app)
    links = app.get("page_link")
    assert [link.proto.label for link in links] == [preset.label for preset in PRESETS]
    assert all("gradients" in link.proto.page for link in links)


def test_the_matrix_that_grows_reaches_19_4_at_lag_9(open_page: OpenPage) -> None:
    (preset,) = [p for p in PRESETS if "eigenvalues" in p.label]
    app = open_page(**CODEC.to_query(preset.state))
    assert 10 ** line(app, "singular values", "singular value 1")[9] == pytest.approx(19.4, abs=0.05)
    assert "19.4 at lag 9" in charts(app)["singular values"]["alt"]
    assert "0.90" in charts(app)["singular values"]["alt"]


def test_the_loss_everywhere_hides_what_the_last_step_alone_shows(open_page: OpenPage) -> None:
    (preset,) = [p for p in PRESETS if "illusion" in p.label]
    query = CODEC.to_query(preset.state)
    everywhere = open_page(**query)
    flat = line(everywhere, "reach", "Elman")
    assert flat.max() - flat.min() < 1.0
    assert "sources" in charts(everywhere)
    last = open_page(**query | {"everywhere": "0"})
    falling = line(last, "reach", "Elman")
    assert falling[-1] < -20
    assert "sources" not in charts(last)


def test_detaching_the_gates_leaves_the_product_of_the_forget_gates(open_page: OpenPage) -> None:
    app = open_page(detached="1", lag="30")
    whole, product = line(app, "products", "all of dc"), line(app, "products", "product of the gates")
    np.testing.assert_allclose(whole, product, atol=1e-9)


def test_a_cell_state_so_large_that_tanh_is_one_still_has_a_gradient(open_page: OpenPage) -> None:
    app = open_page(forget_bias="10", lag="1000", network="lstm-biased")
    assert "∞" not in title(app)
    drawn = line(app, "reach", "LSTM, forget")
    assert np.isfinite(drawn).all()


def test_the_tables_hold_the_numbers_of_the_panels(open_page: OpenPage) -> None:
    app = open_page(lag="20", everywhere="1")
    for name in (*PANELS, "sources"):
        app.session_state[f"gradients-chart-{name}"] = {"table": True}
    run(app)
    for name, chart in charts(app).items():
        table = chart["table"]
        assert table is not None, name
        assert table["total"] >= 20, name
        assert not any("nan" in cell for row in table["rows"] for cell in row), name


# --- check this ------------------------------------------------------------------------------------------


def test_one_number_is_computed_in_three_ways_that_agree(open_page: OpenPage) -> None:
    app = open_page(lag="20", timestep="17", unit="3")
    app.session_state["gradients-check"] = True
    run(app)
    (frame,) = [part.value for part in app.dataframe if "computed by" in part.value.columns]
    values = [float(text.replace("\N{MINUS SIGN}", "-")) for text in frame["value"]]
    assert values[0] == pytest.approx(values[1], rel=1e-10)
    assert values[0] == pytest.approx(values[2], rel=1e-5)
    assert values[0] != 0


def test_a_number_too_small_for_a_difference_says_so(open_page: OpenPage) -> None:
    app = open_page(lag="200", timestep="0")
    app.session_state["gradients-check"] = True
    run(app)
    (frame,) = [part.value for part in app.dataframe if "computed by" in part.value.columns]
    assert "too small for a difference" in frame["relative error"].iloc[2]


# --- bad input -------------------------------------------------------------------------------------------

BAD = {
    "lag 0": ({"lag": "0"}, "from 5 to 3,000; got '0'"),
    "lag a million": ({"lag": "1000000"}, "from 5 to 3,000; got '1000000'"),
    "no loss": ({"loss": ""}, "The loss is one of sum, unit, squared error, cross-entropy; got ''"),
    "another loss": ({"loss": "hinge"}, "The loss is one of"),
    "a loss step behind the end": ({"loss_timestep": "2000"}, "a timestep from 0 to 100; got 2000"),
    "a loss unit that is not there": ({"loss": "unit", "loss_unit": "60"}, "a unit from 0 to 7; got 60"),
    "a lag too long for so many units": (
        {"hidden_size": "64", "lag": "1000"},
        "the lag is at most 187; got 1,000",
    ),
    "another network": ({"network": "transformer"}, "The network is one of"),
    "a rate that is no number": ({"rate": "nan"}, "The rate is a number from"),
    "a scale too large": ({"recurrent_scale": "1e9"}, "from 0 to 1000"),
}
REFUSED = {
    "an empty text": ({"text": ""}, "Enter 1 to 200"),
    "a target outside the alphabet": (
        {"loss": "cross-entropy", "target": "Q"},
        "a symbol of the input, one of 't', 'h', 'e'",
    ),
    "a class of noise that is not there": (
        {"loss": "cross-entropy", "target": "4", "source": "noise"},
        "a symbol of the input, one of '0', '1', '2', '3'; got '4'",
    ),
    "a target that is no number": ({"loss": "squared error", "target": "nan"}, "is a number such as 0.5"),
    "a target too large to be squared": (
        {"loss": "squared error", "target": "1e300"},
        "at most 1,000,000 in size",
    ),
    "a network that overflows": (
        {"network": "elman-relu", "recurrent_scale": "1000", "lag": "3000"},
        "overflows float64 at step",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_broken_link_says_its_rule_and_what_arrived_and_the_rest_is_shown(
    open_page: OpenPage, name: str
) -> None:
    query, said = BAD[name]
    app = open_page(**query)
    warnings = "\n".join(plain(part.value) for part in app.warning)
    assert said in warnings
    assert set(charts(app)) == set(PANELS)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_gets_a_sentence_and_the_last_picture_stays(
    open_page: OpenPage, name: str
) -> None:
    query, said = REFUSED[name]
    app = open_page(**query)
    errors = "\n".join(plain(part.value) for part in app.error)
    assert said in errors
    assert set(charts(app)) == set(PANELS)


@pytest.mark.parametrize("scale", ["0", "1000"])
@pytest.mark.parametrize("network", ["elman", "gru", "lstm", "lstm-1997", "lstm-niaf"])
def test_extreme_weights_are_drawn_by_their_logarithms_and_nothing_is_nan(
    open_page: OpenPage, network: str, scale: str
) -> None:
    app = open_page(network=network, recurrent_scale=scale, lag="60")
    assert "nan" not in title(app).lower()
    for chart in charts(app).values():
        assert "nan" not in chart["alt"].lower()
        assert "undefined" not in chart["alt"]
        low, high = chart["figure"]["layout"]["yaxis"].get("range", (0, 1))
        assert math.isfinite(low)
        assert math.isfinite(high)


def test_the_page_keeps_its_state_when_the_reader_comes_back(open_page: OpenPage) -> None:
    app = open_page(lag="70")
    app.switch_page("pages/gates.py")
    run(app)
    for name in list(app.query_params):
        del app.query_params[name]
    app.switch_page("pages/gradients.py")
    run(app)
    assert "over 70 steps" in title(app)


def test_the_default_state_is_what_an_empty_address_means(open_page: OpenPage) -> None:
    assert CODEC.read({}) == (DEFAULT, [])
    app = open_page()
    assert CODEC.read({name: "".join(app.query_params[name]) for name in app.query_params}) == (DEFAULT, [])
