"""Text, words, bits, numbers and signals become sequences; whatever cannot is refused in one sentence."""

import copy
import csv
import inspect
import io
import itertools
import math
import pickle
import statistics
import unicodedata
from fractions import Fraction

import numpy as np
import pytest
import regex
from hypothesis import assume, example, given
from hypothesis import strategies as st

from memviz.encoding import KINDS, EncodingError, Sequence, encode

SYMBOLIC = ("text", "words", "bits")
LIMITS = {"text": 200, "words": 200, "bits": 200, "numbers": 3000, "signal": 3000}


def _refusal(text: str, kind: str = "text", **options: object) -> str:
    with pytest.raises(EncodingError) as caught:
        encode(text, kind, **options)
    return str(caught.value)


# --- what a character is ------------------------------------------------------------------------------------

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (FAMILY, 1),
        (FAMILY * 3, 3),
        ("\U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea", 2),  # two flags of two regional indicators each
        ("\U0001f1eb\U0001f1f7\U0001f1e9", 2),  # a flag and half a flag
        (SCOTLAND, 1),
        ("\U0001f44d\U0001f3fd\U0001f44d", 2),  # a thumb with a skin tone, and one without
        ("1\ufe0f\u20e3", 1),  # keycap
        ("\u2764\ufe0f\u200d\U0001f525", 1),  # heart on fire
        ("e\u0301a", 2),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", 2),  # conjoining jamo of 한글
        ("\u0928\u093f", 1),  # Devanagari ni: consonant and vowel sign
        ("\u0915\u094d\u0937", 1),  # Devanagari ksha: a conjunct, one cluster since Unicode 15.1
        ("\u0e01\u0e33", 1),  # Thai ko kai with sara am
        ("a\r\nb", 3),
        ("a\n\rb", 4),
        ("<b>&amp;</b>", 12),
        ("![x](y) :red[ $$", 16),
        ("\u05e9\u05dc\u05d5\u05dd", 4),
    ],
)
def test_a_timestep_is_a_character_that_a_reader_sees(text: str, count: int) -> None:
    assert len(encode(text)) == count


def test_tokens_of_ordinary_text_are_its_characters_in_logical_order() -> None:
    assert encode("<i>").tokens == ("<", "i", ">")
    assert encode("\u05e9\u05dc\u05d5\u05dd").tokens == ("\u05e9", "\u05dc", "\u05d5", "\u05dd")


@pytest.mark.parametrize(
    ("character", "token"),
    [
        (" ", "␣"),
        ("\n", "↵"),
        ("\r\n", "↵"),
        ("\r", "↵"),
        ("\t", "⇥"),
        ("\u00a0", "U+00A0"),
        ("\u2028", "U+2028"),
        ("\u3000", "U+3000"),
        ("\u200b", "U+200B"),
        ("\u202e", "U+202E"),
        ("\u2066", "U+2066"),
        ("\ufeff", "U+FEFF"),
        ("\u00ad", "U+00AD"),
        ("\u3164", "U+3164"),  # Hangul filler: a letter that is blank
        ("\u2800", "U+2800"),  # Braille blank: a symbol that is blank
        ("\ue000", "U+E000"),
        ("\U000e0041", "U+E0041"),
        ("\uffff", "U+FFFF"),
    ],
)
def test_what_cannot_be_seen_is_shown_by_name(character: str, token: str) -> None:
    assert encode(character + "b").tokens == (token, "b")


@pytest.mark.parametrize(
    ("symbol", "token"),
    [
        (FAMILY, FAMILY),
        (SCOTLAND, SCOTLAND),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        ("\u0915\u094d\u200d", "\u0915\u094d\u200d"),  # the joiner shapes the letter
        ("\u06cc\u200c", "\u06cc\u200c"),
        ("a\u200d", "a⟨U+200D⟩"),
        ("a\U000e0041\U000e0042", "a⟨U+E0041⟩⟨U+E0042⟩"),  # text smuggled behind a letter
        ("\U0001f600\U000e0041", "\U0001f600⟨U+E0041⟩"),
        ("\U0001f600\u200d", "\U0001f600⟨U+200D⟩"),
        ("a\ufe0f", "a⟨U+FE0F⟩"),
        ("\ufe0f", "U+FE0F"),
        ("\u0301", "◌\u0301"),
        ("\u0600\u0661", "\u0600\u0661"),  # a format character with a glyph
    ],
)
def test_joiners_and_selectors_stay_where_they_do_their_work(symbol: str, token: str) -> None:
    sequence = encode(symbol)
    assert sequence.symbols == (symbol,)
    assert sequence.tokens == (token,)


