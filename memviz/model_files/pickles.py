"""The pickle of a .pt file, read as data: a table of names and of places in the archive, or nothing.

Python's own unpickler calls what a pickle names. Here the few instructions that `torch.save` writes for a dictionary of
tensors are followed, on a stack of plain values; a name is only compared with those that are known, and nothing is
called. The instructions are those of the standard library's `pickletools`.
"""

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from memviz.interventions.values import shown
from memviz.model_files.problem import SAVE, SAVE_LAYERS, ModelFileError, saving

MOST_BYTES = 64 * 2**10
_TYPES = {
    "torch FloatStorage": torch.float32,
    "torch DoubleStorage": torch.float64,
    "torch HalfStorage": torch.float16,
}
_DICTIONARY, _TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
_KNOWN = {_DICTIONARY, _TENSOR, *_TYPES}
_OF_A_CHECKPOINT = saving('torch.load("checkpoint.pt", weights_only=True)["state_dict"].items()')


@dataclass(frozen=True)
class Stored:
    """Numbers that lie in a file of the archive.

    Attributes:
        key: the name of the file.
        dtype: of each number.
        count: how many there are.
    """

    key: str
    dtype: torch.dtype
    count: int


@dataclass(frozen=True)
class Placed:
    """A tensor among some numbers, one row after another.

    Attributes:
        stored: the numbers.
        first: which of them is the tensor's first.
        shape: of the tensor.
    """

    stored: Stored
    first: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Name:
    name: str


class _Mark:
    """Where a tuple or the items of a dictionary begin on the stack."""


_MARK = _Mark()


def tensors_of(pickled: bytes) -> dict[str, Placed]:
    """The tensors that a pickle says to lie in its archive, by name.

    Raises:
        ModelFileError: if it is too large, broken, or anything but a dictionary of tensors.
    """
    if len(pickled) > MOST_BYTES:
        raise ModelFileError(
            f"The table of contents of a .pt file has at most {MOST_BYTES:,} bytes; got {len(pickled):,}.",
            SAVE_LAYERS,
        )
    found = _Machine().run(_instructions(pickled))
    if not isinstance(found, dict):
        raise ModelFileError(f"A .pt file holds a dictionary of tensors; got {_kind(found)}.", SAVE)
    tensors = {}
    for name, value in found.items():
        if not isinstance(value, Placed):
            raise ModelFileError(
                f"A .pt file holds a dictionary of tensors and nothing else; got {_kind(value)} for {shown(name)}.",
                _OF_A_CHECKPOINT if isinstance(value, dict) else SAVE,
            )
        tensors[name] = value
    return tensors


def _instructions(pickled: bytes) -> list[tuple[str, Any]]:
    try:
        return [(opcode.name, argument) for opcode, argument, _ in pickletools.genops(pickled)]
    except Exception as error:  # a broken pickle raises nearly anything
        raise _broken() from error


