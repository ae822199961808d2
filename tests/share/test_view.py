"""What a notebook shows: the numbers of the run, in a page that needs nothing beside it."""

import gzip
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import plotly.offline
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import memviz
from memviz.cells import CELLS
from memviz.network import Network
from memviz.share import MOST_BYTES, View, page_html, show
from memviz.stage import stage_payload
from memviz.trace import Trace
from tests.share.reading import elements, held, plotted, unpacked

SEQUENCE = memviz.encode("hello world")


def run(cell: str = "lstm", units: int = 4, seed: int = 0) -> tuple[Network, Trace]:
    network = memviz.Experiment(cell=cell, hidden_size=units, seed=seed).build(SEQUENCE)
    return network, memviz.record(network, SEQUENCE)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("cell", CELLS)
def test_a_page_holds_the_numbers_of_the_run(cell: str) -> None:
    network, trace = run(cell)
    found = held(show(trace, network))
    for name, array in found["payload"]["arrays"].items():
        np.testing.assert_array_equal(unpacked(array), trace[name].astype(np.float32))
    assert found["payload"]["tokens"] == list(trace.tokens)
    assert found["payload"]["position"] == {"timestep": 0, "unit": 0, "serial": 0}


@pytest.mark.parametrize("cell", CELLS)
def test_the_lines_of_the_figure_are_the_states_light_and_dark(cell: str) -> None:
    network, trace = run(cell, units=8)
    (states,) = held(show(trace, network, units=[1, 5]))["figures"]
    drawn = [name for name in ("cell", "hidden") if name in trace.names]
    for scheme in ("light", "dark"):
        lines = [plotted(line["y"]) for line in states[scheme]["data"]]
        np.testing.assert_array_equal(lines, [trace[name][:, unit] for name in drawn for unit in (1, 5)])
    assert {row[3] for row in states["table"]["rows"]} == {"1", "5"}
    assert "units 1, 5" in states["alt"]


def test_a_gradient_brings_its_run_its_network_and_a_figure() -> None:
    network, trace = run()
    flow = memviz.gradient_flow(network, trace)
    found = held(show(flow))
    hidden = unpacked(found["payload"]["gradients"]["arrays"]["hidden"])
    np.testing.assert_allclose(hidden, oracle_of_hidden_gradient(network, SEQUENCE.inputs), rtol=1e-6)
    assert [figure["name"] for figure in found["figures"]] == ["states", "gradients"]
    assert found["payload"]["products"]
    assert found == held(show(trace, network, flow=flow))


def oracle_of_hidden_gradient(network: Network, inputs: np.ndarray) -> np.ndarray:
    """d sum(h_T) / dh_t by autograd through torch.nn's own cell."""
    module = torch.nn.LSTMCell(network.features, network.hidden_size, dtype=torch.float64)
    module.load_state_dict(dict(network.parameters))
    state = (torch.zeros(1, network.hidden_size, dtype=torch.float64),) * 2
    kept = []
    for x in torch.tensor(inputs):
        state = module(x[None], state)
        state[0].retain_grad()
        kept.append(state[0])
    kept[-1].sum().backward()
    return np.concatenate([hidden.grad for hidden in kept])


def test_without_a_network_the_summands_are_sent_as_the_trace_has_them() -> None:
    for cell in CELLS:
        _, trace = run(cell)
        payload = held(show(trace))["payload"]
        assert payload["products"] == {}
        for name in trace.cell.pre_activations:
            for part in trace.cell.summands(name):
                np.testing.assert_array_equal(
                    unpacked(payload["arrays"][part]), trace[part].astype(np.float32)
                )


def test_a_payload_without_a_network_has_a_key_of_its_own() -> None:
    network, trace = run()
    assert stage_payload(None, trace)["key"] != stage_payload(network, trace)["key"]


def test_what_holds_a_run_and_its_network_is_shown_with_both() -> None:
    network, trace = run()
    assert show(SimpleNamespace(trace=trace, network=network)).html == show(trace, network).html


