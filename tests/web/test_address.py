"""The codec of the address: what was written is read back, and what is broken is said and takes its default."""

from dataclasses import asdict, fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.edits import SetWeight, SwapUnits, TokenEdit
from memviz.experiment import Experiment
from memviz.initialisation import INITIALISATIONS
from memviz.interventions import Clamp, Reset
from memviz.models import NAMES
from memviz.stage import NODES, PHASES
from memviz.web.gates.address import CODEC, DEFAULT, GatesState
from tests import strategies

read = CODEC.read

SIGNALS = ("input", "forget", "candidate", "output", "reset", "update", "cell", "cell_tanh", "hidden")
BIASES = st.none() | st.floats(-100, 100)
# Dictionaries, which the tests make states of: beartype, which checks those, draws from `random`, and a strategy
# of hypothesis must not.
SETTINGS = st.fixed_dictionaries(
    {
        "cell": st.sampled_from(sorted(CELLS)),
        "hidden_size": st.integers(1, 64),
        "seed": st.integers(0, 2**32 - 1),
        "initialisation": st.sampled_from(INITIALISATIONS),
        "chrono_steps": st.integers(3, 100_000),
        "forget_bias": BIASES,
        "update_bias": BIASES,
        "input_bias": BIASES,
        "recurrent_scale": st.floats(0, 1000),
        "edits": st.lists(strategies.edits, max_size=4),
        "interventions": st.lists(strategies.interventions, max_size=4),
    }
)
VIEWS = st.fixed_dictionaries(
    {
        "text": st.text(max_size=300),
        "kind": st.sampled_from(["text", "words", "bits", "numbers", "signal"]),
        "standardise": st.booleans(),
        "timestep": st.integers(0, 2999),
        "unit": st.integers(0, 63),
        "signal": st.sampled_from(["", *SIGNALS]),
        "phase": st.sampled_from(["", *PHASES]),
        "node": st.sampled_from(["", *NODES]),
        "units": st.lists(st.integers(0, 63), min_size=1, max_size=6, unique=True).map(tuple),
        "loss_timestep": st.none() | st.integers(0, 2999),
        "loss_unit": st.none() | st.integers(0, 63),
        "gradients": st.booleans(),
        "change": st.none()
        | st.builds(
            TokenEdit, st.sampled_from(["replace", "insert"]), st.integers(0, 9_999), st.text(max_size=20)
        )
        | st.builds(TokenEdit, st.just("delete"), st.integers(0, 9_999)),
        "what_if": st.booleans(),
        "chosen": st.integers(0, 63),
        "weight": st.sampled_from(
            ["", "forget_from_hidden~2", "candidate_bias~0", "output_from_gates~99999"]
        ),
        "model": st.sampled_from(["", *NAMES]),
        "concept": st.integers(0, 9),
        "threshold": st.integers(0, 100),
    }
)
OTHER = GatesState(
    text="0.1, 2",
    kind="numbers",
    standardise=True,
    experiment=Experiment(
        cell="gru-v3", hidden_size=5, seed=7, update_bias=None, input_bias=-2.0, recurrent_scale=1.5
    ),
    timestep=0,
    unit=0,
    signal="update",
    phase="write",
    node="through_reset",
    units=(4, 1),
    loss_timestep=0,
    loss_unit=0,
    gradients=True,
    change=TokenEdit("insert", 1, "0.5"),
    what_if=True,
    chosen=2,
    weight="update_from_input~1",
    concept=1,
    threshold=75,
)
MODEL = replace(OTHER, model="parity-lstm")  # it brings a cell and a kind with it
VIEW = [field.name for field in fields(GatesState) if field.name != "experiment"]
WHOLE = {
    "timestep": 2999,
    "unit": 63,
    "loss_timestep": 2999,
    "loss_unit": 63,
    "chosen": 63,
    "concept": 9,
    "threshold": 100,
}
NO_WHOLE_NUMBER = {
    "empty": "",
    "blank": " ",
    "negative": "-1",
    "plus": "+1",
    "a fraction": "1.5",
    "a float": "1.0",
    "an exponent": "1e1",
    "hexadecimal": "0x1",
    "an underscore": "1_0",
    "a space before": " 1",
    "a newline after": "1\n",
    "Arabic digits": "٣",
    "a superscript": "²",
    "fullwidth": "１",
    "NUL": "\x00",
    "a lone surrogate": "\ud800",
    "not a number": "nan",
    "infinite": "inf",
    "100 kB of nines": "9" * 100_000,
    "5,000 digits": "1" * 5_000,
    "markup": "<b>1</b>",
    "two": "1,2",
}


