"""safetensors files: there and back, and each rule broken one at a time."""

import json
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memviz import tensor_files


def file_of(header: object, body: bytes = b"", size: int | None = None) -> bytes:
    """A file by the description of the format."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if size is None else size).to_bytes(8, "little") + text + body


def about(shape: list, first: int, last: int, dtype: object = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


@given(
    st.dictionaries(
        st.text(max_size=8).filter(lambda name: name != "__metadata__"),
        st.tuples(
            st.sampled_from([torch.float16, torch.float32, torch.float64]),
            st.lists(st.integers(1, 4), min_size=1, max_size=2),
        ),
        max_size=6,
    ),
    st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3),
)
def test_what_is_written_is_read_back_exactly(shapes, metadata) -> None:
    generator = torch.Generator().manual_seed(1)
    tensors = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
        for name, (dtype, shape) in shapes.items()
    }
    found, said = tensor_files.read(tensor_files.write(tensors, metadata))
    assert said == metadata
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value)


GOOD = {"w": about([2], 0, 8)}
EIGHT = b"\0" * 8


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "A safetensors file begins with the size of its header"),
        (b"\x02\0\0\0\0\0\0", "A safetensors file begins with the size of its header"),
        (file_of(GOOD, EIGHT, size=10**9), "A safetensors file begins with the size of its header"),
        (file_of(GOOD, EIGHT, size=2**63), "A safetensors file begins with the size of its header"),
        (file_of({"x" * 70_000: 1}), "at most 65,536 bytes; got another file"),
        (b"\0" * (2 * 2**20 + 1), "A file of weights has at most 2,097,152 bytes; got 2,097,153."),
        (b"PK\x03\x04" + b"\0" * 100, "A safetensors file begins with"),
        (file_of(b"{]"), "The header of a safetensors file is JSON; got something else."),
        (file_of(b"\xff\xff"), "The header of a safetensors file is JSON; got something else."),
        (file_of(b"[" * 60_000), "The header of a safetensors file is JSON; got something else."),
        (file_of(b"[]"), "The header of a safetensors file is a JSON object"),
        (file_of(b'{"a": 1, "a": 2}'), "The header of a safetensors file is JSON; got a name twice."),
        (file_of(b'{"a": NaN}'), "The header of a safetensors file is JSON; got NaN."),
        (file_of({"__metadata__": {"a": 1}}), "The text of a safetensors file is an object of texts"),
        (file_of({"__metadata__": []}), "The text of a safetensors file is an object of texts"),
        (file_of({str(k): about([1], 4 * k, 4 * k + 4) for k in range(65)}, b"\0" * 260), "64 tensors; got 65."),
        (file_of({"w": 3}), "A tensor has a type, a shape and a place; got 'w' otherwise."),
        (file_of({"w": {"dtype": "F32", "shape": [1]}}), "A tensor has a type, a shape and a place"),
        (file_of({"w": about([2], 0, 8) | {"more": 1}}, EIGHT), "A tensor has a type, a shape and a place"),
        (file_of({"w": about([2], 0, 8, "I64")}, EIGHT), "Tensors are of the types F16, F32, F64; got 'I64' for 'w'."),
        (file_of({"w": about([2], 0, 8, ["F32"])}, EIGHT), "Tensors are of the types"),
        (file_of({"w": about([], 0, 4)}, EIGHT), "Tensors have 1 or 2 dimensions of at least 1; got [] for 'w'."),
        (file_of({"w": about([1, 1, 2], 0, 8)}, EIGHT), "Tensors have 1 or 2 dimensions"),
        (file_of({"w": about([0], 0, 0)}), "Tensors have 1 or 2 dimensions of at least 1; got [0] for 'w'."),
        (file_of({"w": about([-2], 0, 8)}, EIGHT), "Tensors have 1 or 2 dimensions"),
        (file_of({"w": about([True, 2], 0, 8)}, EIGHT), "Tensors have 1 or 2 dimensions"),
        (file_of({"w": about([2.0], 0, 8)}, EIGHT), "Tensors have 1 or 2 dimensions"),
        (file_of({"w": about([10**30], 0, 8)}, EIGHT), "Tensors have 1 or 2 dimensions"),
        (file_of({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0]}}, EIGHT), "between two places"),
        (file_of({"w": about([2], 8, 0)}, EIGHT), "A tensor has as many bytes as its shape; got -8 for 'w'."),
        (file_of({"w": about([3], 0, 8)}, EIGHT), "A tensor has as many bytes as its shape; got 8 for 'w'."),
        (file_of({"w": about([2], 4, 12)}, EIGHT + EIGHT), "The tensors of a file lie one after another; got 'w'"),
        (file_of({"w": about([2], 0, 8)}, EIGHT[:4]), "The tensors of a file lie one after another; got 'w'"),
        (file_of({"w": about([2], 0, 8), "v": about([2], 4, 12)}, EIGHT + EIGHT), "another; got 'v' elsewhere"),
        (file_of({"w": about([2], 0, 8), "v": about([2], 0, 8)}, EIGHT), "one after another; got"),
        (file_of(GOOD, EIGHT + b"\0"), "The tensors of a file fill it; got 1 bytes more."),
        (file_of(GOOD, b"\0\0\xc0\x7f" * 2), "Weights are numbers up to 10,000 in size; got another in 'w'."),
        (file_of(GOOD, b"\0\0\x80\x7f" * 2), "Weights are numbers up to 10,000 in size"),
        (file_of(GOOD, torch.tensor([0.0, -1.1e4]).numpy().tobytes()), "Weights are numbers up to 10,000 in size"),
    ],
)  # fmt: skip
def test_each_rule_is_said_when_it_is_broken(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        tensor_files.read(data)


def test_a_good_file_by_the_description_of_the_format_is_read() -> None:
    body = torch.tensor([1.5, -2.0]).numpy().tobytes() + torch.tensor([[0.25]]).double().numpy().tobytes()
    header = {"b": about([1, 1], 8, 16, "F64"), "a": about([2], 0, 8), "__metadata__": {"k": "v"}}
    tensors, metadata = tensor_files.read(file_of(header, body))
    assert metadata == {"k": "v"}
    assert tensors["a"].tolist() == [1.5, -2.0]
    assert tensors["b"].tolist() == [[0.25]]
    assert tensor_files.read(file_of({})) == ({}, {})


def test_what_could_not_be_read_is_not_written() -> None:
    with pytest.raises(ValueError, match="Weights are numbers up to 10,000"):
        tensor_files.write({"w": torch.tensor([1e5])}, {})
    with pytest.raises(ValueError, match="1 or 2 dimensions"):
        tensor_files.write({"w": torch.zeros(1, 1, 1)}, {})


def test_a_table_is_bound_by_nothing_but_to_be_finite() -> None:
    table = torch.tensor([[1e300, -3.0]], dtype=torch.float64)
    data = tensor_files.write({"w": torch.zeros(2), "table": table}, {}, {"table"})
    assert torch.equal(tensor_files.read(data, ("table",))[0]["table"], table)
    with pytest.raises(ValueError, match="Weights are numbers up to 10,000 in size; got another in 'table'"):
        tensor_files.read(data)
    with pytest.raises(ValueError, match="The numbers of a table are finite; got NaN or infinity in 'table'"):
        tensor_files.write({"table": torch.tensor([float("inf")])}, {}, {"table"})