def test_composed_and_decomposed_letters_are_one_symbol() -> None:
    sequence = encode("\u00e9e\u0301\u212b\u00c5")
    assert sequence.features == ("\u00e9", "\u00c5")
    np.testing.assert_array_equal(sequence.inputs, [[1, 0], [1, 0], [0, 1], [0, 1]])


def test_line_breaks_of_all_platforms_are_one_symbol() -> None:
    assert encode("a\nb\r\nc\rd").features == ("a", "\n", "b", "c", "d")


# --- one-hot ------------------------------------------------------------------------------------------------


def test_columns_are_symbols_in_order_of_first_appearance() -> None:
    sequence = encode("abba c")
    assert sequence.features == ("a", "b", " ", "c")
    assert sequence.feature_keys == ("symbol:a", "symbol:b", "symbol: ", "symbol:c")
    assert sequence.inputs.argmax(axis=1).tolist() == [0, 1, 1, 0, 2, 3]


def test_words_are_split_on_any_white_space() -> None:
    sequence = encode("  the cat\n\tthe\u00a0dog\u3000 ", "words")
    assert sequence.tokens == sequence.symbols == ("the", "cat", "the", "dog")
    assert sequence.features == ("the", "cat", "dog")


def test_a_word_shows_what_it_hides() -> None:
    assert encode("pay\u200bpal \u202eabc e\u0301", "words").tokens == ("pay⟨U+200B⟩pal", "⟨U+202E⟩abc", "é")


@pytest.mark.parametrize("text", ["0110", "0 1 1 0", "0,1,1,0", " 0, 1,\n1\t0 "])
def test_bits_have_two_columns_whatever_stands_between_them(text: str) -> None:
    sequence = encode(text, "bits")
    assert sequence.features == ("0", "1")
    np.testing.assert_array_equal(sequence.inputs, [[1, 0], [0, 1], [0, 1], [1, 0]])


def test_a_lone_bit_still_has_two_columns() -> None:
    np.testing.assert_array_equal(encode("1", "bits").inputs, [[0, 1]])


def test_an_alphabet_fixes_the_columns_and_their_order() -> None:
    sequence = encode("ba", alphabet=["c", "b", "a", " "])
    assert sequence.features == ("c", "b", "a", " ")
    np.testing.assert_array_equal(sequence.inputs, [[0, 1, 0, 0], [0, 0, 1, 0]])


def test_an_alphabet_may_be_one_string_or_any_iterable() -> None:
    assert encode("b", alphabet=f"ab {FAMILY}").features == ("a", "b", " ", FAMILY)
    assert encode("dog", "words", alphabet="cat dog").features == ("cat", "dog")
    assert encode("b", alphabet=(letter for letter in "ab")).features == ("a", "b")
    assert encode("\u00e9", alphabet=["e\u0301"]).features == ("\u00e9",)
    assert encode("1", "bits", alphabet=("0", "1")).features == ("0", "1")


@pytest.mark.parametrize(
    ("kind", "alphabet", "sentence"),
    [
        ("text", "bc", 'Every symbol is one of the alphabet: b c; got "a" as symbol 1.'),
        ("text", ["a", "b", "a"], 'An alphabet has each symbol once; got "a" twice.'),
        ("text", ["\u00e9", "e\u0301"], 'An alphabet has each symbol once; got "é" twice.'),
        ("text", [], "An alphabet has 1 to 1,000 symbols; got none."),
        (
            "text",
            (chr(0x4E00 + i) for i in itertools.count()),
            "An alphabet has 1 to 1,000 symbols; got more.",
        ),
        ("text", ["a", "cat"], 'Each entry of an alphabet is one symbol; got "cat", which is 3.'),
        ("text", ["a", ""], 'Each entry of an alphabet is one symbol; got "", which is 0.'),
        ("text", ["a", "\0"], "Enter no control characters but tab and newline; got U+0000 at position 1."),
        ("words", ["a", "b c"], 'Each entry of an alphabet is one word; got "b c", which is 2.'),
        ("bits", ("1", "0"), "Bits have the alphabet 0, 1; got another one."),
        ("numbers", ("1", "0"), 'Text and words take an alphabet; got one with the kind "numbers".'),
    ],
)
def test_a_broken_alphabet_is_refused(kind: str, alphabet: object, sentence: str) -> None:
    assert _refusal({"bits": "1", "numbers": "1"}.get(kind, "a b"), kind, alphabet=alphabet) == sentence