def through_the_browser(query: dict[str, str]) -> dict[str, str]:
    return dict(parse_qsl(urlencode(query), keep_blank_values=True, strict_parsing=True))


@given(VIEWS, SETTINGS)
def test_a_written_state_is_read_back_exactly_and_without_a_problem(
    view: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert set(view) == set(VIEW)
    state = GatesState(**view, experiment=strategies.experiment_of(settings))
    query = state.to_query()
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in query.items())
    assert read(query) == (state, [])
    assert read(through_the_browser(query)) == (state, [])


@pytest.mark.parametrize("name", VIEW)
def test_each_part_of_the_view_alone_survives_the_address(name: str) -> None:
    other = MODEL if name == "model" else OTHER
    assert getattr(other, name) != getattr(DEFAULT, name)
    state = replace(DEFAULT, **{name: getattr(other, name)})
    assert read(state.to_query()) == (state, [])


@pytest.mark.parametrize("name", [field.name for field in fields(Experiment)])
def test_each_setting_alone_survives_the_address(name: str) -> None:
    value = getattr(OTHER.experiment, name)
    if value == getattr(DEFAULT.experiment, name):
        value = {
            "initialisation": "chrono",
            "chrono_steps": 50,
            "forget_bias": None,
            "edits": (SwapUnits(0, 3), SetWeight("weight_hh", 3, 2, 0.5)),
            "interventions": (Clamp("forget", 1.0, [0, 3], range(2, 5)), Reset([4])),
        }[name]
    state = replace(DEFAULT, experiment=replace(DEFAULT.experiment, **{name: value}))
    assert read(state.to_query()) == (state, [])


def test_an_address_without_anything_is_the_default() -> None:
    assert read({}) == (DEFAULT, [])
    assert read(DEFAULT.to_query()) == (DEFAULT, [])


def test_the_sequence_and_the_version_are_always_written() -> None:
    query = DEFAULT.to_query()
    assert (query["v"], query["text"], query["kind"]) == ("1", DEFAULT.text, DEFAULT.kind)
    assert "timestep" not in query  # short: what is at its default stays out


def test_a_default_link_stays_short() -> None:
    assert len(urlencode(DEFAULT.to_query())) < 400


@pytest.mark.parametrize(
    ("query", "changed"),
    [
        ({"timestep": "2999"}, {"timestep": 2999}),
        ({"timestep": "0"}, {"timestep": 0}),
        ({"unit": "63"}, {"unit": 63}),
        ({"units": "63"}, {"units": (63,)}),
        ({"units": "5,4,3,2,1,0"}, {"units": (5, 4, 3, 2, 1, 0)}),
        ({"units": "1,1,2"}, {"units": (1, 2)}),
        ({"standardise": "1"}, {"standardise": True}),
        ({"text": ""}, {"text": ""}),
        ({"text": "x" * 10_000}, {"text": "x" * 10_000}),
    ],
)
def test_what_is_just_inside_a_rule_is_taken(query: dict[str, str], changed: dict[str, Any]) -> None:
    assert read(query) == (replace(DEFAULT, **changed), [])


