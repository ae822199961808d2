"""CSV files as tables, and their columns as the text that a model is fed."""

import re

import numpy as np
import pytest

from memviz.encoding import EncodingError, encode
from memviz.web.your_model.columns import Table, table


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_columns_are_chosen_in_any_order(separator: str, start: str) -> None:
    lines = [["day", "temp", "wind speed"], ["Mon", "1.5", "-2"], ["Tue", "2.5", "3e1"]]
    data = (start + "\r\n".join(separator.join(line) for line in lines)).encode()
    found = table(data)
    assert found.names == ("day", "temp", "wind speed")
    sequence = encode(found.text((2, 1)), "numbers")
    assert sequence.features == ("wind speed", "temp")
    np.testing.assert_array_equal(sequence.inputs, [[-2, 1.5], [30, 2.5]])


def test_a_table_without_a_header_has_numbered_columns() -> None:
    found = table(b"1,2\n3,4\n")
    assert found.names == ("x1", "x2")
    np.testing.assert_array_equal(encode(found.text((1, 0)), "numbers").inputs, [[2, 1], [4, 3]])


def test_names_that_are_alike_or_strange_are_told_apart() -> None:
    found = table('a,a,"b ""c"",\u202e"\n1,2,3\n4,5,6\n'.encode())
    assert found.names == ("a (1)", "a (2)", 'b "c",')
    assert encode(found.text((2, 0)), "numbers").features == ("x1", "x2")


def test_a_cell_that_is_no_number_is_said_by_the_reader_of_numbers() -> None:
    found = table(b"day,temp\nMon,1\nTue,2\n")
    with pytest.raises(EncodingError, match="A number is digits with a decimal point"):
        encode(found.text((1, 0)), "numbers")


def test_a_cell_with_separators_and_quotes_stays_one_cell() -> None:
    found = table(b'a,b\n"1,5",2\n"x""y",3\n')
    assert found.rows[0] == ("1,5", "2")
    with pytest.raises(EncodingError, match=re.escape('got "1,5" on line 2, cell 1')):
        encode(found.text((0, 1)), "numbers")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "A CSV file has a line of numbers; got none."),
        (b"\n\n", "A CSV file has a line of numbers; got none."),
        (b"a,b\n", "A CSV file has a line of numbers below its header; got none."),
        (b"1,2\n3\n", "Each line of a CSV file has as many cells as the first, 2; got 1 in row 2."),
        ("1,2".encode("utf-16"), "A CSV file is text in UTF-8; got something else. Save it as CSV UTF-8."),
        (b"1,\0\n", "A CSV file is text without NUL; got some. Save it as CSV UTF-8."),
        (b"PK\x03\x04\xff\xfe", "A CSV file is text in UTF-8; got something else."),
        (b'a,b\n"1,2\n', "A CSV file closes its quotes and has short cells; got: 'unexpected end of data'."),
        (b"a,b\n" + b"1" * 200_000 + b",2\n", "A CSV file closes its quotes and has short cells; got:"),
        (b"1\n" * 3002, "A CSV file has at most 3,001 lines; got 3,002."),
        (b",".join([b"1"] * 501), "A CSV file has at most 500 columns; got 501."),
        (b"1" * 300_001, "A CSV file has at most 300,000 bytes; got 300,001."),
    ],
)
def test_what_is_no_table_is_said(data: bytes, sentence: str) -> None:
    with pytest.raises(EncodingError, match=re.escape(sentence)):
        table(data)


def test_a_table_can_be_told_from_another() -> None:
    assert Table(("a",), (("1",),)) != Table(("a",), (("2",),))