# --- numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "1,-2.5,3e2,.5",
        "1, -2.5, 3e2, .5",
        "1;-2.5;3E+2;.5",
        "1\t-2.5\t3e2\t.5",
        "1 -2.5  3e2 .5",
        "  1, -2.5, 3e2, .5,  ",
        "1,\n-2.5,\n3e2,\n.5",
        "1, -2.5,\n3e2, .5",
        "1, -2.5, 3e2,\n.5,\n",
        "1\n-2.5\n3e2\n.5\n",
        "1\r\n-2.5\r\n3e2\r\n.5\r\n\r\n",
        "\ufeff1\n-2.5\n3e2\n.5",
        '"1"\n"-2.5"\n"3e2"\n".5"',
        '"1","-2.5", "3e2" ,.5',
        "1,\u22122.5,3e2,.5",
        "\n\n1 -2.5 3e2 .5\n \n\t\n",
        "1.\n-2.50\n+300\n0.5",
    ],
)
def test_one_series_can_be_written_in_many_ways(text: str) -> None:
    sequence = encode(text, "numbers")
    np.testing.assert_array_equal(sequence.inputs, [[1], [-2.5], [300], [0.5]])
    assert sequence.features == ("x",)
    assert sequence.feature_keys == ("column:0",)
    assert sequence.tokens == ("1", "\u22122.5", "300", "0.5")
    assert sequence.symbols is None


def test_a_table_has_a_timestep_for_each_line() -> None:
    sequence = encode("1;2;3\n4;5;6", "numbers")
    np.testing.assert_array_equal(sequence.inputs, [[1, 2, 3], [4, 5, 6]])
    assert sequence.features == ("x1", "x2", "x3")
    assert sequence.feature_keys == ("column:0", "column:1", "column:2")
    assert sequence.tokens == ("1; 2; 3", "4; 5; 6")


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("time,price\n1,2", ("time", "price")),
        ('"time","price, in €"\n1,2', ("time", "price, in €")),
        ("Temperatur\n1\n2", ("Temperatur",)),
        ("body temperature\n36.6\n37.1", ("body temperature",)),
        ("time price\n1 2", ("time", "price")),
        (",a,b\n0,1,2", ("x1", "a", "b")),
        ("\ufeffa\tb\r\n1\t2\r\n", ("a", "b")),
        ("_a,Δt\n1,2", ("_a", "Δt")),
        ("a\u202eb\n1", ("a⟨U+202E⟩b",)),
        ('"say ""x"""\n1', ('say "x"',)),
    ],
)
def test_a_first_line_of_names_names_the_columns(text: str, features: tuple[str, ...]) -> None:
    assert encode(text, "numbers").features == features


finite = st.floats(-1e9, 1e9)


@given(st.lists(st.lists(finite, min_size=3, max_size=3), min_size=2, max_size=20), st.sampled_from(",;\t"))
def test_a_table_that_the_csv_module_wrote_is_read_back_exactly(
    rows: list[list[float]], separator: str
) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(["a", f"b{separator} c", "d"])
    writer.writerows(rows)
    sequence = encode(file.getvalue(), "numbers")
    assert sequence.inputs.tolist() == rows
    assert sequence.features == ("a", f"b{separator} c".replace("\t", "⇥"), "d")


@given(st.lists(finite, min_size=1, max_size=50))
def test_a_token_is_its_number_to_four_digits(values: list[float]) -> None:
    sequence = encode(" ".join(map(repr, values)), "numbers")
    for token, value in zip(sequence.tokens, values, strict=True):
        assert float(token.replace("\u2212", "-")) == pytest.approx(value, rel=6e-4, abs=1e-320)
        assert len(token) <= 11
        assert "-" not in token
        assert "+" not in token


@pytest.mark.parametrize(
    ("number", "token"),
    [
        ("0.125", "0.125"),
        ("-0", "0"),
        ("12345", "1.234e4"),
        ("2024", "2024"),
        ("-1e-5", "\u22121e\u22125"),
        ("1e-400", "0"),
        ("0.30000004", "0.3"),
        ("1e9", "1e9"),
    ],
)
def test_a_number_is_shown_shortly(number: str, token: str) -> None:
    assert encode(number, "numbers").tokens == (token,)


