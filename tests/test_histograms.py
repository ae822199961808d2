"""How weights are spread: counts against plain comparisons, the figure read back, and the sentence above it."""

import json

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from memviz.edits import SetWeight, ZeroBlock, apply
from memviz.experiment import Experiment
from memviz.figures import weight_histograms
from memviz.findings import weights_finding
from memviz.histograms import histograms
from memviz.network import Network
from tests import oracles


def network_of(name: str, hidden: int = 4) -> Network:
    return Network(name, oracles.as_torch(oracles.parameters(name, 3, hidden, 0)))


@pytest.mark.parametrize("name", oracles.NAMES)
def test_each_weight_is_counted_once_in_the_bin_that_holds_it(name: str) -> None:
    network = network_of(name)
    counted = histograms(network)
    assert list(counted.counts) == [(g, w) for g in network.cell.gates for w in ("weight_ih", "weight_hh")]
    for (gate, parameter), counts in counted.counts.items():
        values = network.parameters[parameter][network.cell.rows(gate, 4)].flatten().tolist()
        pairs = list(zip(counted.edges[:-1], counted.edges[1:], strict=True))
        for index, (low, high) in enumerate(pairs):
            is_last = index == len(pairs) - 1
            inside = [v for v in values if low <= v < high or (is_last and v == high)]
            assert counts[index] == len(inside)
        assert counts.sum() == len(values)


def test_zeros_stand_in_the_middle_bin_and_the_bins_are_shared_with_the_original() -> None:
    drawn = network_of("gru")
    edited = apply(drawn, [ZeroBlock("weight_hh", "reset"), SetWeight("weight_ih", 0, 0, 9.0)])
    counted = histograms(edited, drawn)
    middle = len(counted.edges) // 2 - 1
    assert counted.edges[middle] < 0 < counted.edges[middle + 1]
    assert counted.counts["reset", "weight_hh"][middle] == 16
    assert counted.counts["reset", "weight_ih"][-1] == 1
    assert (counted.edges[0], counted.edges[-1]) == (-9.0, 9.0)
    assert counted.original is not None
    assert sum(int(counts.sum()) for counts in counted.original.values()) == 3 * 4 * (3 + 4)
    frame = counted.to_frame()
    assert len(frame) == 3 * 2 * 25
    assert frame["count"].sum() == frame["count as drawn"].sum() == 84


def test_without_a_difference_there_is_no_original() -> None:
    drawn = network_of("lstm")
    assert histograms(drawn, drawn).original is None
    assert "count as drawn" not in histograms(drawn, drawn).to_frame()
    assert histograms(apply(drawn, [ZeroBlock("bias_ih")]), drawn).original is None
    zeros = apply(drawn, [ZeroBlock("weight_ih"), ZeroBlock("weight_hh")])
    assert histograms(zeros).edges[-1] == 1.0


def test_networks_of_different_shapes_are_not_compared() -> None:
    for compare in (histograms, weights_finding):
        with pytest.raises(ValueError, match="An original has the cell, units and features"):
            compare(network_of("lstm"), network_of("lstm", 5))


@pytest.mark.parametrize("dark", [False, True])
def test_the_figure_shows_the_counts_on_one_x_axis_with_the_drawn_ones_dashed(dark: bool) -> None:
    drawn = network_of("lstm")
    edited = apply(drawn, [SetWeight("weight_hh", 4, 0, 3.0)])
    counted = histograms(edited, drawn)
    figure = weight_histograms(counted, "Title <b>", dark)
    loaded = json.loads(plotly.io.to_json(go.Figure(figure), engine="json"))
    bars = [trace for trace in figure["data"] if trace["type"] == "bar"]
    dashed = [trace for trace in figure["data"] if trace["type"] == "scatter"]
    assert len(bars) == len(dashed) == 8
    for bar, line, key in zip(bars, dashed, counted.counts, strict=True):
        np.testing.assert_array_equal(bar["y"], counted.counts[key])
        np.testing.assert_array_equal(bar["x"], counted.centres)
        np.testing.assert_array_equal(line["y"], counted.original[key])
        assert line["line"]["dash"] == "dot"
    axes = [value for name, value in loaded["layout"].items() if name.startswith("xaxis")]
    assert len({tuple(axis["range"]) for axis in axes}) == 1
    assert sum("matches" in axis for axis in axes) == 7
    assert loaded["layout"]["title"]["text"] == "Title &lt;b&gt;"
    assert len(weight_histograms(histograms(drawn), "T", dark)["data"]) == 8


def test_the_sentence_says_how_far_the_weights_spread() -> None:
    network = Experiment("gru", hidden_size=8, seed=1).build(3)
    x, h = (network.parameters[name].numpy() for name in ("weight_ih", "weight_hh"))
    sentence = weights_finding(network)
    assert f"from x spread by {x.std():.2f}" in sentence
    assert f"from h by {h.std():.2f}" in sentence
    gate = ["reset gate", "update gate", "candidate"][np.abs(h).max(axis=1).argmax() // 8]
    assert sentence.endswith(f"{np.abs(h).max():.2f} in size, in the {gate}")
    assert weights_finding(network, network) == sentence


def test_the_sentence_says_what_an_edit_changed_most() -> None:
    drawn = Network("lstm", {**network_of("lstm").parameters, "weight_hh": 0.25 * np.ones((16, 4))})
    edited = apply(drawn, [SetWeight("weight_hh", 6, 1, -2.0), SetWeight("weight_hh", 0, 0, 0.5)])
    assert weights_finding(edited, drawn) == (
        "2 of 112 weights differ from those drawn; the largest change is from 0.250 to −2.00, "
        "in the forget gate from h"
    )
    one = apply(drawn, [SetWeight("weight_hh", 6, 1, -2.0)])
    assert weights_finding(one, drawn).startswith("1 of 112 weights differs from those drawn")
