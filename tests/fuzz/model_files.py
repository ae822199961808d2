"""Feed mutated model files to the reader: no code may run, nothing but a refusal be raised, time and memory stay small.

    make fuzz ARGS="--count 100000 --seed 0"

Valid .safetensors and .pt files are damaged in many ways: bytes, lengths and pieces anywhere; values, names and shapes
in the header of a safetensors file; instructions, names and numbers in the pickle of a .pt file, whose archive is made
anew, so that its checksums are right and the damage gets further. The last line is a JSON object of the results; the
command fails where a limit is passed. Time is the processor's, memory the largest resident size less that from before.
"""

import argparse
import codecs
import io
import json
import random
import resource
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from memviz import model_files
from memviz.model_files import ModelFileError
from tests.model_files.builders import (
    framed,
    pickled_table,
    safetensors,
    torch_file,
    weights,
    with_pickle,
    zipped,
)

MOST_SECONDS, MOST_MEGABYTES = 0.2, 100.0
EVENTS = (
    "exec",
    "compile",
    "os.",
    "subprocess.",
    "pickle.",
    "socket.",
    "ctypes.",
    "shutil.",
    "marshal.",
    "code.",
)
NUMBERS = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    15,
    16,
    17,
    64,
    127,
    128,
    255,
    256,
    257,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32,
    2**63,
)
VALUES: tuple[Any, ...] = (
    *NUMBERS, *(-n for n in NUMBERS[1:6]), 1.5, 1e308, True, None, "", "F32", "F16", "F64", "BF16", "I64", "../x",
    [], [0], [1], [4, 3], [2**31, 2**31], [[]], {}, {"a": 1}, "\ud800", "weight_ih_l0", "x" * 300,
)  # fmt: skip
NAMES = (
    b"weight_hh_l0", b"weight_ih_l9", b"bias_ih_l0", b"a.weight_ih_l0", b"embedding.weight", b"weight_ih", b"../../x",
    b"storage", b"cuda:0", b"cpu", b"0", b"1", b"\xff\xfe", b"",
)  # fmt: skip
GLOBALS = (
    b"os\nsystem", b"builtins\neval", b"builtins\nexec", b"posix\nsystem", b"subprocess\nPopen", b"torch\nload",
    b"torch\nHalfStorage", b"torch\nBFloat16Storage", b"torch._utils\n_rebuild_parameter", b"collections\nOrderedDict",
    b"torch._utils\n_rebuild_tensor_v2", b"torch._utils\n_rebuild_qtensor", b"torch.nn.modules.rnn\nLSTM", b"io\nopen",
)  # fmt: skip
PATHS = ("../x", "archive/x", "archive/code/a.py", "/x", "archive/data/99", "b/data.pkl")
INSTRUCTIONS = [bytes([code]) for code in range(256)]
Mutation = Callable[[random.Random, bytes], bytes]


def seeds() -> list[bytes]:
    """Valid files of every kind."""
    states = [
        weights("LSTM", 3, 4),
        weights("GRU", 2, 3, num_layers=2, bidirectional=True, prefix="encoder.rnn."),
        weights("RNN", 5, 2, bias=False),
        weights("LSTMCell", 1, 2),
        weights("LSTM", 3, 6, proj_size=2),
        {**weights("GRU", 4, 8), "embedding.weight": torch.ones(12, 4), "fc.weight": torch.ones(2, 8)},
        weights("LSTM", 32, 64),
        {name: value.half() for name, value in weights("GRU", 3, 4).items()},
        {name: value.double() for name, value in weights("GRU", 3, 4).items()},
    ]
    small = pickled_table(name=b"weight_ih", shape=(4, 3))
    return [
        *(safetensors(state, {"note": "fuzz"}) for state in states),
        *(torch_file(state) for state in states),
        with_pickle(small, {"0": b"\0" * 48}),
    ]


def flip(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def early(chance: random.Random, data: bytes) -> bytes:
    """Damage near the front, where headers are."""
    at = chance.randrange(min(200, len(data)))
    return data[:at] + chance.randbytes(chance.choice((1, 2, 4))) + data[at + chance.choice((0, 1, 2, 4)) :]


def truncate(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))] + chance.randbytes(chance.choice((0, 0, 1, 22)))


def insert(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.randrange(1, 64)) + data[at:]