@given(st.lists(st.lists(finite, min_size=2, max_size=2), min_size=2, max_size=30))
@example([[1e9, 5e-324], [1e9 - 1e-6, 0.0]])
@example([[0.1, 1e-300], [0.1, 2e-300], [0.1, 3e-300]])
def test_standardised_columns_agree_with_the_statistics_module(rows: list[list[float]]) -> None:
    text = "\n".join(",".join(map(repr, row)) for row in rows)
    plain, sequence = encode(text, "numbers"), encode(text, "numbers", standardise=True)
    assert sequence.tokens == plain.tokens
    for column, values in zip(sequence.inputs.T, zip(*rows, strict=True), strict=True):
        if len(set(values)) == 1:
            assert column.tolist() == [0.0] * len(rows)
            continue
        spread = Fraction(max(values)) - Fraction(min(values))
        exact = [Fraction(value) / spread for value in values]
        expected = [float(value - statistics.mean(exact)) / statistics.pstdev(exact) for value in exact]
        np.testing.assert_allclose(column, expected, atol=1e-12)
        assert abs(column.mean()) < 1e-12
        assert abs(column.std() - 1) < 1e-12


def test_a_constant_column_becomes_zeros_and_keeps_its_tokens() -> None:
    sequence = encode("0.1\n0.1\n0.1", "numbers", standardise=True)
    np.testing.assert_array_equal(sequence.inputs, [[0], [0], [0]])
    assert sequence.tokens == ("0.1", "0.1", "0.1")


def test_symbols_are_never_standardised() -> None:
    np.testing.assert_array_equal(encode("ab", standardise=True).inputs, encode("ab").inputs)


# --- signals ------------------------------------------------------------------------------------------------


def test_a_sine_has_its_period_and_exact_zeros() -> None:
    values = encode("sine 100 period=8", "signal").inputs[:, 0]
    expected = [math.sin(2 * math.pi * step / 8) for step in range(100)]
    np.testing.assert_allclose(values, expected, atol=1e-13)
    np.testing.assert_array_equal(values[8:], values[:-8])
    assert (values[::4] == 0).all()
    assert encode("sine 5", "signal").inputs[4, 0] == pytest.approx(math.sin(2 * math.pi * 4 / 20))


def test_an_impulse_and_a_step_begin_where_they_are_told() -> None:
    assert encode("impulse 6 at=2", "signal").inputs[:, 0].tolist() == [0, 0, 1, 0, 0, 0]
    assert encode("step 6 at=2", "signal").inputs[:, 0].tolist() == [0, 0, 1, 1, 1, 1]
    assert encode("impulse 40", "signal").inputs[:, 0].argmax() == 5
    assert encode("step 40", "signal").inputs[:, 0].sum() == 30


@pytest.mark.parametrize("name", ["impulse", "step"])
def test_a_short_signal_ends_in_its_event(name: str) -> None:
    assert encode(f"{name} 3", "signal").inputs[:, 0].tolist() == [0, 0, 1]


def test_noise_is_that_of_its_seed_and_grows_at_its_end() -> None:
    short, long = (encode(f"noise {steps} seed=3", "signal").inputs for steps in (50, 100))
    np.testing.assert_array_equal(short, long[:50])
    expected = np.random.Generator(np.random.PCG64(3)).standard_normal(100)
    np.testing.assert_array_equal(long[:, 0], expected)
    assert not np.array_equal(short, encode("noise 50", "signal").inputs)


def test_noise_leaves_the_global_generator_alone() -> None:
    before = np.random.get_state()[1].copy()
    encode("noise 100", "signal")
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_a_signal_is_one_feature_and_can_be_standardised() -> None:
    sequence = encode(" SINE\t40  period=8 ", "signal", standardise=True)
    assert (sequence.features, sequence.feature_keys, sequence.symbols) == (("x",), ("column:0",), None)
    assert sequence.inputs.std() == pytest.approx(1)
    assert sequence.tokens[:4] == ("0", "0.7071", "1", "0.7071")


# --- the record ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"), [("a b\n", "text"), ("a,b\n1,2", "numbers"), ("sine 60", "signal")]
)
def test_a_sequence_survives_pickle_and_copy_and_stays_read_only(text: str, kind: str) -> None:
    sequence = encode(text, kind)
    for other in (pickle.loads(pickle.dumps(sequence)), copy.deepcopy(sequence), copy.copy(sequence)):
        assert (other.tokens, other.symbols) == (sequence.tokens, sequence.symbols)
        assert (other.features, other.kind) == (sequence.features, sequence.kind)
        np.testing.assert_array_equal(other.inputs, sequence.inputs)
        assert not other.inputs.flags.writeable