def test_a_comparison_lays_the_first_run_under_the_second() -> None:
    network, trace = run()
    held_open = memviz.record(network, SEQUENCE, interventions=[memviz.Clamp("forget", 1.0)])
    view = show(memviz.compare(trace, held_open), network)
    payload = held(view)["payload"]
    np.testing.assert_array_equal(unpacked(payload["arrays"]["cell"]), held_open["cell"].astype(np.float32))
    np.testing.assert_array_equal(
        unpacked(payload["second"]["arrays"]["cell"]), trace["cell"].astype(np.float32)
    )
    assert view.html == show(held_open, network, before=trace).html
    assert "From step 1 (“e”) the cell state changes" in view.html


def test_the_frame_of_a_notebook_holds_exactly_the_page() -> None:
    network, trace = run()
    view = show(trace, network, title='<b>"bold" & brash</b>')
    ((tag, attributes),) = elements(view._repr_html_())
    assert tag == "iframe"
    assert attributes["srcdoc"] == view.html
    assert attributes["title"] == 'memviz: <b>"bold" & brash</b>'
    assert "sandbox" not in attributes  # the page reads how dark the notebook is, and says how high it is
    assert "memviz: <b>" in repr(view)


def test_the_page_is_saved_as_it_is(tmp_path: Path) -> None:
    network, trace = run()
    view = show(trace, network)
    view.save(tmp_path / "run.html")
    assert (tmp_path / "run.html").read_bytes() == view.html.encode()


@given(
    token=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
    | st.sampled_from(["</script>", "<!--<script>", "]]>", "<img src=x onerror=alert(1)>", "&lt;", "\x00"])
)
def test_no_token_and_no_title_can_leave_its_place(token: str) -> None:
    network, trace = run(units=2)
    named = Trace(trace.cell, (token,) * len(trace), trace.inputs, {**trace.signals}, trace.initial)
    view = show(named, network, title=token, figures=False)
    plain = show(trace, network, title="a", figures=False)
    assert [tag for tag, _ in elements(view.html)] == [tag for tag, _ in elements(plain.html)]
    assert held(view)["payload"]["tokens"] == [token] * len(trace)


def test_the_figures_bring_plotlys_own_script_and_nothing_else_does() -> None:
    network, trace = run()
    with_figures, without = show(trace, network), show(trace, network, figures=False)
    packed = held(with_figures)["plotly"]
    assert gzip.decompress(b64decode(packed)).decode() == plotly.offline.get_plotlyjs()
    assert "plotly" not in held(without)
    assert held(without)["figures"] == []
    assert len(without.html) < 250_000 < 1_900_000 < len(with_figures.html) < 2_400_000


@pytest.mark.parametrize(
    ("units", "time", "with_gradients"),
    [(16, 3000, False), (64, 1200, False), (16, 800, True), (64, 220, True)],
)
def test_runs_as_long_as_the_docstring_says_fit(units: int, time: int, with_gradients: bool) -> None:
    network = memviz.Experiment(hidden_size=units).build(4)
    trace = memviz.record(network, torch.randn(time, 4, generator=generator()))
    view = show(memviz.gradient_flow(network, trace)) if with_gradients else show(trace, network)
    assert len(view.html.encode()) <= MOST_BYTES
    assert f"{units} units" in " ".join((show.__doc__ or "").split())
    assert f"{time:,}" in (show.__doc__ or "")


def test_a_page_that_would_be_too_large_is_refused_with_what_to_do() -> None:
    network = memviz.Experiment(hidden_size=64).build(4)
    trace = memviz.record(network, torch.randn(2500, 4, generator=generator()))
    with pytest.raises(
        ValueError, match=r"at most 6 MB; this run of 2,500 timesteps and 64 units .* fewer timesteps"
    ):
        show(trace, network)


@pytest.mark.parametrize(("unit", "first"), [(0, 0), (20, 20), (99, 36)])
def test_of_a_wide_layer_64_units_are_drawn_from_the_one_that_is_asked_for(unit: int, first: int) -> None:
    module = torch.nn.LSTM(3, 100, dtype=torch.float64)
    for parameter in module.parameters():
        torch.nn.init.uniform_(parameter, -0.3, 0.3, generator=generator())
    x = torch.randn(9, 3, generator=generator(), dtype=torch.float64)
    with torch.no_grad():
        hidden = module(x)[0].numpy()
    network = Network.from_torch(module)
    view = show(memviz.gradient_flow(network, x), unit=unit)
    payload = held(view)["payload"]
    np.testing.assert_allclose(
        unpacked(payload["arrays"]["hidden"]), hidden[:, first : first + 64], atol=1e-7
    )
    assert payload["chosen"] == list(range(first, first + 64))
    assert payload["position"]["unit"] == unit - first
    assert f"The stage draws units {first} to {first + 63}, which read all 100." in view.html
    assert [figure["name"] for figure in held(view)["figures"]] == ["states", "gradients"]


