"""Edits of a network and of its input: pure, and refused with a sentence."""

import json
from urllib.parse import quote

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import config

from memviz.cells import CELLS
from memviz.edits import (
    SetWeight,
    SwapUnits,
    TokenEdit,
    ZeroBlock,
    delete_token,
    fitting,
    from_data,
    from_text,
    insert_token,
    remove_unit,
    replace_token,
    set_weight,
    swap_units,
    to_data,
    to_text,
    zero_block,
)
from memviz.encoding import EncodingError, encode
from memviz.experiment import Experiment
from memviz.network import Network
from memviz.trace import record
from tests import oracles, strategies

FEATURES, HIDDEN, TIME = 3, 4, 6
every_cell = pytest.mark.parametrize("name", oracles.NAMES)


def network_of(name: str) -> Network:
    return Network(CELLS[name], oracles.as_torch(oracles.parameters(name, FEATURES, HIDDEN, 0)))


@every_cell
def test_one_weight_is_set_and_nothing_else(name: str) -> None:
    network = network_of(name)
    for parameter, tensor in network.parameters.items():
        before = tensor.clone()
        edited = set_weight(network, parameter, 1, 2 if tensor.ndim == 2 else None, 0.125).parameters[
            parameter
        ]
        assert (edited != before).nonzero().tolist() == [[1, 2] if tensor.ndim == 2 else [1]]
        assert edited[(1, 2) if tensor.ndim == 2 else 1] == 0.125
        assert torch.equal(network.parameters[parameter], before)


@every_cell
def test_the_block_of_a_gate_is_set_to_zero_and_no_other(name: str) -> None:
    network = network_of(name)
    for index, gate in enumerate(network.cell.gates):
        edited = zero_block(network, "weight_hh", gate).parameters["weight_hh"]
        rows = np.arange(len(edited)) // HIDDEN
        assert not edited[rows == index].any()
        assert torch.equal(edited[rows != index], network.parameters["weight_hh"][rows != index])
    assert not zero_block(network, "bias_ih").parameters["bias_ih"].any()


@every_cell
def test_swapping_two_units_exchanges_their_signals_and_changes_nothing_else(name: str) -> None:
    network, xs = network_of(name), oracles.inputs(FEATURES, TIME, 0)
    order = [0, 3, 2, 1]
    plain, swapped = record(network, xs), record(swap_units(network, 1, 3), xs)
    for signal in plain.names:
        np.testing.assert_allclose(swapped[signal], plain[signal][:, order], rtol=1e-12, atol=1e-13)
    back = swap_units(swap_units(network, 1, 3), 1, 3)
    assert all(torch.equal(back.parameters[key], value) for key, value in network.parameters.items())


@every_cell
def test_a_unit_that_nothing_reads_can_be_removed_unseen(name: str) -> None:
    p = oracles.parameters(name, FEATURES, HIDDEN, 1)
    p["weight_hh"][:, 2] = 0
    if "weight_gates" in p:
        p["weight_gates"][:, [2, 6, 10]] = 0
    network, xs = Network(CELLS[name], oracles.as_torch(p)), oracles.inputs(FEATURES, TIME, 1)
    smaller = remove_unit(network, 2)
    assert smaller.hidden_size == HIDDEN - 1
    np.testing.assert_allclose(
        record(smaller, xs)["hidden"],
        np.delete(record(network, xs)["hidden"], 2, axis=1),
        rtol=1e-12,
        atol=1e-14,
    )


def test_a_replaced_token_changes_its_row_alone() -> None:
    original = encode("hello")
    edited = replace_token(original, 1, "o")
    assert "".join(edited.sequence.tokens) == "hollo"
    assert edited.sequence.features == original.features
    assert edited.alignment == tuple((t, t) for t in range(5))
    assert np.array_equal(edited.sequence.inputs, encode("hollo", alphabet="helo").inputs)


def test_an_inserted_and_a_deleted_token_have_no_partner() -> None:
    original = encode("hello")
    longer, shorter = insert_token(original, 5, "h"), delete_token(original, 0)
    assert ("".join(longer.sequence.tokens), "".join(shorter.sequence.tokens)) == ("helloh", "ello")
    assert longer.alignment == (*((t, t) for t in range(5)), (None, 5))
    assert shorter.alignment == ((0, None), (1, 0), (2, 1), (3, 2), (4, 3))
    first = insert_token(original, 0, "l")
    assert first.alignment == ((None, 0), *((t, t + 1) for t in range(5)))
    back = delete_token(first.sequence, 0).sequence
    assert back.tokens == original.tokens
    assert np.array_equal(back.inputs, original.inputs)