def test_a_sequence_cannot_be_changed() -> None:
    sequence = encode("ab")
    with pytest.raises(AttributeError):
        sequence.kind = "words"
    with pytest.raises(ValueError, match="read-only"):
        sequence.inputs[0, 0] = 2.0


def test_a_sequence_keeps_its_own_copy_of_the_inputs() -> None:
    inputs = np.eye(2)
    sequence = Sequence(("a", "b"), ("a", "b"), inputs, ("a", "b"), "text")
    inputs[0, 0] = 5.0
    assert sequence.inputs[0, 0] == 1.0


def test_a_sequence_says_what_it_is() -> None:
    assert repr(encode("hi ho")) == '<Sequence "text": 5 timesteps, 4 features: h i ␣ h o>'
    assert repr(encode("1", "numbers")) == '<Sequence "numbers": 1 timestep, 1 feature: 1>'
    assert repr(encode("0" * 13, "bits")).endswith("0 0 …>")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tokens": ("a",)}, "There is one token a timestep; got 1 for 2."),
        ({"symbols": ("a",)}, "There is one symbol a timestep; got 1 for 2."),
        ({"symbols": ("a", "c")}, "Each symbol has its column; got one without."),
        ({"symbols": None}, "Symbolic kinds, and no others, have symbols; got it otherwise."),
        ({"kind": "numbers"}, "Symbolic kinds, and no others, have symbols; got it otherwise."),
        ({"kind": "sound"}, "The kinds are text, words, bits, numbers, signal; got 'sound'."),
        ({"features": ("a",)}, "There is one name a column; got 1 for 2."),
        ({"features": ("a", "a")}, "Columns have different names; got one twice."),
        ({"inputs": np.zeros((2, 0))}, "A sequence has timesteps and features; got 2 and 0."),
        ({"inputs": np.array([[1, math.nan], [0, 1]])}, "Inputs are finite numbers; got NaN or infinity."),
    ],
)
def test_a_sequence_whose_parts_do_not_fit_is_refused(change: dict[str, object], sentence: str) -> None:
    parts = {"tokens": ("a", "b"), "symbols": ("a", "b"), "inputs": np.eye(2), "features": ("a", "b")}
    with pytest.raises(EncodingError) as caught:
        Sequence(**({**parts, "kind": "text"} | change))
    assert str(caught.value) == sentence


# --- what is refused ----------------------------------------------------------------------------------------

CONTROL = "Enter no control characters but tab and newline; got "
NUMBER = "A number is digits with a decimal point if need be, such as -1.5 or 2e-3; got "
SEPARATOR = "Use one separator, and decimal points rather than commas (1.5); got "
RANGE = "A number is from -1e9 to 1e9; got "
RAGGED = "Each line has as many cells as the first, or ends in a comma where one series goes on; got "
NAMES = "sine, impulse, step, noise"