def repeat(chance: random.Random, data: bytes) -> bytes:
    first, last = sorted((chance.randrange(len(data)), chance.randrange(len(data))))
    return data[:last] + data[first:last] * chance.choice((1, 2, 8)) + data[last:]


def number(chance: random.Random, data: bytes) -> bytes:
    """A number of 2, 4 or 8 bytes somewhere, one that often breaks things."""
    width = chance.choice((2, 4, 8))
    at = chance.randrange(max(1, len(data) - width))
    return data[:at] + (chance.choice(NUMBERS) % 256**width).to_bytes(width, "little") + data[at + width :]


def noise(chance: random.Random, data: bytes) -> bytes:
    start = chance.choice(
        (b"", b"PK\3\4", b"\x80\2", (2).to_bytes(8, "little") + b"{}", b"\x89HDF", data[:64])
    )
    return start + chance.randbytes(chance.randrange(2000))


def header(chance: random.Random, data: bytes) -> bytes:
    """Another value, name or tensor in the header of a safetensors file."""
    size = int.from_bytes(data[:8], "little")
    if data[8:9] != b"{" or size > len(data):
        return flip(chance, data)
    parsed, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    for _ in range(chance.choice((1, 1, 2, 3))):
        name = chance.choice(list(parsed))
        about = parsed[name]
        what = chance.randrange(6)
        if what == 0:
            parsed[name] = chance.choice(VALUES)
        elif what == 1:
            parsed[chance.choice(NAMES).decode("latin-1")] = about
        elif what == 2:
            parsed.pop(name)
        elif isinstance(about, dict) and about:
            key = chance.choice(list(about))
            if what == 3 and isinstance(about[key], list) and about[key]:
                about[key] = [*about[key]]
                about[key][chance.randrange(len(about[key]))] = chance.choice(VALUES)
            else:
                about[key] = chance.choice(VALUES)
        if not parsed:
            break
    return framed(json.dumps(parsed).encode("utf-8", "surrogatepass"), body)


def table(chance: random.Random, data: bytes) -> bytes:
    """Other instructions, names or numbers in the pickle of a .pt file."""

    def change(content: bytes) -> bytes:
        what = chance.randrange(7)
        if what == 0:
            return flip(chance, content)
        if what == 1:
            at = chance.randrange(len(content))
            return (
                content[:at]
                + chance.choice(INSTRUCTIONS) * chance.choice((1, 1, 3))
                + content[at + chance.randrange(2) :]
            )
        if what == 2:
            at = content.find(b"c", chance.randrange(len(content)))
            end = content.find(b"\n", content.find(b"\n", at) + 1)
            return (
                content[: at + 1] + chance.choice(GLOBALS) + content[end:]
                if at >= 0 and end > at
                else content
            )
        if what == 3:
            return content.replace(
                chance.choice((b"cpu", b"storage", b"weight_ih_l0", b"0")), chance.choice(NAMES), 1
            )
        if what == 4:
            return number(chance, content)
        if what == 5:
            return repeat(chance, content)
        at = chance.randrange(len(content))
        return content[:at] + b"c" + chance.choice(GLOBALS) + b"\n" + content[at:]

    return _rezipped(chance, data, "data.pkl", change)


def archive(chance: random.Random, data: bytes) -> bytes:
    """Other files in the archive of a .pt file."""
    files = _files(data)
    if not files:
        return flip(chance, data)
    for _ in range(chance.choice((1, 1, 2))):
        name = chance.choice(list(files))
        what = chance.randrange(5)
        if what == 0:
            files.pop(name)
        elif what == 1:
            files[
                chance.choice(
                    ("../x", "archive/x", "archive/code/a.py", "/x", "archive/data/99", "b/data.pkl")
                )
            ] = b"x"
        elif what == 2:
            files[name] = files[name] + chance.randbytes(chance.randrange(1, 40))
        elif what == 3:
            files[name] = truncate(chance, files[name] or b"x")
        else:
            files[name] = chance.randbytes(len(files[name]))
        if not files:
            break
    return zipped(files, chance.choice((zipfile.ZIP_STORED,) * 5 + (zipfile.ZIP_DEFLATED,)))


MUTATIONS: tuple[Mutation, ...] = (
    flip, early, truncate, insert, repeat, number, noise, header, header, header, table, table, table, archive,
)  # fmt: skip


