"""What the ribbon's browser part gets: the tokens as they are, and the trace's own numbers."""

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.encoding import Sequence, encode
from memviz.network import Network
from memviz.stage import ribbon_payload
from memviz.theme import LOOKS
from memviz.trace import Trace, record
from tests import oracles

HOSTILE = ("<b>x</b>", "</script>", '"', "\\", "\n", "\x00", "👩‍👩‍👧", "\u202e", "&amp;", "", " ")


def run(cell: str = "lstm", tokens: tuple[str, ...] = tuple("hello"), scale: float = 1.0) -> Trace:
    network = Network(cell, oracles.as_torch(oracles.parameters(cell, 2, 3, seed=1, scale=scale)))
    sequence = Sequence(tokens, None, oracles.inputs(2, len(tokens), seed=1), ("a", "b"), "numbers")
    return record(network, sequence)


def rounded(value: float) -> Decimal:
    """To three significant digits."""
    return Decimal(f"{value:.2e}")


@pytest.mark.parametrize("cell", CELLS)
def test_values_and_labels_are_those_of_the_trace(cell: str) -> None:
    trace = run(cell)
    for signal in (name for name in LOOKS if name in trace.names):
        for unit in range(trace.units):
            payload = ribbon_payload(trace, signal, unit, 2, dark=False)
            np.testing.assert_allclose(payload["values"], trace[signal][:, unit], rtol=0, atol=0.5001e-4)
            shown = [Decimal(text.replace("−", "-")) for text in payload["shown"]]
            assert shown == [rounded(value) for value in trace[signal][:, unit].tolist()]
            assert payload["timestep"] == 2


def test_tokens_are_data_and_stay_as_they_are() -> None:
    payload = ribbon_payload(run(tokens=HOSTILE), "forget", 0, 0, dark=False)
    assert payload["tokens"] == list(HOSTILE)
    rest = {key: value for key, value in payload.items() if key != "tokens"}
    assert "<" not in json.dumps(rest)


@given(st.lists(st.text(max_size=20), min_size=1, max_size=6))
def test_any_token_survives_json(tokens: list[str]) -> None:
    payload = ribbon_payload(run(tokens=tuple(tokens)), "hidden", 1, 0, dark=True)
    assert json.loads(json.dumps(payload, allow_nan=False))["tokens"] == tokens


@pytest.mark.parametrize("signal", ["input", "forget", "output"])
def test_a_gate_runs_from_0_to_1(signal: str) -> None:
    payload = ribbon_payload(run(), signal, 0, 0, dark=False)
    assert (payload["low"], payload["high"]) == (0, 1)


@pytest.mark.parametrize(
    ("scale", "signal"), [(0.1, "candidate"), (0.1, "cell"), (3.0, "candidate"), (3.0, "cell")]
)
def test_signed_values_run_evenly_around_zero_and_at_least_to_1(scale: float, signal: str) -> None:
    trace = run("lstm-niaf", scale=scale)
    for unit in range(trace.units):
        payload = ribbon_payload(trace, signal, unit, 0, dark=False)
        assert payload["low"] == -payload["high"]
        assert payload["high"] == pytest.approx(max(1.0, np.abs(trace[signal][:, unit]).max()))
    assert scale < 1 or np.abs(trace["cell"]).max() > 1


def test_the_colours_are_those_of_the_theme_in_light_and_dark() -> None:
    light, dark = (ribbon_payload(run(), "forget", 0, 0, dark=dark)["colours"] for dark in (False, True))
    assert len(set(light)) == len(light) > 2
    assert not set(light) & set(dark)
    assert ribbon_payload(run(), "candidate", 0, 0, dark=False)["colours"] != light


def test_the_label_names_signal_symbol_and_unit() -> None:
    assert ribbon_payload(run(), "forget", 2, 0, dark=False)["label"] == "forget gate f of unit 2"
    assert "n of unit 1" in ribbon_payload(run("gru"), "candidate", 1, 0, dark=False)["label"]


def test_the_payload_holds_plain_json_types_alone() -> None:
    def check(value: object) -> None:
        assert type(value) in (dict, list, str, int, float, bool)
        if isinstance(value, dict | list):
            for part in value.values() if isinstance(value, dict) else value:
                check(part)

    check(ribbon_payload(run("lstm-niaf", scale=3.0), "candidate", 0, 0, dark=False))


def test_the_longest_text_stays_below_60_kilobytes() -> None:
    sequence = encode(" ".join(["👩" * 12] * 200), "words")  # nearly 10,000 bytes
    network = Network("lstm", oracles.as_torch(oracles.parameters("lstm", 1, 64, seed=1)))
    payload = ribbon_payload(record(network, sequence), "cell", 63, 199, dark=False)
    assert len(payload["tokens"]) == len(payload["values"]) == len(payload["shown"]) == 200
    assert len(json.dumps(payload).encode()) < 60_000
