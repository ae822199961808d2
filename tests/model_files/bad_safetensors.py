"""Malformed safetensors files, and what is no model file at all, each with the start of its sentence."""

import gzip
import io
import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tests.model_files.builders import (
    framed,
    safetensors,
    torch_file,
    weights,
    zipped,
)

Bad = tuple[Callable[[], bytes], str]
LSTM = weights()
GOOD = safetensors(LSTM)
NEAR = "The weights of a layer are called weight_ih_l0"
SHAPE = "In LSTM(3, 4) the weights"
PT = torch_file(LSTM)


def _changed(**tensors: Any) -> Callable[[], bytes]:
    """The LSTM with other tensors; None leaves one out."""
    return lambda: safetensors({name: t for name, t in {**LSTM, **tensors}.items() if t is not None})


def _header(change: Callable[[dict[str, Any]], object], body: bytes | None = None) -> Callable[[], bytes]:
    """The good file with another header."""

    def build() -> bytes:
        size = int.from_bytes(GOOD[:8], "little")
        header = json.loads(GOOD[8 : 8 + size])
        return framed(change(header) or header, GOOD[8 + size :] if body is None else body)

    return build


def _at(name: str, key: str, value: object) -> Callable[[], bytes]:
    return _header(lambda header: header[name].__setitem__(key, value))


def _npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, weight_ih_l0=np.zeros((4, 3)))
    return buffer.getvalue()