BAD = [
    # text
    ("text", "", "Enter 1 to 200 symbols; got none."),
    ("text", "   ", "Enter 1 to 200 symbols; got none."),
    ("text", "\n\t\u00a0\u3000", "Enter 1 to 200 symbols; got none."),
    ("text", "a" * 201, "Enter 1 to 200 symbols; got 201."),
    ("text", "a" * 5312, "Enter 1 to 200 symbols; got 5,312."),
    ("text", "a" * 10_000_000, "Enter at most 10,000 bytes; got 10,000,000 characters."),
    ("text", "é" * 5001, "Enter at most 10,000 bytes; got 10,002."),
    ("text", "ab\0c", CONTROL + "U+0000 at position 3."),
    ("text", "\x1b[31m", CONTROL + "U+001B at position 1."),
    ("text", "a\x7f", CONTROL + "U+007F at position 2."),
    ("text", "a\x85", CONTROL + "U+0085 at position 2."),
    ("text", "a\x0b", CONTROL + "U+000B at position 2."),
    ("text", "a\ud800", "This is not valid text: a lone surrogate, U+D800 at position 2."),
    ("text", "\udc00\0", "This is not valid text: a lone surrogate, U+DC00 at position 1."),
    ("text", "a" + "\u0301" * 33, "A symbol has at most 32 code points; got 33 in symbol 1."),
    ("text", "xa" + "\u0316" * 4000, "A symbol has at most 32 code points; got 4,001 in symbol 2."),
    ("text", "a" + "\u0301" * 10_000, "Enter at most 10,000 bytes; got 10,001 characters."),
    # words
    ("words", " \n ", "Enter 1 to 200 words; got none."),
    ("words", "a " * 201, "Enter 1 to 200 words; got 201."),
    ("words", "ok " + "b" * 101, "A word has at most 100 code points; got 101 in word 2."),
    ("words", "a" + "\u0316" * 40, "A symbol has at most 32 code points; got 41 in symbol 1."),
    ("words", "a b\0", CONTROL + "U+0000 at position 4."),
    # bits
    ("bits", "", "Enter 1 to 200 bits; got none."),
    ("bits", ", ,", "Enter 1 to 200 bits; got none."),
    ("bits", "01" * 101, "Enter 1 to 200 bits; got 202."),
    ("bits", "0 1 2", 'Bits are 0 and 1, with spaces or commas between; got "2" at position 5.'),
    ("bits", "0\u0661", 'Bits are 0 and 1, with spaces or commas between; got "\u0661" at position 2.'),
    ("bits", "0\u202e", 'Bits are 0 and 1, with spaces or commas between; got "U+202E" at position 2.'),
    # numbers
    ("numbers", "", "Enter 1 to 3,000 numbers; got none."),
    ("numbers", "\ufeff\n \n", "Enter 1 to 3,000 numbers; got none."),
    ("numbers", "1 " * 3001, "Enter 1 to 3,000 numbers; got 3,001."),
    ("numbers", "1,\n" * 3001, "Enter 1 to 3,000 numbers; got 3,001."),
    ("numbers", "1\n" * 3001, "Enter 1 to 3,000 lines of numbers; got 3,001."),
    ("numbers", "1\n" * 150_000, "Enter 1 to 3,000 lines of numbers; got 150,000."),
    ("numbers", "1" * 300_001, "Enter at most 300,000 bytes; got 300,001 characters."),
    ("numbers", "1,1e999", RANGE + '"1e999" on line 1, cell 2.'),
    ("numbers", "-1e10", RANGE + '"-1e10" on line 1, cell 1.'),
    ("numbers", "1\nnan", NUMBER + '"nan" on line 2, cell 1.'),
    ("numbers", "nan\n1", NUMBER + '"nan" on line 1, cell 1.'),
    ("numbers", "N/A\n1", NUMBER + '"N/A" on line 1, cell 1.'),
    ("numbers", "1 -inf", NUMBER + '"-inf" on line 1, cell 2.'),
    ("numbers", "1_000", NUMBER + '"1_000" on line 1, cell 1.'),
    ("numbers", "0x10", NUMBER + '"0x10" on line 1, cell 1.'),
    ("numbers", "\u0661\u0662", NUMBER + '"\u0661\u0662" on line 1, cell 1.'),
    ("numbers", "\uff11", NUMBER + '"\uff11" on line 1, cell 1.'),
    ("numbers", "1\u00a0000", NUMBER + '"1⟨U+00A0⟩000" on line 1, cell 1.'),
    ("numbers", "1'000", NUMBER + '"1\'000" on line 1, cell 1.'),
    ("numbers", "=1+1\n2", NUMBER + '"=1+1" on line 1, cell 1.'),
    ("numbers", "[1, 2]", NUMBER + '"[1" on line 1, cell 1.'),
    ("numbers", "1,5 2,5", NUMBER + '"5 2" on line 1, cell 2.'),
    ("numbers", '"1,5";2', NUMBER + '"1,5" on line 1, cell 1.'),
    ("numbers", "1,5;2,5", SEPARATOR + "commas and semicolons."),
    ("numbers", "1,5\t2,5", SEPARATOR + "commas and tabs."),
    ("numbers", "1;2\n3\t4", SEPARATOR + "semicolons and tabs."),
    ("numbers", "9" * 5000, "A cell has at most 40 characters; got 5,000 on line 1, cell 1."),
    ("numbers", "x" * 41 + "\n1", "A cell has at most 40 characters; got 41 on line 1, cell 1."),
    ("numbers", "1,\0,2", CONTROL + "U+0000 at position 3."),
    ("numbers", "PK\x03\x04", CONTROL + "U+0003 at position 3."),
    ("numbers", "\ud8001", "This is not valid text: a lone surrogate, U+D800 at position 1."),
    ("numbers", "1,2\n3", RAGGED + "2 on line 1 and 1 on line 2."),
    ("numbers", "1 2\n3 4\n5 6 7", RAGGED + "2 on line 1 and 3 on line 3."),
    ("numbers", "a,b\n1,2,3", RAGGED + "2 on line 1 and 3 on line 2."),
    ("numbers", "a,b\n1\n2", RAGGED + "2 on line 1 and 1 on line 2."),
    ("numbers", "1\n\n2", "Every line holds numbers; got a blank one, line 2."),
    ("numbers", "1,,2", "Each cell holds a number; got an empty one on line 1, cell 2."),
    ("numbers", ",", "Each cell holds a number; got an empty one on line 1, cell 1."),
    ("numbers", '""', "Each cell holds a number; got an empty one on line 1, cell 1."),
    ("numbers", "1\t2\n3\t", "Each cell holds a number; got an empty one on line 2, cell 2."),
    ("numbers", '1\n"2\n3', "A quote closes on the line where it opens; got an open one on line 2."),
    ("numbers", '1\n"2"3\n', NUMBER + '""2"3" on line 2, cell 1.'),
    ("numbers", "price", NUMBER + '"price" on line 1, cell 1.'),
    ("numbers", "time,price\n", NUMBER + '"time" on line 1, cell 1.'),
    ("numbers", "a,a\n1,2", 'Columns have different names; got "a" twice.'),
    ("numbers", "e\u0301,\u00e9\n1,2", 'Columns have different names; got "é" twice.'),
    ("numbers", "a\nb\n1", NUMBER + '"b" on line 2, cell 1.'),
    ("numbers", "\n".join([",".join("1" * 17)] * 2), "A table has at most 16 columns; got 17."),
    ("numbers", "a" + "\u0301" * 30, NUMBER + '"a' + "\u0301" * 18 + '…" on line 1, cell 1.'),
    # signals
    ("signal", "", f'Enter a signal such as "sine 60"; the names are {NAMES}; got none.'),
    ("signal", "sine", 'The number of timesteps follows the name, as in "sine 60"; got none.'),
    ("signal", "triangle 60", f'The signals are {NAMES}; got "triangle".'),
    ("signal", "sine 0", 'The number of timesteps is a whole number from 1 to 3,000; got "0".'),
    ("signal", "sine 3001", 'The number of timesteps is a whole number from 1 to 3,000; got "3001".'),
    ("signal", "sine 6e1", 'The number of timesteps is a whole number from 1 to 3,000; got "6e1".'),
    ("signal", "sine \u0666", 'The number of timesteps is a whole number from 1 to 3,000; got "\u0666".'),
    ("signal", "noise 5 seed=-1", 'In "noise 5", seed is a whole number from 0 to 4,294,967,295; got "-1".'),
    ("signal", "sine 60 period=1", 'In "sine 60", period is a whole number from 2 to 3,000; got "1".'),
    ("signal", "sine 60 period=", 'In "sine 60", period is a whole number from 2 to 3,000; got "".'),
    ("signal", "step 60 at=60", 'In "step 60", at is a whole number from 0 to 59; got "60".'),
    ("signal", "step 60 seed=6", '"step" takes at=number, once; got "seed=6".'),
    ("signal", "step 60 at", '"step" takes at=number, once; got "at".'),
    ("signal", "step 60 at=6 at=6", '"step" takes at=number, once; got "at=6".'),
    ("signal", "sine 60\0", CONTROL + "U+0000 at position 8."),
    ("signal", "s" * 10_001, "Enter at most 10,000 bytes; got 10,001 characters."),
    # kinds
    ("colours", "a", 'The kinds are text, words, bits, numbers, signal; got "colours".'),
    (
        "\u202e\0" * 50,
        "a",
        'The kinds are text, words, bits, numbers, signal; got "⟨U+202E⟩⟨U+0000⟩⟨U+202E⟩⟨U+0000⟩⟨U+202E…".',
    ),
]