def check_one_problem(name: str, raw: str, *words: str) -> None:
    """One sentence: the rule, and what arrived in at most 40 visible ASCII characters; all the rest as by default."""
    state, problems = read({name: raw})
    assert state == DEFAULT
    (problem,) = problems
    rule, _, arrived = problem.rpartition("; got ")
    for word in words:
        assert word in rule
    assert arrived.endswith(".")
    arrived = arrived.removesuffix(".")
    assert len(arrived) <= 40
    assert arrived.replace("…", "").isascii()
    assert arrived.isprintable()
    whole = ascii(raw) if len(ascii(raw)) <= 40 else ascii(raw)[:39] + "…"
    if name in VIEW:
        assert arrived == whole
    else:  # a setting that is a number, but out of its range, may be said as that number
        assert arrived == whole or float(arrived) == float(raw)
    # The others are still read.
    others = {key: value for key, value in OTHER.to_query().items() if key != name}
    state, problems = read(others | {name: raw})
    assert len(problems) == 1
    settings = asdict(OTHER)
    default = asdict(DEFAULT)
    where = "experiment" if name in settings["experiment"] else None
    if where:
        settings["experiment"][name] = default["experiment"][name]
    elif name in settings:
        settings[name] = default[name]
    assert asdict(state) == settings


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("raw", NO_WHOLE_NUMBER.values(), ids=NO_WHOLE_NUMBER)
def test_what_is_no_whole_number_is_said_and_left_out(name: str, raw: str) -> None:
    check_one_problem(name, raw, "whole number", f"from 0 to {WHOLE[name]}")


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_number_past_its_end_is_said_and_left_out(name: str) -> None:
    check_one_problem(name, str(WHOLE[name] + 1), "whole number", f"from 0 to {WHOLE[name]}")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        ",",
        "1,",
        ",1",
        "1,,2",
        "64",
        "-1",
        "1.5",
        "٣",
        "0,1,2,3,4,5,6",
        "1;2",
        "1, 2",
        "1," * 50_000,
        "\x00",
    ],
)
def test_units_that_break_the_rule_are_said_and_left_out(raw: str) -> None:
    check_one_problem("units", raw, "1 to 6", "from 0 to 63")


@pytest.mark.parametrize("raw", ["", "2", "true", "True", "-1", "01", "١", "\x00", "x" * 100_000])
def test_a_switch_is_0_or_1(raw: str) -> None:
    check_one_problem("standardise", raw, "0 or 1")


@pytest.mark.parametrize("raw", ["", "Text", "text ", "csv", "\x00", "\ud800", "t" * 100_000])
def test_an_unknown_kind_is_said_with_those_there_are(raw: str) -> None:
    check_one_problem("kind", raw, "text", "words", "bits", "numbers", "signal")


@pytest.mark.parametrize("raw", ["", "Write", "write ", "<b>", "\x00"])
def test_an_unknown_phase_or_node_is_said_with_those_there_are(raw: str) -> None:
    check_one_problem("phase", raw, *PHASES)
    check_one_problem("node", raw, *NODES)