BAD_SAFETENSORS: dict[str, Bad] = {
    # What is no such file at all.
    "an empty file": (lambda: b"", "A file of weights has a content; got an empty file."),
    "one byte": (lambda: b"x", "A safetensors file begins with the size of its header"),
    "seven bytes": (lambda: b"\0" * 7, "A safetensors file begins with the size of its header"),
    "8 zeros": (lambda: b"\0" * 8, "A safetensors file begins with the size of its header"),
    "a megabyte of noise": (
        lambda: np.random.default_rng(0).bytes(2**20 // 8 * 8),
        "A safetensors file begins with the size of its header",
    ),
    "three megabytes": (lambda: b"\0" * (3 * 2**20), "A model file has at most 2 MB; got 3.0 MB."),
    "three megabytes of .pt": (lambda: PT + b"\0" * (3 * 2**20), "A model file has at most 2 MB"),
    "HDF5 of Keras": (lambda: b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "A Keras file is not read here"),
    "a .keras archive": (
        lambda: zipped({"config.json": b"{}", "model.weights.h5": b"\x89HDF"}),
        "A Keras file is not read here",
    ),
    "an .npy file": (lambda: b"\x93NUMPY\1\0v\0{}", "An .npy file says not what its array is"),
    "an .npz file": (_npz, "An .npz file says of no array what it is"),
    "a gzipped file": (lambda: gzip.compress(GOOD), "A compressed file is not read"),
    "a bzip2 file": (lambda: b"BZh91AY&SY" + b"\xff" * 9, "A compressed file is not read"),
    "an xz file": (lambda: b"\xfd7zXZ\0" + b"\xff" * 9, "A compressed file is not read"),
    "a GGUF file": (lambda: b"GGUF\3\0\0\0" + b"\xff" * 9, "A GGUF file holds quantised weights"),
    "an ONNX file": (lambda: b"\x08\x07\x12\x07pytorch" + b"\xff" * 9, "An ONNX file is not read here"),
    "JSON": (lambda: b'{"weight_ih_l0": []}', "A file of weights is a safetensors or a .pt file; got text"),
    "HTML": (lambda: b"<!doctype html>", "A file of weights is a safetensors or a .pt file; got a page"),
    "a pointer of Git LFS": (
        lambda: b"version https://git-lfs.github.com/spec/v1\n",
        "This is a pointer of Git LFS",
    ),
    "a tar archive": (lambda: b"\1" * 257 + b"ustar\0" + b"\0" * 300, "A tar archive is not read"),
    "a raw pickle": (lambda: pickle.dumps({"w": 1}), "A pickle is not read, since reading it can run code"),
    "a raw pickle of protocol 2": (lambda: pickle.dumps({}, 2), "A pickle is not read"),
    "a .pt file of torch before 1.6": (
        lambda: torch_file(LSTM, _use_new_zipfile_serialization=False),
        "A pickle is not read",
    ),
    "a network that memviz trained": (
        lambda: safetensors(LSTM, {"memviz": "{}"}),
        "A model file holds weights by torch's names; got a network that memviz trained",
    ),
    # Safetensors: the header.
    "a header longer than the file": (lambda: framed({}, size=999), "A safetensors file begins with"),
    "a header of 2^63 bytes": (lambda: framed({}, size=2**63), "A safetensors file begins with"),
    "a header of no bytes": (lambda: framed({}, size=0), "A safetensors file begins with"),
    "a header of 100 kB": (lambda: framed(b"{" + b" " * 100_000 + b"}"), "A safetensors file begins with"),
    "a header that is no JSON": (lambda: framed(b"{weight"), "The header of a safetensors file is JSON"),
    "a header that ends early": (lambda: framed(b'{"a": {'), "The header of a safetensors file is JSON"),
    "a header that is no UTF-8": (lambda: framed(b'{"\xff": 1}'), "The header of a safetensors file is JSON"),
    "a header that is a list": (lambda: framed([1]), "The header of a safetensors file is a JSON object"),
    "a header that is a number": (lambda: framed(b"17"), "The header of a safetensors file is a JSON object"),
    "a header as deep as 30,000 lists": (
        lambda: framed(b"[" * 30_000 + b"]" * 30_000),
        "The header of a safetensors file is JSON",
    ),
    "a header with NaN": (
        lambda: framed(b'{"a": NaN}'),
        "The header of a safetensors file is JSON; got NaN.",
    ),
    "a header with a number of 5,000 digits": (
        lambda: framed(b'{"a": ' + b"9" * 5000 + b"}"),
        "The header of a safetensors file is JSON",
    ),
    "a name twice": (
        lambda: framed(b'{"a": {"dtype": "F32"}, "a": {"dtype": "F32"}}'),
        "The header of a safetensors file is JSON; got a name twice.",
    ),
    "a key twice within a tensor": (
        lambda: framed(b'{"a": {"dtype": "F32", "dtype": "F64", "shape": [1], "data_offsets": [0, 4]}}'),
        "The header of a safetensors file is JSON; got a name twice.",
    ),
    "text that is no text": (
        _header(lambda h: h.update(__metadata__={"a": 1})),
        "The text of a safetensors file",
    ),
    "text that is a list": (_header(lambda h: h.update(__metadata__=[])), "The text of a safetensors file"),
    "65 tensors": (
        lambda: safetensors({f"t{n}": torch.ones(1) for n in range(65)}),
        "A file of weights has at most 64 tensors; got 65.",
    ),
    "2,000 empty tensors": (
        lambda: framed({f"{n}": {} for n in range(2000)}),
        "A file of weights has at most 64 tensors; got 2,000.",
    ),
    # Safetensors: a tensor.
    "a tensor that is a number": (
        _header(lambda h: {**h, "bias_ih_l0": 3}),
        "A tensor has a type, a shape and",
    ),
    "a tensor without a shape": (
        _header(lambda h: h["bias_ih_l0"].pop("shape") and None),
        "A tensor has a type",
    ),
    "a tensor with more": (_at("bias_ih_l0", "strides", [1]), "A tensor has a type, a shape and a place"),
    "bfloat16": (_at("bias_ih_l0", "dtype", "BF16"), "Tensors are of the types F16, F32, F64; got 'BF16'"),
    "int64": (_at("bias_ih_l0", "dtype", "I64"), "Tensors are of the types F16, F32, F64; got 'I64'"),
    "complex numbers": (
        _at("bias_ih_l0", "dtype", "C64"),
        "Tensors are of the types F16, F32, F64; got 'C64'",
    ),
    "8 bits": (_at("bias_ih_l0", "dtype", "F8_E4M3"), "Tensors are of the types F16, F32, F64"),
    "a type that is a list": (_at("bias_ih_l0", "dtype", ["F32"]), "Tensors are of the types F16, F32, F64"),
    "no dimension": (_at("bias_ih_l0", "shape", []), "Tensors have 1 or 2 dimensions of at least 1; got []"),
    "three dimensions": (_at("bias_ih_l0", "shape", [1, 1, 16]), "Tensors have 1 or 2 dimensions"),
    "a dimension of 0": (
        _at("bias_ih_l0", "shape", [0]),
        "Tensors have 1 or 2 dimensions of at least 1; got [0]",
    ),
    "a negative dimension": (_at("bias_ih_l0", "shape", [-16]), "Tensors have 1 or 2 dimensions"),
    "a dimension of 2^62": (_at("bias_ih_l0", "shape", [2**62]), "Tensors have 1 or 2 dimensions"),
    "dimensions whose product overflows": (_at("bias_ih_l0", "shape", [2**32, 2**32]), "Tensors have 1 or 2"),
    "a dimension of 16.0": (_at("bias_ih_l0", "shape", [16.0]), "Tensors have 1 or 2 dimensions"),
    "a dimension that is true": (_at("bias_ih_l0", "shape", [True]), "Tensors have 1 or 2 dimensions"),
    "a dimension that is text": (_at("bias_ih_l0", "shape", ["16"]), "Tensors have 1 or 2 dimensions"),
    "a shape that is none": (_at("bias_ih_l0", "shape", None), "Tensors have 1 or 2 dimensions"),
    "one offset": (_at("bias_ih_l0", "data_offsets", [0]), "A tensor lies between two places"),
    "a negative offset": (_at("bias_ih_l0", "data_offsets", [-64, 0]), "A tensor lies between two places"),
    "offsets the wrong way": (
        _at("bias_ih_l0", "data_offsets", [64, 0]),
        "A tensor has as many bytes as its shape",
    ),
    "too few bytes": (
        _at("bias_ih_l0", "data_offsets", [0, 60]),
        "A tensor has as many bytes as its shape; got 60",
    ),
    "two tensors in one place": (
        _at("bias_hh_l0", "data_offsets", [0, 64]),
        "The tensors of a file lie one after",
    ),
    "a hole before the first tensor": (
        lambda: framed({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, b"\0" * 8),
        "The tensors of a file lie one after another; got 'a' elsewhere.",
    ),
    "a tensor behind the end": (lambda: GOOD[:-4], "The tensors of a file lie one after another"),
    "bytes after the last tensor": (lambda: GOOD + b"\0", "The tensors of a file fill it; got 1 bytes more."),
    # Safetensors: the numbers.
    "a NaN": (_changed(bias_ih_l0=torch.full((16,), math.nan)), "Weights are numbers up to 10,000 in size"),
    "an infinity": (
        _changed(bias_ih_l0=torch.full((16,), math.inf)),
        "Weights are numbers up to 10,000 in size",
    ),
    "a minus infinity in float16": (
        _changed(bias_ih_l0=torch.full((16,), -math.inf, dtype=torch.float16)),
        "Weights are numbers up to 10,000 in size",
    ),
    "a weight of 10,001": (
        _changed(bias_ih_l0=torch.full((16,), 10_001.0)),
        "Weights are numbers up to 10,000",
    ),
    "a weight of 1e308": (
        _changed(bias_ih_l0=torch.full((16,), 1e308, dtype=torch.float64)),
        "Weights are numbers up to 10,000 in size",
    ),
    # The names of the layers.
    "no recurrent layer": (
        lambda: safetensors({"fc.weight": torch.ones(2, 2)}),
        "A model file holds the weights of a torch.nn.RNN, LSTM or GRU; got 1 tensors, 'fc.weight' first.",
    ),
    "no tensor": (
        lambda: framed({}),
        "A model file holds the weights of a torch.nn.RNN, LSTM or GRU; got no tensor",
    ),
    "a name of no letter": (lambda: safetensors({"": torch.ones(1)}), "A tensor's name has 1 to 200 visible"),
    "a name of 201 letters": (
        lambda: safetensors({"a" * 201: torch.ones(1)}),
        "A tensor's name has 1 to 200",
    ),
    "a name with NUL": (lambda: safetensors({"a\0": torch.ones(1)}), "A tensor's name has 1 to 200 visible"),
    "a name that turns the line around": (
        lambda: safetensors({"\u202eih_weight": torch.ones(1)}),
        "A tensor's name has 1 to 200 visible characters",
    ),
    "a lone surrogate in a name": (
        lambda: framed(rb'{"\ud800": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}', b"\0" * 4),
        "A tensor's name has 1 to 200 visible characters",
    ),
    "weight norm": (_changed(weight_hh_l0=None, weight_hh_l0_g=torch.ones(16, 1)), NEAR),
    "a parametrisation": (_changed(**{"parametrizations.weight_hh_l0.original0": torch.ones(16)}), NEAR),
    "a layer called lo": (_changed(weight_ih_lo=torch.ones(16, 3)), NEAR),
    "a layer of 4 digits": (_changed(weight_ih_l1000=torch.ones(16, 3)), NEAR),
    "a layer of Arabic digits": (_changed(weight_ih_l٠=torch.ones(16, 3)), NEAR),
    "peepholes": (_changed(peephole_input=torch.ones(4)), NEAR),
    "weights of weights of gates": (_changed(weight_gates=torch.ones(12, 12)), NEAR),
    "a cell and a layer in one": (
        _changed(weight_ih=torch.ones(16, 3)),
        "A layer has each of its weights once; got 'weight_ih' twice.",
    ),
    "a cell's bias in a layer": (
        _changed(bias_ih_l0=None, bias_ih=torch.ones(16)),
        "Weights have the number of their layer (weight_ih_l0) or, of a cell, none; got both.",
    ),
    "layer 0 and layer 00": (
        _changed(weight_ih_l00=torch.ones(16, 3)),
        "A layer has each of its weights once; got 'weight_ih_l00' twice.",
    ),
    "a prefix of nothing but a dot": (
        _changed(**{".bias_ih_l0": torch.ones(16)}),
        "A layer has each of its weights once; got 'bias_ih_l0' twice.",
    ),
    "five layers": (
        lambda: safetensors(weights("GRU", 3, 2, num_layers=5)),
        "A model has at most 4 layers; got 5",
    ),
    "a layer left out": (
        _changed(weight_ih_l2=torch.ones(16, 4)),
        "A layer has bias_hh, bias_ih, weight_hh, weight_ih; got layer 1 without",
    ),
    "layer 999 alone": (
        lambda: safetensors({"weight_ih_l999": torch.ones(4, 3)}),
        "A model has at most 4 layers; got 1000.",
    ),
    "no input weights": (
        _changed(weight_ih_l0=None),
        "A layer has bias_hh, bias_ih, weight_hh, weight_ih; got",
    ),
    "no recurrent weights": (
        _changed(weight_hh_l0=None),
        "A layer has bias_hh, bias_ih, weight_hh, weight_ih; got",
    ),
    "one bias of two": (
        _changed(bias_hh_l0=None),
        "A layer has bias_hh, bias_ih, weight_hh, weight_ih; got layer 0",
    ),
    "a reverse direction alone": (
        lambda: safetensors({f"{name}_reverse": value for name, value in LSTM.items()}),
        "A layer has bias_hh, bias_ih, weight_hh, weight_ih; got layer 0 without",
    ),
    "half a reverse direction": (
        _changed(weight_ih_l0_reverse=torch.ones(16, 3)),
        "A layer has bias_hh, bias_ih, weight_hh, weight_ih; got layer 0, reverse direction without",
    ),
    "one projection of two": (
        lambda: safetensors(
            {k: v for k, v in weights("LSTM", 3, 4, 2, proj_size=2).items() if k != "weight_hr_l1"}
        ),
        "A layer has bias_hh, bias_ih, weight_hh, weight_hr, weight_ih; got layer 1 without weight_hr.",
    ),
    # The shapes of the layers.
    "two blocks of rows": (
        lambda: safetensors({"weight_ih": torch.ones(8, 3), "weight_hh": torch.ones(8, 4)}),
        "weight_hh has 1 (RNN), 3 (GRU) or 4 (LSTM) rows for each unit; got 8 rows for 4 units.",
    ),
    "rows that are no multiple": (
        lambda: safetensors({"weight_ih": torch.ones(9, 3), "weight_hh": torch.ones(9, 4)}),
        "weight_hh has 1 (RNN), 3 (GRU) or 4 (LSTM) rows for each unit; got 9 rows for 4 units.",
    ),
    "a projected GRU": (
        lambda: safetensors({**weights("GRU", 3, 4), "weight_hr_l0": torch.ones(2, 4)}),
        "weight_hh has 4 (a projected LSTM) rows for each unit; got 12 rows for 4 units.",
    ),
    "recurrent weights of one dimension": (
        _changed(weight_hh_l0=torch.ones(16)),
        "The weights of a layer are matr",
    ),
    "input weights of one dimension": (
        _changed(weight_ih_l0=torch.ones(16)),
        "The weights of a layer are matrices",
    ),
    "a projection of one dimension": (
        lambda: safetensors({**LSTM, "weight_hr_l0": torch.ones(4)}),
        "The weights of a layer are matrices; got 4.",
    ),
    "too few rows of input weights": (
        _changed(weight_ih_l0=torch.ones(12, 3)),
        f"{SHAPE} weight_ih_l0 are 16 × 3; got 12 × 3.",
    ),
    "a bias too short": (_changed(bias_hh_l0=torch.ones(15)), f"{SHAPE} bias_hh_l0 are 16; got 15."),
    "a bias of two dimensions": (
        _changed(bias_hh_l0=torch.ones(16, 1)),
        f"{SHAPE} bias_hh_l0 are 16; got 16 × 1.",
    ),
    "a second layer of another width": (
        lambda: safetensors({**weights("GRU", 3, 4, 2), "weight_ih_l1": torch.ones(12, 5)}),
        "In GRU(3, 4, num_layers=2) the weights weight_ih_l1 are 12 × 4; got 12 × 5.",
    ),
    "a second layer of other units": (
        lambda: safetensors({**weights("GRU", 3, 4, 2), "weight_hh_l1": torch.ones(12, 3)}),
        "In GRU(3, 4, num_layers=2) the weights weight_hh_l1 are 12 × 4; got 12 × 3.",
    ),
    "257 units": (lambda: safetensors(weights("RNN", 3, 257)), "A layer has at most 256 units; got 257."),
    "257 inputs": (lambda: safetensors(weights("RNN", 257, 3)), "A layer has at most 256 inputs; got 257."),
    "two types in one layer": (
        _changed(bias_hh_l0=torch.ones(16, dtype=torch.float64)),
        "The weights of a layer are of one type; got float32 and float64.",
    ),
    "an error in the second module": (
        lambda: safetensors(
            {**weights(prefix="a."), **weights(prefix="b.c."), "b.c.bias_hh_l0": torch.ones(3)}
        ),
        f"{SHAPE} bias_hh_l0 are 16; got 3 in 'b.c'.",
    ),
    # The embedding.
    "an embedding of 1,001 tokens": (
        _changed(**{"embedding.weight": torch.ones(1001, 3)}),
        "An embedding has at most 1,000 tokens × 64 numbers; got 1,001 × 3.",
    ),
    "an embedding of 65 numbers": (
        _changed(**{"embedding.weight": torch.ones(3, 65)}),
        "An embedding has at most 1,000 tokens × 64 numbers; got 3 × 65.",
    ),
    "an embedding of one dimension": (
        _changed(**{"embedding.weight": torch.ones(3)}),
        "An embedding has at most 1,000 tokens × 64 numbers; got 3.",
    ),
    "two embeddings": (
        _changed(**{"embedding.weight": torch.ones(3, 3), "a.embedding.weight": torch.ones(3, 3)}),
        "A file has one embedding.weight at most; got 2, 'a.embedding.weight' among them.",
    ),
}
