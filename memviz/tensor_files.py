"""Tensors as safetensors files, written, and read by strict rules: a stranger's file is refused rather than believed.

The format (github.com/huggingface/safetensors): the length of a header in 8 bytes, the header in JSON, which says of
each tensor its type, shape and place, then the numbers. Parsing runs no code; what is left to guard against is size.
"""

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from memviz.interventions.values import shown

MOST_BYTES = 2 * 2**20
MOST_HEADER = 64 * 2**10
MOST_TENSORS = 64
MOST_SIZE = 1e4
"""The largest magnitude of a weight."""
_TYPES = {"F16": torch.float16, "F32": torch.float32, "F64": torch.float64}
_METADATA = "__metadata__"


def write(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], tables: Collection[str] = ()) -> bytes:
    """A file of float tensors of 1 or 2 dimensions, with text beside them.

    Args:
        tensors: by name.
        metadata: the text.
        tables: the names of tensors that are no weights, so that they need only be finite.

    Raises:
        ValueError: if `read` would refuse it.
    """
    header: dict[str, Any] = {_METADATA: dict(metadata)}
    body = b""
    for name, tensor in tensors.items():
        kind = next(key for key, dtype in _TYPES.items() if dtype == tensor.dtype)
        numbers = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {
            "dtype": kind,
            "shape": list(tensor.shape),
            "data_offsets": [len(body), len(body) + len(numbers)],
        }
        body += numbers
    written = json.dumps(header).encode()
    written += b" " * (-len(written) % 8)  # the numbers begin at a multiple of 8
    data = len(written).to_bytes(8, "little") + written + body
    read(data, tables)
    return data


def read(data: bytes, tables: Collection[str] = ()) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file, copied, in the order of their places, and its text.

    Args:
        data: the file.
        tables: the names of tensors that are no weights, so that they need only be finite.

    Raises:
        ValueError: if the file is too large, no such file, or a tensor breaks a rule; the message states it.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"A file of weights has at most {MOST_BYTES:,} bytes; got {len(data):,}.")
    header, body = _parts(data)
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("The text of a safetensors file is an object of texts; got something else.")
    if len(header) > MOST_TENSORS:
        raise ValueError(f"A file of weights has at most {MOST_TENSORS} tensors; got {len(header):,}.")
    places = {name: _place(name, about) for name, about in header.items()}
    tensors, end = {}, 0
    for name, (kind, shape, first, last) in sorted(places.items(), key=lambda item: item[1][2:]):
        if first != end or last > len(body):
            raise ValueError(f"The tensors of a file lie one after another; got {shown(name)} elsewhere.")
        tensors[name] = _tensor(name, kind, shape, body[first:last], name in tables)
        end = last
    if end != len(body):
        raise ValueError(f"The tensors of a file fill it; got {len(body) - end:,} bytes more.")
    return tensors, metadata


def _parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header, and the bytes after it."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= size <= min(MOST_HEADER, len(data) - 8):
        raise ValueError(
            f"A safetensors file begins with the size of its header, at most {MOST_HEADER:,} bytes; got another file."
        )
    try:
        header = json.loads(
            data[8 : 8 + size].decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The header of a safetensors file is JSON; {_why(error)}.") from error
    if not isinstance(header, dict):
        raise ValueError("The header of a safetensors file is a JSON object; got something else.")
    return header, data[8 + size :]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("got a name twice")
    return dict(pairs)


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"got {constant}")


def _why(error: Exception) -> str:
    return str(error) if type(error) is ValueError else "got something else"


def _place(name: str, about: object) -> tuple[torch.dtype, tuple[int, ...], int, int]:
    """The type, shape and place of a tensor."""
    if not isinstance(about, dict) or set(about) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"A tensor has a type, a shape and a place; got {shown(name)} otherwise.")
    kind, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ValueError(
            f"Tensors are of the types {', '.join(_TYPES)}; got {shown(kind)} for {shown(name)}."
        )
    if not _are_whole(shape) or not 1 <= len(shape) <= 2 or 0 in shape:
        raise ValueError(
            f"Tensors have 1 or 2 dimensions of at least 1; got {shown(shape)} for {shown(name)}."
        )
    if not _are_whole(offsets) or len(offsets) != 2:
        raise ValueError(f"A tensor lies between two places; got {shown(offsets)} for {shown(name)}.")
    first, last = offsets
    if last - first != math.prod(shape) * _TYPES[kind].itemsize:
        raise ValueError(f"A tensor has as many bytes as its shape; got {last - first} for {shown(name)}.")
    return _TYPES[kind], tuple(shape), first, last


def _are_whole(values: object) -> bool:
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value <= MOST_BYTES for value in values
    )


def _tensor(name: str, kind: torch.dtype, shape: tuple[int, ...], numbers: bytes, is_table: bool) -> Tensor:
    tensor = torch.frombuffer(bytearray(numbers), dtype=kind).reshape(shape)
    if is_table:
        if not torch.isfinite(tensor).all():
            raise ValueError(f"The numbers of a table are finite; got NaN or infinity in {shown(name)}.")
        return tensor
    if not (tensor.abs() <= MOST_SIZE).all():  # False for NaN
        raise ValueError(f"Weights are numbers up to {MOST_SIZE:,.0f} in size; got another in {shown(name)}.")
    return tensor