@pytest.mark.parametrize(
    ("kind", "text", "sentence"), BAD, ids=[f"{kind[:9]!a} {text[:20]!a}" for kind, text, _ in BAD]
)
def test_bad_input_is_refused_in_one_sentence(kind: str, text: str, sentence: str) -> None:
    assert _refusal(text, kind) == sentence


@pytest.mark.parametrize("text", [None, b"abc", 5, ["a"]])
def test_what_is_no_text_is_refused(text: object) -> None:
    name = type(text).__name__
    plain = inspect.unwrap(encode)  # without the check of types that the tests switch on
    for arguments, sentence in [
        ((text,), f"Text is a str; got a {name}."),
        (("a", text), f"The kinds are text, words, bits, numbers, signal; got a {name}."),
    ]:
        with pytest.raises(EncodingError) as caught:
            plain(*arguments)
        assert str(caught.value) == sentence


@pytest.mark.parametrize("kind", KINDS)
def test_a_huge_text_is_refused_before_it_is_read(kind: str) -> None:
    """Its first character would be refused by another sentence, had anything looked at it."""
    most = "300,000" if kind == "numbers" else "10,000"
    assert _refusal("\0" * 10_000_000, kind) == f"Enter at most {most} bytes; got 10,000,000 characters."


# --- properties ---------------------------------------------------------------------------------------------

