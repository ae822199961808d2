"""Malicious and malformed .pt files by name, each with the start of the sentence that refuses it."""

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.model_files.builders import (
    module,
    pickled,
    pickled_table,
    rezipped,
    torch_file,
    weights,
    with_pickle,
    zipped,
)

Bad = tuple[Callable[[], bytes], str]
LSTM = weights()
PT = torch_file(LSTM)
NUMBERS = {"0": np.zeros(12, "<f4").tobytes()}
TABLE = "A .pt file holds a dictionary of tensors"
BROKEN = "The table of contents of a .pt file is a pickle of torch.save; got a broken one."
ZIP = "A .pt file is a whole zip archive of torch.save; got a broken one."


def _pickle(**parts: Any) -> Callable[[], bytes]:
    return lambda: with_pickle(pickled_table(**parts), NUMBERS)


def _files(change: Callable[[dict[str, bytes]], dict[str, bytes]], *compression: int) -> Callable[[], bytes]:
    return lambda: rezipped(PT, change, *compression)


def _raw(pickle_bytes: bytes) -> Callable[[], bytes]:
    return lambda: with_pickle(pickle_bytes, NUMBERS)


def _flagged() -> bytes:
    data = bytearray(PT)
    for start, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(start) + at] |= 1
    return bytes(data)


def _nested_key() -> bytes:
    """A key of tuples of tuples: hashing it would take 2^60 steps."""
    doubled = (b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(60))
    return b"\x80\x02)q\0" + b"".join(doubled) + b"}h" + bytes([60])


def _scripted() -> bytes:
    return rezipped(PT, lambda files: {**files, "archive/code/__torch__.py": b"import os"})


def _counted(archive: bytes, count: int) -> bytes:
    """An archive whose last record states another count of files."""
    return archive[:-12] + count.to_bytes(2, "little") + archive[-10:]