def test_the_same_network_reads_the_edited_sequence() -> None:
    original = encode("abcabc")
    network = Experiment(hidden_size=3).build(original)
    edited = insert_token(original, 3, "b").sequence
    trace, plain = record(network, edited), record(network, original)
    assert np.array_equal(trace["hidden"][:3], plain["hidden"][:3])
    rebuilt = Experiment(hidden_size=3).build(edited)
    assert all(torch.equal(rebuilt.parameters[key], value) for key, value in network.parameters.items())


def test_an_invisible_symbol_is_shown_and_words_and_numbers_are_edited_too() -> None:
    assert replace_token(encode("a b"), 0, " ").sequence.tokens == ("␣", "␣", "b")
    words = insert_token(encode("the cat", kind="words"), 2, "the")
    assert words.sequence.symbols == ("the", "cat", "the")
    numbers = replace_token(encode("1 2 3", kind="numbers"), 1, (-0.5,))
    assert numbers.sequence.tokens == ("1", "−0.5", "3")
    assert numbers.sequence.inputs.tolist() == [[1.0], [-0.5], [3.0]]


NETWORK, SEQUENCE = network_of("lstm"), encode("hello")
NUMBERS = encode("1 2 3", kind="numbers")
REFUSED = {
    "an unknown parameter": (
        lambda: set_weight(NETWORK, "weight", 0, 0, 1.0),
        r"The parameters are weight_ih, .*; got weight\.",
    ),
    "a row too many": (
        lambda: set_weight(NETWORK, "weight_hh", 16, 0, 1.0),
        r"weight_hh is \(16, 4\), a place in it is a row and column from 0; got \(16, 0\)\.",
    ),
    "a bias with a column": (lambda: set_weight(NETWORK, "bias_ih", 0, 0, 1.0), r"bias_ih is \(16,\), .* a row from 0"),
    "a matrix without one": (lambda: set_weight(NETWORK, "weight_hh", 0, None, 1.0), r"row and column from 0; got"),
    "NaN": (lambda: set_weight(NETWORK, "bias_ih", 0, None, float("nan")), r"A weight is a finite number; got nan\."),
    "an unknown gate": (
        lambda: zero_block(NETWORK, "weight_hh", "reset"),
        r"weight_hh has rows for input, forget, candidate, output; got reset\.",
    ),
    "a gate of a peephole": (
        lambda: zero_block(network_of("lstm-peephole"), "peephole_input", "input"),
        r"peephole_input has rows for no gate; got input\.",
    ),
    "a unit too many": (lambda: swap_units(NETWORK, 0, 4), r"The units are 0 to 3; got 4\."),
    "a negative unit": (lambda: remove_unit(NETWORK, -1), r"The units are 0 to 3; got -1\."),
    "the last unit": (
        lambda: remove_unit(Experiment(hidden_size=1).build(1), 0),
        r"A network has 1 or more units; got one, and it would go\.",
    ),
    "a symbol outside the alphabet": (
        lambda: replace_token(SEQUENCE, 0, "x"),
        r'A network reads the symbols of its alphabet, "h", "e", "l", "o"; got "x"\.',
    ),
    "markup": (lambda: insert_token(SEQUENCE, 0, "<b>" * 50), r"; got \"<b>.*…\"\."),
    "a step too late": (lambda: replace_token(SEQUENCE, 5, "h"), r"at a timestep from 0 to 4; got 5\."),
    "a step before the first": (lambda: delete_token(SEQUENCE, -1), r"at a timestep from 0 to 4; got -1\."),
    "a gap": (lambda: insert_token(SEQUENCE, 6, "h"), r"at a timestep from 0 to 5; got 6\."),
    "the only token": (lambda: delete_token(encode("a"), 0), r"got one, and it would go\."),
    "two numbers": (lambda: replace_token(NUMBERS, 0, (1.0, 2.0)), r"is 1 finite number; got \"\(1\.0, 2\.0\)\"\."),
    "no number": (lambda: replace_token(NUMBERS, 0, "x"), r"is 1 finite number; got \"x\"\."),
    "an infinite number": (lambda: replace_token(NUMBERS, 0, (float("inf"),)), r"is 1 finite number"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_an_edit_that_does_not_fit_is_refused_with_a_sentence(what: str) -> None:
    make, sentence = REFUSED[what]
    with pytest.raises((ValueError, EncodingError), match=sentence):
        make()


@given(st.lists(strategies.edits, max_size=8))
def test_an_address_and_a_file_hold_any_edits_exactly(drawn) -> None:
    edits = strategies.made(drawn)
    text = to_text(edits)
    assert from_text(text) == edits
    assert repr(from_text(text)) == repr(edits)  # also the sign of a zero
    assert quote(text, safe="") == text
    assert from_data(json.loads(json.dumps(to_data(edits)))) == edits


def test_the_text_of_edits_reads_as_it_is_meant() -> None:
    edits = (
        SetWeight("weight_hh", 3, 2, 0.5),
        SetWeight("bias_ih", 3, None, -1),
        ZeroBlock("weight_hh", "forget"),
    )
    assert to_text(edits) == "set~weight_hh~3~2~0.5~~set~bias_ih~3~-1.0~~zero~weight_hh~forget"
    assert from_text("zero~bias_hh~~swap~0~1") == (ZeroBlock("bias_hh"), SwapUnits(0, 1))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e5, "1", None, True])
