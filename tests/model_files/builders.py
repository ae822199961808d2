"""Model files, good ones and the parts of bad ones: safetensors by the format's description, .pt files by torch."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

_TYPES = {torch.float16: "F16", torch.float32: "F32", torch.float64: "F64", torch.bfloat16: "BF16"}


def module(kind: str = "LSTM", *sizes: int, seed: int = 0, **options: Any) -> Any:
    """A torch module with weights of its own, drawn without the global generator."""
    made = getattr(nn, kind)(*(sizes or (3, 4)), **options)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.5)
    return made


def weights(kind: str = "LSTM", *sizes: int, prefix: str = "", **options: Any) -> dict[str, Tensor]:
    """Its state_dict, with a prefix."""
    return {
        prefix + name: value.clone() for name, value in module(kind, *sizes, **options).state_dict().items()
    }


def safetensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """A file by the description of the format, not by our writer."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": dict(metadata)}
    body = b""
    for name, tensor in tensors.items():
        numbers = (
            tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        )
        header[name] = {
            "dtype": _TYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(body), len(body) + len(numbers)],
        }
        body += numbers
    return framed(header, body)


def framed(header: object, body: bytes = b"", size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if size is None else size).to_bytes(8, "little") + text + body


def torch_file(content: object, **options: Any) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def rezipped(
    data: bytes, change: Callable[[dict[str, bytes]], dict[str, bytes]], compression: int = zipfile.ZIP_STORED
) -> bytes:
    """A .pt file whose archive holds other files; the checksums are right again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return zipped(change(files), compression)


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_pickle(pickled: bytes, numbers: Mapping[str, bytes] | None = None) -> bytes:
    """A .pt file around a pickle."""
    files = {"m/data.pkl": pickled, "m/version": b"3\n", "m/byteorder": b"little"}
    return zipped({**files, **{f"m/data/{key}": value for key, value in (numbers or {}).items()}})


def pickled_table(
    *,
    name: bytes = b"weight_ih_l0",
    rebuild: bytes = b"torch._utils\n_rebuild_tensor_v2",
    storage: bytes = b"torch\nFloatStorage",
    tag: bytes = b"storage",
    key: bytes = b"0",
    place: bytes = b"cpu",
    count: int = 12,
    first: int = 0,
    shape: tuple[int, ...] = (4, 3),
    strides: tuple[int, ...] = (3, 1),
    hooks: bytes = b"ccollections\nOrderedDict\n)R",
    protocol: int = 2,
) -> bytes:
    """The pickle of a dictionary of one tensor, instruction by instruction."""
    return (
        bytes([0x80, protocol])
        + b"}("
        + _text(name)
        + b"c"
        + rebuild
        + b"\n("
        + b"("
        + _text(tag)
        + b"c"
        + storage
        + b"\n"
        + _text(key)
        + _text(place)
        + _whole(count)
        + b"tQ"
        + _whole(first)
        + _sizes(shape)
        + _sizes(strides)
        + b"\x89"
        + hooks
        + b"tRu."
    )


class Runs:
    """Unpickled by Python, it writes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (self.path, "w"))


def pickled(value: object, protocol: int = 2) -> bytes:
    return pickle.dumps(value, protocol)


def _text(text: bytes) -> bytes:
    return b"X" + len(text).to_bytes(4, "little") + text


def _whole(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def _sizes(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_whole, values)) + b"t"