def test_what_is_no_run_is_refused_with_what_is_one() -> None:
    # In a process of its own: here a call with a wrong type does not reach the function.
    program = """
import memviz
sequence = memviz.encode("hi")
for thing in ("a trace", None, 3.0, sequence, memviz.Experiment().build(sequence), memviz.Trace):
    try:
        memviz.show(thing)
    except TypeError as error:
        print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    rule = "What is shown is a Trace, a GradientFlow, a Comparison or a part of a Recording; got "
    names = ("str", "NoneType", "float", "Sequence", "Network", "type")
    assert said.splitlines() == [f"{rule}{name}." for name in names]


def test_another_network_is_refused_also_of_the_same_shape() -> None:
    _, trace = run(seed=0)
    with pytest.raises(
        ValueError, match="The network is the one that made the run; got another: input_from_input"
    ):
        show(trace, run(seed=1)[0])
    with pytest.raises(ValueError, match="The trace is of another network"):
        show(trace, run("gru")[0])


def test_a_network_is_known_again_where_its_products_were_changed_or_its_numbers_are_coarse() -> None:
    network, _ = run()
    clamped = memviz.record(network, SEQUENCE, interventions=[memviz.Scale("input_from_input", 3.0)])
    show(clamped, network, figures=False)
    coarse = network.replace(**{k: v.to(torch.bfloat16).double() for k, v in network.parameters.items()})
    show(memviz.record(coarse, SEQUENCE), network, figures=False)


def test_a_gradient_of_another_run_is_refused() -> None:
    network, trace = run()
    other = memviz.gradient_flow(network, memviz.encode("hello earth").inputs[:, : network.features])
    with pytest.raises(ValueError, match="The gradient is that of the run that is shown"):
        show(trace, network, flow=other)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"timestep": 11}, "timesteps of this run are 0 to 10; got 11"),
        ({"timestep": -1}, "timesteps of this run are 0 to 10; got -1"),
        ({"unit": 4}, r"units of this run are 0 to 3, .*unit 4"),
        ({"units": [0, 9]}, r"units of this run are 0 to 3, .*units \[0, 9\]"),
        ({"units": []}, "1 to 6 of them are drawn as lines"),
        ({"units": [0] * 7}, "1 to 6 of them are drawn as lines"),
    ],
)
def test_a_place_that_the_run_does_not_have_is_refused(options: dict[str, object], rule: str) -> None:
    network, trace = run()
    with pytest.raises(ValueError, match=rule):
        show(trace, network, **options)


def test_a_ground_can_be_wished_for() -> None:
    network, trace = run()
    wishes = {wish: show(trace, network, figures=False, dark=wish).html for wish in (None, True, False)}
    assert 'dataset.wish = ""' in wishes[None]
    assert 'dataset.wish = "dark"' in wishes[True]
    assert 'dataset.wish = "light"' in wishes[False]


def test_a_notebook_needs_neither_streamlit_nor_ipython() -> None:
    program = (
        "import memviz, sys; s = memviz.encode('hello'); n = memviz.Experiment().build(s); "
        "v = memviz.show(memviz.record(n, s), n); assert isinstance(v, memviz.View); print(v, *sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stderr == ""
    assert {"streamlit", "IPython"}.isdisjoint(said.stdout.split())
    assert "memviz.share" in said.stdout.split()


def test_the_menu_says_which_names_it_does_not_have() -> None:
    with pytest.raises(AttributeError, match="module 'memviz' has no attribute 'shew'"):
        _ = memviz.shew


def test_the_sentence_of_a_page_is_text() -> None:
    network, trace = run()
    page = page_html("t", "<i>5 < 6 & “x”</i>", stage_payload(network, trace))
    assert "&lt;i&gt;5 &lt; 6 &amp; “x”&lt;/i&gt;" in page
    assert View("t", page)._repr_html_().count("<") == 2