HIDDEN = regex.compile(r"[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Bidi_Control}\u00ad\u200b\u2060\ufeff\u3164]")

any_character = st.characters(exclude_categories=())
troublesome = st.sampled_from(
    [
        *"\u200d\u200c\ufe0f\u20e3\u0301\u0316\u094d\u0915\u1112\u1161\u11ab\u0344\u09c7\u09be\r\n \t#1",
        *"\u1100\U0001f468\U0001f3fd\U0001f1eb\U0001f3f4\U000e0067\U000e007f\u0600\ufb2c",
    ]
)
texts = st.one_of(
    st.text(any_character, max_size=60),
    st.text(troublesome, max_size=60),
    st.text("01 ,", max_size=210),
    st.text("0123456789+-\u2212.eE,;\t \n\"'ax_\ufeff", max_size=60),
    st.lists(st.lists(st.floats().map(repr), max_size=4).map(",".join), max_size=6).map("\n".join),
    st.builds(
        "{} {} {}={}".format,
        st.sampled_from(["sine", "impulse", "step", "noise"]),
        st.integers(-1, 3001),
        st.sampled_from(["at", "period", "seed"]),
        st.integers(),
    ),
)


@given(texts, st.sampled_from(KINDS) | st.text(any_character, max_size=10), st.booleans())
def test_encode_gives_a_whole_sequence_or_one_sentence(text: str, kind: str, standardise: bool) -> None:
    try:
        sequence = encode(text, kind, standardise=standardise)
    except EncodingError as error:
        sentence = str(error)
        assert not HIDDEN.search(sentence)
        assert sentence.endswith(".")
        assert len(sentence) < 200
        return
    inputs = sequence.inputs
    assert inputs.dtype == np.float64
    assert not inputs.flags.writeable
    assert np.isfinite(inputs).all()
    assert inputs.shape == (len(sequence), len(sequence.features)) == (len(sequence.tokens), inputs.shape[1])
    assert 1 <= len(sequence) <= LIMITS[kind]
    assert len(set(sequence.feature_keys)) == len(sequence.feature_keys) == inputs.shape[1]
    assert all(token.strip() == token != "" for token in sequence.tokens)
    assert (sequence.symbols is None) == (kind not in SYMBOLIC)
    if sequence.symbols is not None:
        assert (inputs.sum(axis=1) == 1).all()
        assert set(np.unique(inputs)) <= {0.0, 1.0}
        assert sequence.symbols == tuple(sequence.features[index] for index in inputs.argmax(axis=1))


@given(st.one_of(st.text(any_character, max_size=60), st.text(troublesome, max_size=60)), st.data())
def test_typing_on_only_appends_rows_and_columns(text: str, data: st.DataObject) -> None:
    """Any prefix that ends between two characters, composed or not, keeps its rows."""
    clusters = regex.findall(r"\X", text)
    prefix = "".join(clusters[: data.draw(st.integers(0, len(clusters)))])
    try:
        shorter, longer = encode(prefix), encode(text)
    except EncodingError:
        assume(False)
    steps, features = shorter.inputs.shape
    assert longer.tokens[:steps] == shorter.tokens
    assert longer.features[:features] == shorter.features
    assert longer.feature_keys[:features] == shorter.feature_keys
    np.testing.assert_array_equal(longer.inputs[:steps, :features], shorter.inputs)
    assert not longer.inputs[:steps, features:].any()


@given(st.text(max_size=60), st.sampled_from(["NFC", "NFD"]))
def test_canonically_equivalent_texts_are_one_sequence(text: str, form: str) -> None:
    try:
        sequence, other = encode(text), encode(unicodedata.normalize(form, text))
    except EncodingError:
        assume(False)
    assert sequence.symbols == other.symbols


@given(st.text(any_character, max_size=40))
def test_a_token_hides_nothing(text: str) -> None:
    """No raw control, direction, filler or private character is left in any token or repr."""
    for kind in ("text", "words"):
        try:
            sequence = encode(text, kind)
        except EncodingError:
            continue
        for shown in (*sequence.tokens, repr(sequence)):
            assert not HIDDEN.search(shown)
