"""Frozen settings: the same network every time, and no text from a URL or a file can break them."""

import dataclasses
import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import config

from memviz.cells import CELLS
from memviz.edits import SetWeight, SwapUnits, ZeroBlock
from memviz.encoding import encode
from memviz.experiment import Experiment
from memviz.interventions import Add, Clamp, Patch
from memviz.trace import record
from tests import oracles, strategies

every_cell = pytest.mark.parametrize("name", oracles.NAMES)
reals = st.floats(-100, 100)
experiments = st.fixed_dictionaries(
    {
        "cell": st.sampled_from(oracles.NAMES),
        "hidden_size": st.integers(1, 64),
        "seed": st.integers(0, 2**32 - 1),
        "initialisation": st.sampled_from(["uniform", "orthogonal", "normal", "chrono", "non-normal"]),
        "chrono_steps": st.integers(3, 100_000),
        "forget_bias": st.none() | reals,
        "update_bias": st.none() | reals,
        "input_bias": st.none() | reals,
        "recurrent_scale": st.floats(0, 1000),
        "edits": st.lists(strategies.edits, max_size=4),
        "interventions": st.lists(strategies.interventions, max_size=4),
    }
)
ORDINARY = {
    "cell": "gru",
    "hidden_size": 5,
    "seed": 9,
    "initialisation": "orthogonal",
    "chrono_steps": 50,
    "forget_bias": 1.5,
    "update_bias": -2.25,
    "input_bias": -0.75,
    "recurrent_scale": 0.5,
}