def _files(data: bytes) -> dict[str, bytes]:
    if not data.startswith(b"PK"):
        return {}
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _rezipped(chance: random.Random, data: bytes, ending: str, change: Callable[[bytes], bytes]) -> bytes:
    files = _files(data)
    if not files:
        return flip(chance, data)
    return zipped(
        {name: change(content) if name.endswith(ending) else content for name, content in files.items()}
    )


class Watch:
    """What the interpreter does while a file is read."""

    def __init__(self) -> None:
        self.listens = False
        self.seen: list[str] = []
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple) -> None:
        if self.listens and (event.startswith(EVENTS) or event in ("open", "import")):
            self.seen.append(f"{event} {arguments!r:.80}")


class Memory:
    """The largest resident size, begun anew for each file where the system allows it."""

    def __init__(self) -> None:
        self._reset = Path("/proc/self/clear_refs")
        try:
            self._reset.write_text("5")
            self.is_per_file = True
        except OSError:
            self.is_per_file = False

    def begin(self) -> None:
        if self.is_per_file:
            self._reset.write_text("5")
        self._before = self._peak()

    def megabytes(self) -> float:
        return (self._peak() - self._before) / 1024

    def _peak(self) -> int:
        if not self.is_per_file:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        status = Path("/proc/self/status").read_text()
        return int(status[status.index("VmHWM:") + 6 :].split(maxsplit=1)[0])


def run(count: int, seed: int) -> dict[str, Any]:
    """Read so many mutated files.

    Raises:
        SystemExit: if a limit is passed; what was read last is kept as fuzz-failure.bin.
    """
    torch.set_num_threads(1)
    chance, files, watch, memory = random.Random(seed), seeds(), Watch(), Memory()
    for data in (*files, b"PK\x03\x04", b"\x80\2", b"{", b""):  # what is imported or made once, is
        _read(data)
    for codec in ("raw-unicode-escape", "unicode-escape", "latin-1", "ascii"):
        codecs.lookup(codec)
    read, refused, slowest, largest = 0, Counter[str](), 0.0, 0.0
    for _ in range(count):
        data = chance.choice(files)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            try:
                data = chance.choice(MUTATIONS)(chance, data) or b"x"
            except (
                zipfile.BadZipFile,
                ValueError,
                NotImplementedError,
                KeyError,
                EOFError,
                RuntimeError,
                IndexError,
            ):
                data = flip(chance, data)  # it was damaged too much for this one
        memory.begin()
        watch.seen.clear()
        watch.listens = True
        began = time.process_time()
        try:
            sentence = _read(data)
        except Exception as error:
            watch.listens = False
            _fail(data, f"raised {error!r}")
        watch.listens = False
        seconds, megabytes = time.process_time() - began, memory.megabytes()
        slowest, largest = max(slowest, seconds), max(largest, megabytes)
        if watch.seen:
            _fail(data, f"did {watch.seen[0]}")
        if seconds > MOST_SECONDS or megabytes > MOST_MEGABYTES:
            _fail(data, f"took {seconds:.3f} s and {megabytes:.0f} MB")
        if sentence is None:
            read += 1
        else:
            refused[sentence.split(";")[0][:60]] += 1
    return {
        "inputs": count,
        "seed": seed,
        "read": read,
        "refused": count - read,
        "rules": len(refused),
        "unexpected": 0,
        "code_executed": 0,
        "slowest_seconds": round(slowest, 4),
        "largest_megabytes": round(largest, 1),
        "memory_measured_per_input": memory.is_per_file,
    }


def _read(data: bytes) -> str | None:
    """Why a file is refused; None where it is read, and then each of its layers becomes a network."""
    try:
        found = model_files.read(data)
        for module in found.modules:
            for layer, direction in module.tensors:
                module.network(layer, direction)
    except ModelFileError as error:
        return str(error)
    return None


def _fail(data: bytes, what: str) -> None:
    Path("fuzz-failure.bin").write_bytes(data)
    sys.exit(f"A file {what}; it is kept as fuzz-failure.bin.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Feed mutated model files to the strict reader.")
    parser.add_argument("--count", type=int, default=10_000, help="how many files (10,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations (0)")
    given = parser.parse_args()
    began = time.perf_counter()
    found = run(given.count, given.seed)
    print(
        f"{found['inputs']:,} files, {found['read']:,} read, {found['refused']:,} refused by {found['rules']} rules"
    )
    print(f"slowest {found['slowest_seconds']} s, largest {found['largest_megabytes']} MB")
    print(f"{time.perf_counter() - began:.0f} s in all")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