class _Machine:
    """What the instructions do, on a stack of plain values."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._kept: dict[int, Any] = {}

    def run(self, instructions: list[tuple[str, Any]]) -> Any:
        for name, argument in instructions:
            if name == "STOP":
                return self._pop()
            if name not in _INSTRUCTIONS:
                raise ModelFileError(
                    f"A .pt file holds a dictionary of tensors; its pickle also has the instruction {name}.",
                    SAVE,
                )
            _INSTRUCTIONS[name](self, argument)
        raise _broken()

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def name(self, name: str) -> None:
        if name not in _KNOWN:
            raise ModelFileError(*_foreign(name))
        self.push(_Name(name))

    def keep(self, place: int) -> None:
        self._kept[place] = self._top()

    def fetch(self, place: int) -> None:
        if place not in self._kept:
            raise _broken()
        self.push(self._kept[place])

    def tuple_of(self, count: int) -> None:
        values = [self._pop() for _ in range(count)]
        self.push(tuple(reversed(values)))

    def tuple_from_mark(self, _: Any) -> None:
        self.push(tuple(self._since_mark()))

    def stored(self, _: Any) -> None:
        match self._pop():
            case ("storage", _Name(name), str(key), str(place), int(count)) if name in _TYPES:
                pass
            case _:
                raise _broken()
        if place != "cpu":
            raise ModelFileError(f"The tensors of a file lie on the CPU; got {shown(place)}.", SAVE)
        if isinstance(count, bool) or count < 1:
            raise _broken()
        self.push(Stored(key, _TYPES[name], count))

    def call(self, _: Any) -> None:
        """Of the two names that may be called, what the call would give."""
        arguments, of = self._pop(), self._pop()
        match of, arguments:
            case _Name(name), () if name == _DICTIONARY:
                self.push({})
            case _Name(name), (
                Stored() as stored,
                int(first),
                tuple(shape),
                tuple(strides),
                bool(),
                dict(hooks),
            ) if name == _TENSOR and not hooks:
                self.push(_placed(stored, first, shape, strides))
            case _:
                raise _broken()

    def attributes(self, _: Any) -> None:
        """A state_dict carries versions beside its tensors; nobody needs them."""
        self._pop()
        if not isinstance(self._top(), dict):
            raise _broken()

    def item(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._put(key, value)

    def items(self, _: Any) -> None:
        values = self._since_mark()
        if len(values) % 2:
            raise _broken()
        for key, value in zip(values[::2], values[1::2], strict=True):
            self._put(key, value)

    def _put(self, key: Any, value: Any) -> None:
        target = self._top()
        if not isinstance(target, dict):
            raise _broken()
        if not isinstance(key, str):  # and never hashed: tuples of tuples would take forever
            raise ModelFileError(f"The tensors of a file have names; got {_kind(key)} for one.", SAVE)
        if key in target:
            raise ModelFileError(f"The tensors of a file have different names; got {shown(key)} twice.", SAVE)
        target[key] = value

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise _broken()
        return self._stack[-1]

    def _pop(self) -> Any:
        value = self._top()
        self._stack.pop()
        return value

    def _since_mark(self) -> list[Any]:
        values: list[Any] = []
        while self._stack and self._stack[-1] is not _MARK:
            values.append(self._stack.pop())
        if not self._stack:
            raise _broken()
        self._stack.pop()
        return values[::-1]


def _version(machine: _Machine, argument: Any) -> None:
    if argument != 2:
        raise ModelFileError(f"The pickle of a .pt file is of protocol 2; got {shown(argument)}.", SAVE)


_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _version,
    "MARK": lambda machine, _: machine.push(_MARK),
    "GLOBAL": _Machine.name,
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "TUPLE": _Machine.tuple_from_mark,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "BINPERSID": _Machine.stored,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.attributes,
    "SETITEM": _Machine.item,
    "SETITEMS": _Machine.items,
    **dict.fromkeys(("BINUNICODE", "BININT", "BININT1", "BININT2"), _Machine.push),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Machine.keep),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Machine.fetch),
}


def _placed(stored: Stored, first: int, shape: tuple[Any, ...], strides: tuple[Any, ...]) -> Placed:
    for value in (first, *shape, *strides):
        if type(value) is not int or value < 0:
            raise _broken()
    if not 1 <= len(shape) <= 2 or 0 in shape or len(strides) != len(shape):
        raise ModelFileError(
            f"Tensors have 1 or 2 dimensions of at least 1; got the shape {_listed(shape)}.", SAVE_LAYERS
        )
    row = shape[-1]
    expected = (1,) if len(shape) == 1 else (row, 1)
    if any(size > 1 and is_ != by for size, is_, by in zip(shape, strides, expected, strict=True)):
        raise ModelFileError(
            f"The numbers of a tensor lie row after row; got the strides {_listed(strides)} for {_listed(shape)}.",
            SAVE,
        )
    if first + math.prod(shape) > stored.count:
        raise ModelFileError(
            f"A tensor has as many numbers as its shape; got {stored.count:,} for {_listed(shape)}.", SAVE
        )
    return Placed(stored, first, shape)


def _foreign(name: str) -> tuple[str, str]:
    """The sentence and the command for a name that is none of those that a dictionary of tensors needs."""
    module, _, what = name.partition(" ")
    if module == "torch" and what.endswith("Storage"):
        return (
            f"The numbers of a file are of the types float16, float32 and float64; got {shown(what)}.",
            SAVE,
        )
    if name == "torch._utils _rebuild_parameter":
        return "A .pt file holds a dictionary of tensors; got parameters of a module.", SAVE
    if module.startswith("torch.nn"):
        return (
            f"A .pt file holds a dictionary of tensors; got a whole module, {shown(name)}, which runs code.",
            SAVE,
        )
    return (
        f"A .pt file holds a dictionary of tensors; its pickle names {shown(name)}, which is not read.",
        SAVE,
    )


def _kind(value: Any) -> str:
    """What a value is; never the value, which may be written endlessly long."""
    kinds = {str: "a text", int: "a whole number", bool: "a switch", dict: "a dictionary", tuple: "a tuple"}
    return "a tensor" if isinstance(value, Placed) else kinds.get(type(value), "something else")


def _listed(values: tuple[Any, ...]) -> str:
    return " × ".join(map(shown, values[:4])) + (" × …" if len(values) > 4 else "")


def _broken() -> ModelFileError:
    return ModelFileError(
        "The table of contents of a .pt file is a pickle of torch.save; got a broken one.", SAVE
    )