BAD_TORCH_FILES: dict[str, Bad] = {
    # .pt: the archive.
    "a zip without files": (
        lambda: zipped({}),
        "The files of a .pt file lie in one folder; got another archive.",
    ),
    "half a .pt file": (lambda: PT[: len(PT) // 2], ZIP),
    "a .pt file less its last byte": (lambda: PT[:-1], ZIP),
    "a .pt file and more": (lambda: PT + b"\0", ZIP),
    "a .pt file without its middle": (lambda: PT[:300] + PT[400:], ZIP),
    "a zip with a comment": (lambda: PT[:-2] + b"\1\0x", ZIP),
    "a wrong checksum": (lambda: PT.replace(LSTM["bias_ih_l0"].numpy().tobytes(), b"\0" * 64, 1), ZIP),
    "compressed files": (
        _files(lambda f: f, zipfile.ZIP_DEFLATED),
        "The files of a .pt file are stored as they",
    ),
    "a bomb of a hundred megabytes": (
        lambda: rezipped(PT, lambda f: {**f, "archive/data/9": b"\0" * 10**8}, zipfile.ZIP_DEFLATED),
        "The files of a .pt file are stored as they are",
    ),
    "an encrypted file": (_flagged, "The archive of a .pt file is not encrypted; got one that is."),
    "100 files": (
        _files(lambda f: {**f, **{f"archive/data/{n}": b"" for n in range(100)}}),
        "The archive of a .pt file has at most 72 files; got 106.",
    ),
    "10,000 files": (
        lambda: zipped({f"a/{n}": b"" for n in range(10_000)}),
        "The archive of a .pt file has at most 72 files; got 10,000.",
    ),
    "10,000 files that are said to be one": (
        lambda: _counted(zipped({f"a/{n}": b"" for n in range(10_000)}), 1),
        "The archive of a .pt file has at most 72 files; got 10,000.",
    ),
    "a file above the archive": (
        _files(lambda f: {**f, "archive/../../x": b""}),
        "The files of a .pt file lie inside",
    ),
    "a file at the root": (
        _files(lambda f: {**f, "/etc/passwd": b""}),
        "The files of a .pt file lie inside it",
    ),
    "a file by a backslash": (
        _files(lambda f: {**f, "archive/..\\x": b""}),
        "The files of a .pt file lie inside it",
    ),
    "two folders": (
        _files(lambda f: {**f, "other/data.pkl": b""}),
        "The files of a .pt file lie in one folder",
    ),
    "no folder": (lambda: zipped({"data.pkl": b"."}), "The files of a .pt file lie in one folder"),
    "a scripted model": (_scripted, "A .pt file holds a dictionary of tensors; got a scripted model"),
    "a file of another name": (
        _files(lambda f: {**f, "archive/x.py": b""}),
        "A .pt file holds a pickle and numbers",
    ),
    "no table of contents": (
        _files(lambda f: {k: v for k, v in f.items() if not k.endswith("data.pkl")}),
        "A .pt file holds data.pkl; got an archive without it.",
    ),
    "a .pt file of version 4": (
        _files(lambda f: {**f, "archive/version": b"4"}),
        "A .pt file is of version 3; got '4'",
    ),
    "big-endian numbers": (
        _files(lambda f: {**f, "archive/byteorder": b"big"}),
        "The bytes of a number go from the little end; got 'big'.",
    ),
    "numbers that are missing": (
        _files(lambda f: {k: v for k, v in f.items() if k != "archive/data/0"}),
        "Each tensor's numbers lie in the file; got none for 'weight_ih_l0'.",
    ),
    "numbers too short": (
        _files(lambda f: {**f, "archive/data/0": b"\0" * 4}),
        "Numbers have as many bytes as the",
    ),
    "numbers too long": (
        _files(lambda f: {**f, "archive/data/0": b"\0" * 999}),
        "Numbers have as many bytes as the",
    ),
    # .pt: the table of contents.
    "a table of 70 kB": (
        _raw(pickled({"a" * 70_000: 1})),
        "The table of contents of a .pt file has at most 65,536 bytes; got 70,",
    ),
    "an empty table": (_raw(b""), BROKEN),
    "a table that ends early": (_raw(pickled_table()[:-20]), BROKEN),
    "a table of noise": (_raw(np.random.default_rng(1).bytes(500)), BROKEN),
    "a table that stops at once": (_raw(b"\x80\x02."), BROKEN),
    "a table that pops a mark": (_raw(b"\x80\x02(."), BROKEN),
    "a tuple without a mark": (_raw(b"\x80\x02t."), BROKEN),
    "a memory that nobody kept": (_raw(b"\x80\x02h\x09."), BROKEN),
    "an item of nothing": (_raw(b"\x80\x02K\1K\2K\3s."), BROKEN),
    "a call of a number": (_raw(b"\x80\x02K\1)R."), BROKEN),
    "odd items": (_raw(b"\x80\x02}(K\1u."), BROKEN),
    "attributes of a number": (_raw(b"\x80\x02K\1}b."), BROKEN),
    "a negative count of numbers": (_pickle(count=-12), BROKEN),
    "a storage under another tag": (_pickle(tag=b"module"), BROKEN),
    "hooks on a tensor": (_pickle(hooks=b"}X\1\0\0\0aK\1s"), BROKEN),
    "a negative offset of .pt": (_pickle(first=-1), BROKEN),
    "a negative shape of .pt": (_pickle(shape=(-4, 3)), BROKEN),
    "protocol 4": (_raw(pickle.dumps({"a": 1}, 4)), "The pickle of a .pt file is of protocol 2; got 4."),
    "a list": (_raw(pickled([])), f"{TABLE}; its pickle also has the instruction EMPTY_LIST."),
    "a float": (_raw(pickled({"a": 1.5})), f"{TABLE}; its pickle also has the instruction BINFLOAT."),
    "a number of a million digits": (
        _raw(b"\x80\x02\x8b\xff\xff\0\0" + b"\1" * 65535),
        "The table of contents",
    ),
    "an instance": (_raw(b"\x80\x02(ios\nsystem\n."), f"{TABLE}; its pickle also has the instruction INST."),
    "an extension": (_raw(b"\x80\x02\x82\1."), f"{TABLE}; its pickle also has the instruction EXT1."),
    "a name from the stack": (
        _raw(b"\x80\x02X\2\0\0\0osX\6\0\0\0system\x93."),
        f"{TABLE}; its pickle also has the instruction STACK_GLOBAL.",
    ),
    "os.system": (_raw(b"\x80\x02cos\nsystem\nX\2\0\0\0ls\x85R."), f"{TABLE}; its pickle names 'os system'"),
    "builtins.eval": (_raw(b"\x80\x02cbuiltins\neval\n."), f"{TABLE}; its pickle names 'builtins eval'"),
    "torch.load in a .pt file": (_raw(b"\x80\x02ctorch\nload\n."), f"{TABLE}; its pickle names 'torch load'"),
    "a name with spaces": (
        _raw(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2 x\n."),
        f"{TABLE}; its pickle names",
    ),
    "a key of endless tuples": (
        lambda: with_pickle(_nested_key() + b"K\1s."),
        "The tensors of a file have names; got",
    ),
    "a key that is a number": (
        _raw(b"\x80\x02}K\1K\2s."),
        "The tensors of a file have names; got a whole number",
    ),
    "a name twice in a .pt file": (
        _raw(b"\x80\x02}X\1\0\0\0aK\1sX\1\0\0\0aK\2s."),
        "The tensors of a file have diff",
    ),
    "a whole module": (
        lambda: torch_file(module()),
        f"{TABLE}; got a whole module, 'torch.nn.modules.rnn LSTM'",
    ),
    "a module in a container": (
        lambda: torch_file(nn.Sequential(module())),
        f"{TABLE}; got a whole module, 'torch.nn.modules.container Seq",
    ),
    "parameters": (
        lambda: torch_file(dict(module().named_parameters())),
        f"{TABLE}; got parameters of a module.",
    ),
    "a single tensor": (lambda: torch_file(torch.ones(4)), f"{TABLE}; got a tensor."),
    "a number": (lambda: torch_file(3), f"{TABLE}; got a whole number."),
    "a checkpoint": (
        lambda: torch_file({"state_dict": LSTM, "epoch": 3}),
        f"{TABLE} and nothing else; got a dictionary for 'state_dict'.",
    ),
    "an epoch beside the tensors": (
        lambda: torch_file({**LSTM, "epoch": 3}),
        f"{TABLE} and nothing else; got a whole number for 'epoch'.",
    ),
    "itself": (_raw(b"\x80\x02}q\0X\1\0\0\0ah\0s."), f"{TABLE} and nothing else; got a dictionary for 'a'."),
    "bfloat16 in a .pt file": (
        lambda: torch_file({name: value.bfloat16() for name, value in LSTM.items()}),
        "The numbers of a file are of the types float16, float32 and float64; got 'BFloat16Storage'.",
    ),
    "whole numbers in a .pt file": (
        lambda: torch_file({"weight_ih_l0": torch.ones(4, 3, dtype=torch.int64)}),
        "The numbers of a file are of the types float16, float32 and float64; got 'LongStorage'.",
    ),
    "a tensor on a GPU": (_pickle(place=b"cuda:0"), "The tensors of a file lie on the CPU; got 'cuda:0'."),
    "a sparse tensor": (
        lambda: torch_file({"weight_ih_l0": torch.ones(4, 3).to_sparse()}),
        f"{TABLE}; its pickle names 'torch._utils _rebuild_sparse_tensor'",
    ),
    "a transposed tensor": (
        lambda: torch_file(OrderedDict(weight_ih_l0=torch.ones(3, 4).T)),
        "The numbers of a tensor lie row after row; got the strides 1 × 4 for 4 × 3.",
    ),
    "a tensor of stride 0": (
        lambda: torch_file({"weight_ih_l0": torch.ones(1).expand(10**9)}),
        "The numbers of a tensor lie row after row; got the strides 0 for 1000000000.",
    ),
    "a shape beyond its numbers": (
        _pickle(shape=(10**6, 10**3), strides=(10**3, 1)),
        "A tensor has as many numbers as its shape; got 12 for 1000000 × 1000.",
    ),
    "an offset beyond its numbers": (_pickle(first=1), "A tensor has as many numbers as its shape; got 12"),
    "no dimension in a .pt file": (
        lambda: torch_file({"a": torch.tensor(1.0)}),
        "Tensors have 1 or 2 dimensions",
    ),
    "three dimensions in a .pt file": (
        lambda: torch_file({"a": torch.ones(1, 1, 1)}),
        "Tensors have 1 or 2 dim",
    ),
    "no number in a .pt file": (
        _pickle(shape=(0, 3)),
        "Tensors have 1 or 2 dimensions of at least 1; got the shape",
    ),
    "strides of another number": (_pickle(strides=(1,)), "Tensors have 1 or 2 dimensions"),
    "a key above the archive": (
        _pickle(key=b"../../etc/passwd"),
        "Each tensor's numbers lie in the file; got none",
    ),
    "a NaN in a .pt file": (
        lambda: torch_file({**LSTM, "bias_ih_l0": torch.full((16,), math.nan)}),
        "Weights are numbers up to 10,000 in size; got another in 'bias_ih_l0'.",
    ),
    "65 tensors in a .pt file": (
        lambda: torch_file({f"t{n}": torch.ones(1) for n in range(65)}),
        "A file of weights has at most 64 tensors; got 65.",
    ),
    "60 tensors of one megabyte in one": (
        lambda: torch_file(dict.fromkeys((f"t{n}" for n in range(60)), torch.ones(2**18))),
        "The tensors of a file have at most 2,097,152 bytes; got 62,914,560.",
    ),
    "a quantised tensor": (
        _pickle(rebuild=b"torch._utils\n_rebuild_qtensor"),
        f"{TABLE}; its pickle names 'torch._utils _rebuild_qtensor'",
    ),
}