@pytest.mark.parametrize(
    "forged",
    [{"phase": 1}, {"phase": "dream"}, {"node": "bus"}, {"node": None}, {"signal": "bias"}, {"unit": -1}],
)
def test_a_place_that_no_stage_can_have_is_refused(forged: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        GatesState(**forged)


@pytest.mark.parametrize(
    "raw", ["", "Forget", "f", "forget_pre", "__class__", "\x00", "\ud800", "f" * 100_000]
)
def test_an_unknown_signal_is_said_with_those_there_are(raw: str) -> None:
    check_one_problem("signal", raw, *SIGNALS)


@pytest.mark.parametrize("raw", ["x" * 2_000_000, "\x00" * 1_000_000, "\ud800" * 1_000_000])
def test_a_text_that_is_too_long_is_said_and_left_out(raw: str) -> None:
    check_one_problem("text", raw, "text", "at most", "characters")


@pytest.mark.parametrize(
    ("name", "raw", "word"),
    [
        ("cell", "rnn", "lstm"),
        ("cell", "", "gru"),
        ("cell", "\x00", "elman"),
        ("cell", "\ud800", "elman"),
        ("cell", "l" * 100_000, "elman"),
        ("hidden_size", "65", "1 to 64"),
        ("hidden_size", "0", "1 to 64"),
        ("hidden_size", "٣", "1 to 64"),
        ("hidden_size", "8.0", "1 to 64"),
        ("seed", "-1", "0 to 4294967295"),
        ("seed", "4294967296", "0 to 4294967295"),
        ("seed", "9" * 100_000, "0 to 4294967295"),
        ("forget_bias", "nan", "-100 to 100"),
        ("forget_bias", "1e999", "-100 to 100"),
        ("forget_bias", "", "none"),
        ("update_bias", "100.1", "-100 to 100"),
        ("recurrent_scale", "inf", "0 to 1000"),
        ("recurrent_scale", "-0.1", "0 to 1000"),
        ("recurrent_scale", "1_0", "0 to 1000"),
        ("initialisation", "xavier", "orthogonal"),
        ("chrono_steps", "2", "3 to 100000"),
    ],
)
def test_a_broken_setting_is_said_and_left_out(name: str, raw: str, word: str) -> None:
    check_one_problem(name, raw, word)


@pytest.mark.parametrize("raw", ["2", "", "01", "1.0", "\x00", "\ud800", "v" * 100_000])
def test_another_version_is_said_and_the_rest_is_still_read(raw: str) -> None:
    state, (problem,) = read(OTHER.to_query() | {"v": raw})
    assert state == OTHER
    assert "version" in problem
    shown = ascii(raw) if len(ascii(raw)) <= 40 else ascii(raw)[:39] + "…"
    assert shown in problem
    assert len(problem) < 150


def test_several_broken_parameters_have_a_sentence_each() -> None:
    state, problems = read({"unit": "x", "timestep": "y", "cell": "z", "kind": "q", "signal": "forget"})
    assert state == replace(DEFAULT, signal="forget")
    assert len(problems) == 4
    assert sorted(problem.rpartition("got ")[2] for problem in problems) == ["'q'.", "'x'.", "'y'.", "'z'."]


@pytest.mark.parametrize(
    "name", ["x", "Text", "", "\x00", "\ud800", "<b>", "k" * 100_000, "experiment", "layers"]
)
def test_an_unknown_parameter_is_said(name: str) -> None:
    state, (problem,) = read({name: "1"})
    assert state == DEFAULT
    assert "know" in problem
    shown = ascii(name) if len(ascii(name)) <= 40 else ascii(name)[:39] + "…"
    assert shown in problem
    assert problem.replace("…", "").isascii()
    assert len(problem) < 150


def test_a_flood_of_unknown_parameters_is_one_short_sentence() -> None:
    state, (problem,) = read({f"{'k' * 60}{n}": "1" for n in range(2000)})
    assert state == DEFAULT
    assert len(problem) < 400


KEYS = st.sampled_from(["v", *VIEW, *asdict(DEFAULT.experiment)]) | st.text(st.characters(), max_size=10)
NASTY = st.sampled_from(["", "0", "1", "-1", "none", "1,2", "forget", "lstm", "9" * 5000, "٣", "1e400"])
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=50) | NASTY  # lone surrogates, too


@given(st.dictionaries(KEYS, ANY_TEXT, max_size=12))
def test_reading_never_fails_and_gives_a_state_that_can_be_written(query: dict[str, str]) -> None:
    state, problems = read(query)
    assert len(problems) <= len(query)
    assert all(problem.replace("…", "").isascii() and problem.isprintable() for problem in problems)
    assert all(len(problem) < 500 for problem in problems)
    assert read(state.to_query()) == (state, [])