def test_a_weight_that_is_no_number_in_range_is_refused(value: object) -> None:
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    try:
        with pytest.raises(ValueError, match="A weight is a number from -10,000 to 10,000; got"):
            SetWeight("weight_hh", 0, 0, value)
    finally:
        config.update("jaxtyping_disable", before)


@given(st.sampled_from(["replace", "insert", "delete"]), st.integers(0, 99_999), st.text(max_size=30))
def test_a_changed_token_survives_its_text(kind: str, timestep: int, token: str) -> None:
    change = TokenEdit(kind, timestep, token)
    assert TokenEdit.from_text(str(change)) == change
    assert (change.token == "") == (kind == "delete" or token == "")


def test_a_changed_token_as_a_value_does_what_the_functions_do() -> None:
    sequence = encode("abca")
    for change, edited in (
        (TokenEdit("replace", 1, "c"), replace_token(sequence, 1, "c")),
        (TokenEdit("insert", 4, "b"), insert_token(sequence, 4, "b")),
        (TokenEdit("delete", 0), delete_token(sequence, 0)),
    ):
        done = change.apply(sequence)
        assert done.sequence.tokens == edited.sequence.tokens
        assert (done.sequence.inputs == edited.sequence.inputs).all()
        assert done.alignment == edited.alignment
    table = encode("a;b\n1;2\n3;4", "numbers")
    assert TokenEdit("replace", 1, "-0.5; 1e3").apply(table).sequence.inputs.tolist() == [
        [1, 2],
        [-0.5, 1000],
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "A changed token is written as"),
        ("replace~x~a", "A changed token is written as"),
        ("replace", "A changed token is written as"),
        ("swap~1~a", "A token is changed by replace, insert, delete; got"),
        ("insert~1~" + "a" * 401, "at most 400 characters; got 401"),
    ],
)
def test_a_broken_text_of_a_changed_token_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(EncodingError, match=sentence):
        TokenEdit.from_text(text)


def test_a_token_outside_the_alphabet_of_the_network_is_refused() -> None:
    with pytest.raises(EncodingError, match=r'its alphabet, "h", .*; got "z"'):
        TokenEdit("replace", 0, "z").apply(encode("hello"))
    with pytest.raises(EncodingError, match="1 finite number"):
        TokenEdit("replace", 0, "1; 2").apply(encode("1 2 3", "numbers"))


def test_what_does_not_fit_is_told_by_its_place_and_the_rest_is_applied() -> None:
    network = network_of("lstm")
    edits = (
        SetWeight("bias_ih", 99, None, 1.0),
        SwapUnits(0, 1),
        ZeroBlock("peephole_input"),
        SwapUnits(0, 9),
    )
    applied, problems = fitting(network, edits)
    assert applied == (SwapUnits(0, 1),)
    assert list(problems) == [0, 2, 3]
    assert "got 9" in problems[3]


def test_an_edit_of_a_gates_row_never_becomes_another_gates_or_units() -> None:
    edit = SetWeight("weight_hh", 9, 2, 2.0, "lstm-8")  # unit 1 of the forget gate
    for network in (Experiment(hidden_size=5), Experiment(hidden_size=16), Experiment(cell="gru")):
        with pytest.raises(
            ValueError, match=r"This edit is of lstm-8; got (lstm|gru)-\d+, whose rows are others"
        ):
            edit.apply(network.build(3))
    for name in ("lstm", "lstm-peephole"):  # the same rows
        network = Experiment(cell=name, hidden_size=8).build(3)
        edited = edit.apply(network).parameters["weight_hh"]
        assert (edited != network.parameters["weight_hh"]).nonzero().tolist() == [[9, 2]]
    for broken in ("lstm", "lstm-", "transformer-8", "lstm-8-8", "8"):
        with pytest.raises(ValueError, match="An edit is of a cell and its units, such as lstm-8; got"):
            SetWeight("weight_hh", 9, 2, 2.0, broken)
    assert from_text("set~weight_hh~9~2~2.0~lstm-8") == (edit,)