@pytest.fixture
def unchecked():
    """What a user of the library meets, who has no annotations checked at every call."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", before)


def identical(one: Experiment, other: Experiment) -> bool:
    """Equal, and equal in the sign of zero and in type too."""
    return one == other and repr(one) == repr(other)


# --- the record ------------------------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_design() -> None:
    assert dataclasses.asdict(Experiment()) == {
        "cell": "lstm",
        "hidden_size": 8,
        "seed": 0,
        "initialisation": "uniform",
        "chrono_steps": 100,
        "forget_bias": None,
        "update_bias": None,
        "input_bias": None,
        "recurrent_scale": 1.0,
        "edits": (),
        "interventions": (),
    }


def test_an_experiment_is_frozen_and_hashable() -> None:
    experiment = Experiment(**ORDINARY)
    with pytest.raises(dataclasses.FrozenInstanceError):
        experiment.seed = 3
    assert {experiment: "here"}[Experiment(**ORDINARY)] == "here"
    assert experiment != Experiment()


def test_a_whole_number_for_a_bias_becomes_the_float_it_equals(unchecked) -> None:
    experiment = Experiment(forget_bias=3, recurrent_scale=2)
    assert type(experiment.forget_bias) is float
    assert type(experiment.recurrent_scale) is float
    assert identical(experiment, Experiment(forget_bias=3.0, recurrent_scale=2.0))


@pytest.mark.parametrize(
    ("settings_", "rule"),
    [
        ({"hidden_size": 0}, "The hidden size is a whole number from 1 to 64; got 0."),
        ({"hidden_size": 65}, "The hidden size is a whole number from 1 to 64; got 65."),
        ({"seed": -1}, "The seed is a whole number from 0 to 4294967295; got -1."),
        ({"seed": 2**32}, "The seed is a whole number from 0 to 4294967295; got 4294967296."),
        ({"chrono_steps": 2}, "The chrono steps is a whole number from 3 to 100000; got 2."),
        ({"chrono_steps": 100_001}, "The chrono steps is a whole number from 3 to 100000; got 100001."),
        ({"forget_bias": 100.5}, 'The forget bias is a number from -100 to 100 or "none"; got 100.5.'),
        ({"forget_bias": math.nan}, 'The forget bias is a number from -100 to 100 or "none"; got nan.'),
        ({"update_bias": -math.inf}, 'The update bias is a number from -100 to 100 or "none"; got -inf.'),
        ({"input_bias": -100.5}, 'The input bias is a number from -100 to 100 or "none"; got -100.5.'),
        ({"recurrent_scale": -0.5}, "The recurrent scale is a number from 0 to 1000; got -0.5."),
        ({"recurrent_scale": 1e9}, "The recurrent scale is a number from 0 to 1000; got 1000000000.0."),
        ({"cell": "lstn"}, f"The cell is one of {', '.join(CELLS)}; got 'lstn'."),
        (
            {"initialisation": ""},
            "The initialisation is one of uniform, orthogonal, normal, chrono, non-normal; got ''.",
        ),
    ],
)
def test_a_setting_out_of_its_range_is_refused_with_its_rule(settings_, rule: str) -> None:
    with pytest.raises(ValueError, match="got") as refusal:
        Experiment(**settings_)
    assert str(refusal.value) == rule


@pytest.mark.parametrize("name", sorted(ORDINARY))
@pytest.mark.parametrize("value", [True, False, [], {}, [1], {"a": 1}])
def test_bools_and_containers_are_no_settings(name: str, value, unchecked) -> None:
    with pytest.raises(ValueError, match=f"^The {name.replace('_', ' ')} is .*; got "):
        Experiment(**{name: value})
    with pytest.raises(ValueError, match="; got "):
        Experiment.from_json(json.dumps({name: value}))


@pytest.mark.parametrize("name", [n for n in sorted(ORDINARY) if not n.endswith("_bias")])
def test_only_the_biases_may_be_left_to_the_draw(name: str, unchecked) -> None:
    with pytest.raises(ValueError, match=r"; got None\.$"):
        Experiment.from_json(json.dumps({name: None}))
    biases = '{"forget_bias": null, "update_bias": null, "input_bias": null}'
    assert Experiment.from_json(biases) == Experiment()


# --- the network it builds -------------------------------------------------------------------------------


@every_cell
def test_the_same_settings_build_the_same_bits_on_eight_threads_at_once(name: str) -> None:
    experiment = Experiment(cell=name, seed=3, forget_bias=1.0, initialisation="orthogonal")
    sequence = encode("hello world")
    expected = experiment.build(sequence).parameters

    def disturbed(_: int):
        torch.rand(5)
        return experiment.build(sequence).parameters

    with ThreadPoolExecutor(8) as pool:
        for parameters in pool.map(disturbed, range(16)):
            assert set(parameters) == set(expected)
            assert all(torch.equal(parameters[key], value) for key, value in expected.items())


def test_building_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    Experiment(initialisation="chrono").build(encode("abc"))
    assert torch.equal(torch.get_rng_state(), before)


@every_cell
@pytest.mark.parametrize("initialisation", ["uniform", "chrono", "orthogonal"])
def test_typing_on_does_not_change_an_earlier_step_of_any_signal(name: str, initialisation: str) -> None:
    experiment = Experiment(cell=name, hidden_size=7, seed=11, initialisation=initialisation, forget_bias=0.5)
    text = "the cat, der Käse 🧀!"
    whole = encode(text)
    last = record(experiment.build(whole), whole)
    for length in (1, 2, 5, 12):
        sequence = encode(text[:length])
        trace = record(experiment.build(sequence), sequence)
        assert trace.names == last.names
        for signal in trace.names:
            assert np.array_equal(trace[signal], last[signal][:length]), (signal, length)


def test_a_symbol_keeps_its_weights_whatever_stands_before_it() -> None:
    experiment = Experiment(seed=2)
    one, other = encode("ab"), encode("xyba")
    column = experiment.build(one).parameters["weight_ih"][:, one.features.index("a")]
    again = experiment.build(other).parameters["weight_ih"][:, other.features.index("a")]
    assert torch.equal(column, again)


def test_numeric_columns_are_keyed_by_their_place() -> None:
    experiment = Experiment(cell="gru", seed=4)
    by_sequence = experiment.build(encode("1 2 3 4", kind="numbers")).parameters
    by_number = experiment.build(1).parameters
    wider = experiment.build(3).parameters
    assert all(torch.equal(by_sequence[key], by_number[key]) for key in by_number)
    assert torch.equal(wider["weight_ih"][:, :1], by_number["weight_ih"])


@pytest.mark.parametrize("features", [0, -3])
def test_a_network_without_inputs_is_refused(features: int) -> None:
    with pytest.raises(ValueError, match=rf"1 or more input features; got {features}\."):
        Experiment().build(features)


# The block of the forget or update gate within the packed rows, and the sign of the bias it gets.
@pytest.mark.parametrize(
    ("name", "option", "block", "sign"),
    [
        ("lstm", "forget_bias", 1, 1),
        ("lstm-peephole", "forget_bias", 1, 1),
        ("lstm-nig", "forget_bias", 0, 1),
        ("lstm-nog", "forget_bias", 1, 1),
        ("lstm-niaf", "forget_bias", 1, 1),
        ("lstm-noaf", "forget_bias", 1, 1),
        ("lstm-fgr", "forget_bias", 1, 1),
        ("lstm-coupled", "forget_bias", 0, -1),  # f = 1 - i = sigma(-a_i)
        ("lstm-1997", "forget_bias", None, 1),
        ("lstm-nfg", "forget_bias", None, 1),
        ("gru", "forget_bias", None, 1),
        ("elman", "forget_bias", None, 1),
        ("gru", "update_bias", 1, 1),
        ("gru-v3", "update_bias", 1, 1),
        ("lstm", "update_bias", None, 1),
        ("elman-relu", "update_bias", None, 1),
        ("lstm", "input_bias", 0, 1),
        ("lstm-1997", "input_bias", 0, 1),
        ("lstm-coupled", "input_bias", 0, 1),
        ("lstm-fgr", "input_bias", 0, 1),
        ("lstm-nig", "input_bias", None, 1),
        ("gru", "input_bias", None, 1),
        ("elman", "input_bias", None, 1),
    ],
)
@pytest.mark.parametrize("initialisation", ["uniform", "chrono"])
def test_a_bias_sets_its_block_of_bias_ih_and_zeroes_that_of_bias_hh_alone(
    name: str, option: str, block: int | None, sign: int, initialisation: str
) -> None:
    base = Experiment(cell=name, hidden_size=5, seed=6, initialisation=initialisation)
    plain = base.build(2).parameters
    built = dataclasses.replace(base, **{option: 3.5}).build(2).parameters
    rows = slice(0, 0) if block is None else slice(5 * block, 5 * block + 5)
    expected = {key: value.clone() for key, value in plain.items()}
    expected["bias_ih"][rows] = sign * 3.5
    expected["bias_hh"][rows] = 0.0
    for key, value in expected.items():
        assert torch.equal(built[key], value), key


def test_a_coupled_forget_gate_opens_with_a_positive_forget_bias() -> None:
    sequence = encode("abcab")
    experiment = Experiment(cell="lstm-coupled", forget_bias=6.0)
    assert record(experiment.build(sequence), sequence)["forget"].min() > 0.97


def test_an_input_bias_of_coupled_gates_gives_way_to_a_forget_bias() -> None:
    both = Experiment(cell="lstm-coupled", hidden_size=3, forget_bias=2.0, input_bias=5.0).build(1).parameters
    alone = Experiment(cell="lstm-coupled", hidden_size=3, forget_bias=2.0).build(1).parameters
    assert all(torch.equal(both[key], value) for key, value in alone.items())
    assert both["bias_ih"][:3].tolist() == [-2.0] * 3


def test_forget_and_input_biases_of_ln_t_hold_for_about_t_steps() -> None:
    bias = math.log(100)
    built = Experiment(hidden_size=2, forget_bias=bias, input_bias=-bias, recurrent_scale=0.0).build(1)
    trace = record(built.replace(weight_ih=torch.zeros(8, 1)), np.zeros((3, 1)))
    np.testing.assert_allclose(trace["forget"], 100 / 101, rtol=1e-12)
    np.testing.assert_allclose(trace["input"], 1 / 101, rtol=1e-12)


def test_an_input_bias_wins_over_a_chrono_draw() -> None:
    built = Experiment(hidden_size=4, initialisation="chrono", input_bias=0.5).build(1).parameters
    chrono = Experiment(hidden_size=4, initialisation="chrono").build(1).parameters
    assert built["bias_ih"][:4].tolist() == [0.5] * 4
    assert torch.equal(built["bias_ih"][4:], chrono["bias_ih"][4:])


@every_cell
@pytest.mark.parametrize("initialisation", ["normal", "non-normal"])
def test_the_recurrent_scale_multiplies_every_initialisation(name: str, initialisation: str) -> None:
    plain = Experiment(cell=name, initialisation=initialisation).build(2).parameters
    scaled = Experiment(cell=name, initialisation=initialisation, recurrent_scale=10.0).build(2).parameters
    assert torch.equal(scaled["weight_hh"], 10.0 * plain["weight_hh"])
    assert torch.equal(scaled["weight_ih"], plain["weight_ih"])


def test_a_forget_bias_of_zero_is_a_number_and_not_the_draw() -> None:
    built = Experiment(hidden_size=4, forget_bias=0.0).build(1).parameters
    assert not built["bias_ih"][4:8].any()
    assert not built["bias_hh"][4:8].any()
    assert built["bias_hh"][:4].all()


@pytest.mark.parametrize(
    ("name", "blocks"), [("lstm", {0: -1, 1: 1}), ("gru", {1: 1}), ("lstm-coupled", {0: -1})]
)
def test_chrono_sets_the_blocks_of_its_gates_and_leaves_the_others(name: str, blocks: dict[int, int]) -> None:
    plain = Experiment(cell=name, hidden_size=5, seed=1).build(2).parameters
    built = Experiment(cell=name, hidden_size=5, seed=1, initialisation="chrono", chrono_steps=40).build(2)
    for block in range(oracles.ORACLES[name].blocks):
        rows = slice(5 * block, 5 * block + 5)
        ih, hh = built.parameters["bias_ih"][rows], built.parameters["bias_hh"][rows]
        if block in blocks:
            signed = blocks[block] * ih
            assert (signed >= 0).all()
            assert (signed <= math.log(39)).all()
            assert len(signed.unique()) == 5
            assert not hh.any()
        else:
            assert torch.equal(ih, plain["bias_ih"][rows])
            assert torch.equal(hh, plain["bias_hh"][rows])


def test_chrono_opens_the_forget_gate_by_as_much_as_it_closes_the_input_gate() -> None:
    built = Experiment(hidden_size=6, initialisation="chrono").build(1).parameters["bias_ih"]
    assert torch.equal(built[:6], -built[6:12])


@pytest.mark.parametrize("scale", [0.0, 0.5, 1000.0])
@every_cell
def test_the_recurrent_scale_multiplies_the_recurrent_weights_alone(name: str, scale: float) -> None:
    plain = Experiment(cell=name, seed=8).build(2).parameters
    built = Experiment(cell=name, seed=8, recurrent_scale=scale).build(2).parameters
    for key, value in plain.items():
        factor = scale if key in ("weight_hh", "weight_gates") else 1.0
        assert torch.equal(built[key], value * factor), key


# --- to a URL and back -----------------------------------------------------------------------------------


@given(experiments)
@settings(max_examples=200)
def test_a_url_gives_back_exactly_the_settings_it_was_made_from(drawn: dict[str, Any]) -> None:
    experiment = strategies.experiment_of(drawn)
    query = experiment.to_query()
    assert all(type(key) is str and type(value) is str for key, value in query.items())
    again, problems = Experiment.from_query(query)
    assert problems == []
    assert identical(again, experiment)


@given(experiments)
@settings(max_examples=200)
def test_json_gives_back_exactly_the_settings_it_was_made_from(drawn: dict[str, Any]) -> None:
    experiment = strategies.experiment_of(drawn)
    assert identical(Experiment.from_json(experiment.to_json()), experiment)


def test_an_address_leaves_out_what_it_cannot_hold_and_a_file_holds_it() -> None:
    patch, clamp = Patch("cell", np.array([[0.1, -0.0], [1e-300, 2.0]])), Clamp("forget", 1.0)
    beyond = Clamp("forget", 1.0, steps=[10_000])
    full = Experiment(interventions=(patch, clamp, beyond, *[Add("hidden", 0.5)] * 40))
    short, problems = Experiment.from_query(full.to_query())
    assert problems == []
    assert short == full.in_address
    assert short.interventions == (clamp, *[Add("hidden", 0.5)] * 31)
    assert identical(Experiment.from_json(full.to_json()), full)
    assert len(Experiment(edits=(SwapUnits(0, 1),) * 90).in_address.edits) == 64


def test_edits_and_interventions_are_missing_where_an_address_has_none() -> None:
    default = Experiment(edits=(SwapUnits(0, 1),), interventions=(Clamp("forget", 1.0),))
    assert Experiment.from_query({}, default) == (Experiment(), [])
    assert default.plain == Experiment()


def test_edits_are_applied_in_their_order_to_the_network_that_was_drawn() -> None:
    plain = Experiment(hidden_size=3, seed=4).build(2).parameters
    edits = (SetWeight("weight_hh", 4, 1, 0.5), SwapUnits(1, 2), ZeroBlock("bias_ih", "output"))
    built = Experiment(hidden_size=3, seed=4, edits=edits).build(2).parameters
    expected = plain["weight_hh"].clone()
    expected[4, 1] = 0.5  # unit 1 of the forget gate; the swap brings it to unit 2
    order = [0, 2, 1]
    expected = expected.reshape(4, 3, 3)[:, order][:, :, order].reshape(12, 3)
    assert torch.equal(built["weight_hh"], expected)
    assert torch.equal(built["weight_ih"], plain["weight_ih"].reshape(4, 3, 2)[:, order].reshape(12, 2))
    assert not built["bias_ih"][9:].any()
    assert torch.equal(built["bias_ih"][:9], plain["bias_ih"][:9].reshape(3, 3)[:, order].reshape(9))
    with pytest.raises(ValueError, match=r"weight_hh is \(12, 3\).*got \(12, 0\)"):
        Experiment(hidden_size=3, edits=(SetWeight("weight_hh", 12, 0, 1.0),)).build(2)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"interventions": "clamp~forget~nan"}, "An intervention is written as"),
        ({"interventions": "hold~forget~1"}, "one of clamp"),
        ({"edits": "set~weight_hh~0~0~1e9"}, "A weight is a number from -10,000 to 10,000; got"),
        ({"edits": "set~weight_hh~0"}, "An edit is written as"),
        ({"edits": "set~weights~0~0~1"}, "The parameters of a cell are among"),
        ({"edits": "zero~weight_hh~forgot"}, "A block is of one of"),
        ({"edits": "swap~0~-1"}, "An edit is written as"),
        ({"edits": "~~".join(["swap~0~1"] * 65)}, "at most 64 edits"),
    ],
)
def test_a_broken_what_if_is_said_and_left_out(query: dict[str, str], sentence: str) -> None:
    again, (problem,) = Experiment.from_query(query | {"seed": "3"})
    assert again == Experiment(seed=3)
    assert sentence in problem


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"version": 2}, "version 1; got version 2"),
        ({"version": True}, "version 1; got version True"),
        ({"edits": {}}, "Edits are a list"),
        ({"edits": [{"kind": "cut"}]}, "An edit is an object of a kind"),
        ({"edits": [{"kind": "swap", "first": 0}]}, "A swap has first, second"),
        ({"edits": [{"kind": "swap", "first": 0, "second": 1.5}]}, "a whole number from 0"),
        ({"edits": [{"kind": "swap", "first": 0, "second": 1}] * 1_001}, "at most 1,000 edits; got 1,001"),
        ({"interventions": [{"kind": "reset", "steps": [-1]}]}, "whole numbers from 0"),
    ],
)
def test_a_file_with_a_broken_what_if_or_of_another_version_is_refused(
    settings: dict[str, object], sentence: str, unchecked: None
) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Experiment.from_json(json.dumps(settings))


def test_a_missing_parameter_takes_the_default_that_is_given() -> None:
    default = Experiment(**ORDINARY)
    again, problems = Experiment.from_query({"seed": "12", "utm_source": "mail"}, default)
    assert problems == []
    assert again == dataclasses.replace(default, seed=12)
    assert Experiment.from_query({}) == (Experiment(), [])


JUNK = [
    "",
    " ",
    "1_0",
    "٣",
    "1e400",
    "-1e400",
    "nan",
    "NaN",
    "inf",
    "-inf",
    " 8",
    "8 ",
    "8\n",
    "0x10",
    "1e",
    ".",
]
JUNK += ["--1", "1,5", "½", "\ud800", "None", "true", "[8]", "<b>", "9" * 13, "x" * 100_000, "1" * 100_000]


@pytest.mark.parametrize("name", sorted(ORDINARY))
@pytest.mark.parametrize("text", JUNK, ids=lambda text: ascii(text[:20]))
def test_junk_in_a_url_is_one_sentence_and_leaves_the_default(name: str, text: str) -> None:
    default = Experiment(**ORDINARY)
    experiment, problems = Experiment.from_query(
        {name: text, "seed": "1"} if name != "seed" else {name: text}, default
    )
    assert getattr(experiment, name) == ORDINARY[name]
    assert len(problems) == 1
    sentence = problems[0]
    assert sentence.startswith(f"The {name.replace('_', ' ')} is ")
    assert "; got " in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 300  # a hundred thousand characters are not shown back
    assert sentence.isprintable()
    if name != "seed":
        assert experiment.seed == 1  # the parameters beside it still count


@pytest.mark.parametrize("name", ["hidden_size", "seed", "chrono_steps"])
@pytest.mark.parametrize("text", ["+8", "8.0", "-8", "8e0"])
def test_whole_numbers_are_written_in_digits_alone(name: str, text: str) -> None:
    experiment, problems = Experiment.from_query({name: text})
    assert experiment == Experiment()
    assert problems == [f"{problems[0].split(';')[0]}; got '{text}'."]


@pytest.mark.parametrize(
    ("text", "value"), [("8", 8.0), ("8.0", 8.0), ("+8", 8.0), ("-.5", -0.5), ("1e1", 10.0)]
)
def test_a_bias_may_be_written_as_any_plain_number(text: str, value: float) -> None:
    assert Experiment.from_query({"forget_bias": text}) == (Experiment(forget_bias=value), [])


def test_each_broken_parameter_has_a_sentence_of_its_own() -> None:
    experiment, problems = Experiment.from_query(dict.fromkeys(ORDINARY, "?") | {"hidden_size": "3"})
    assert experiment == Experiment(hidden_size=3)
    assert len(problems) == len(ORDINARY) - 1
    assert all("got '?'." in sentence for sentence in problems)


@given(st.dictionaries(st.sampled_from(sorted(ORDINARY)), st.text(max_size=20)))
@settings(max_examples=200)
def test_no_text_in_a_url_raises_an_error(query: dict[str, str]) -> None:
    experiment, problems = Experiment.from_query(query)
    kept = [name for name in query if getattr(experiment, name) == getattr(Experiment(), name)]
    assert len(problems) <= len(kept)


# --- from a file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "3",
        '"lstm"',
        "[]",
        "[{}]",
        "{",
        "{'cell': 'lstm'}",
        "nan",
        "[" * 100_000,
        '{"cell": "lstm"}x',
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_a_text_that_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^The settings are a JSON object; got .{0,60}\.$"):
        Experiment.from_json(text)


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"cell, hidden_size, .*; got 'hiddensize'\."):
        Experiment.from_json('{"hiddensize": 4}')


def test_a_missing_setting_takes_its_default() -> None:
    assert Experiment.from_json('{"seed": 5}') == Experiment(seed=5)
    assert Experiment.from_json("{}") == Experiment()


@pytest.mark.parametrize(
    "text",
    [
        '{"hidden_size": 8.0}',
        '{"hidden_size": "8"}',
        '{"seed": 1e400}',
        '{"forget_bias": NaN}',
        '{"forget_bias": Infinity}',
        '{"forget_bias": "1"}',
        '{"cell": 3}',
        '{"cell": "\\ud800"}',
        '{"recurrent_scale": 1e400}',
        '{"seed": -1}',
        '{"seed": ' + "1" * 4000 + "}",
        '{"cell": ' + "[" * 500 + "]" * 500 + "}",
    ],
    ids=lambda text: ascii(text[:24]),
)
def test_a_wrong_value_in_a_file_is_refused(text: str, unchecked) -> None:
    with pytest.raises(ValueError, match=r"^The .* is .*; got .{1,60}\.$"):
        Experiment.from_json(text)


def test_a_number_of_thousands_of_digits_is_refused_with_our_own_sentence(unchecked) -> None:
    with pytest.raises(ValueError, match=r"^The "):  # Python's own refuses above 4,300 digits
        Experiment.from_json('{"seed": ' + "1" * 5000 + "}")
    with pytest.raises(ValueError, match=r"^The seed is a whole number"):
        Experiment(seed=10**5000)
