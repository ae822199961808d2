"""A .pt file of `torch.save`: a zip archive of a pickle and, for each tensor, a file of numbers; read without torch.

What is checked here is what is used: no second reader sees the file, which might see something else in it.
"""

import io
import math
import re
import zipfile

from torch import Tensor

from memviz import tensor_files
from memviz.interventions.values import shown
from memviz.model_files.pickles import Placed, tensors_of
from memviz.model_files.problem import SAVE, SAVE_LAYERS, ModelFileError

_END = b"PK\x05\x06"
_END_SIZE = 22
_ENTRY = b"PK\x01\x02"
_MOST_ENTRIES = tensor_files.MOST_TENSORS + 8
_TABLE = "data.pkl"
_SMALL = {"version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"}
_NUMBERS = re.compile(r"data/[0-9]{1,9}")
_SCRIPTED = re.compile(r"code/|constants\.pkl|model\.json")


def read(data: bytes) -> dict[str, Tensor]:
    """The tensors of a .pt file, copied, in the order of its table of contents.

    Raises:
        ModelFileError: if the file breaks a rule; the message states it.
    """
    files = _unzipped(data)
    _check_kind(files)
    _check_small(files)
    placed = tensors_of(files[_TABLE])
    if len(placed) > tensor_files.MOST_TENSORS:
        raise ModelFileError(
            f"A file of weights has at most {tensor_files.MOST_TENSORS} tensors; got {len(placed):,}.",
            SAVE_LAYERS,
        )
    if (total := sum(_size(each) for each in placed.values())) > tensor_files.MOST_BYTES:
        raise ModelFileError(
            f"The tensors of a file have at most {tensor_files.MOST_BYTES:,} bytes; got {total:,}.",
            SAVE_LAYERS,
        )
    return {name: _tensor(name, each, files) for name, each in placed.items()}


def _unzipped(data: bytes) -> dict[str, bytes]:
    """The files of an archive by name, without the folder that all of them lie in."""
    end = data[-_END_SIZE:]
    if len(data) < _END_SIZE or not end.startswith(_END) or end[-2:] != b"\0\0":
        raise _broken()
    # Before anything is read, and not by the count that the archive states, which nothing holds it to.
    if (count := data.count(_ENTRY)) > _MOST_ENTRIES:
        raise ModelFileError(
            f"The archive of a .pt file has at most {_MOST_ENTRIES} files; got {count:,}.", SAVE_LAYERS
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries, len(data))
            found = {entry.filename: archive.read(entry) for entry in entries}
    except ModelFileError:
        raise
    except Exception as error:  # a broken zip raises nearly anything
        raise _broken() from error
    return _without_folder(found)


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names):
        raise ModelFileError("The files of an archive have different names; got one twice.", SAVE)
    for entry in entries:
        if ".." in entry.filename or entry.filename.startswith("/") or "\\" in entry.filename:
            raise ModelFileError(f"The files of a .pt file lie inside it; got {shown(entry.filename)}.", SAVE)
        if entry.flag_bits & 1:
            raise ModelFileError("The archive of a .pt file is not encrypted; got one that is.", SAVE)
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise ModelFileError(
                f"The files of a .pt file are stored as they are; got {shown(entry.filename)} compressed.",
                SAVE,
            )
    if (total := sum(entry.file_size for entry in entries)) > size:
        raise ModelFileError(
            f"The files of an archive lie one after another; got {total:,} bytes in a file of {size:,}.", SAVE
        )


def _without_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    folders = {name.partition("/")[0] for name in files}
    if len(folders) != 1 or not all("/" in name for name in files):
        if any(name.endswith(".npy") for name in files):
            raise ModelFileError(
                "An .npz file says of no array what it is; name them as in torch and save them.",
                "import numpy, torch; torch.save({name: torch.tensor(value) for name, value in "
                'numpy.load("model.npz").items()}, "weights.pt")',
            )
        if "model.weights.h5" in files or "config.json" in files:
            raise ModelFileError(*KERAS)
        raise ModelFileError("The files of a .pt file lie in one folder; got another archive.", SAVE)
    return {name.partition("/")[2]: content for name, content in files.items()}


def _check_kind(files: dict[str, bytes]) -> None:
    for name in files:
        if _SCRIPTED.match(name):
            raise ModelFileError(
                "A .pt file holds a dictionary of tensors; got a scripted model, which runs code.",
                'import torch; torch.save(dict(torch.jit.load("model.pt").state_dict()), "weights.pt")',
            )
        if name not in _SMALL and name != _TABLE and not _NUMBERS.fullmatch(name):
            raise ModelFileError(f"A .pt file holds a pickle and numbers; got {shown(name)} in it.", SAVE)
    if _TABLE not in files:
        raise ModelFileError(f"A .pt file holds {_TABLE}; got an archive without it.", SAVE)


def _check_small(files: dict[str, bytes]) -> None:
    """The version and the order of bytes, where the file says them."""
    version, order = files.get("version", b"3\n").strip(), files.get("byteorder", b"little").strip()
    if version != b"3":
        raise ModelFileError(
            f"A .pt file is of version 3; got {shown(version[:20].decode('latin-1'))}.", SAVE
        )
    if order != b"little":
        raise ModelFileError(
            f"The bytes of a number go from the little end; got {shown(order[:20].decode('latin-1'))}.", SAVE
        )


def _size(placed: Placed) -> int:
    return math.prod(placed.shape) * placed.stored.dtype.itemsize


def _tensor(name: str, placed: Placed, files: dict[str, bytes]) -> Tensor:
    stored, key = placed.stored, f"data/{placed.stored.key}"
    numbers = files.get(key) if _NUMBERS.fullmatch(key) else None
    if numbers is None:
        raise ModelFileError(f"Each tensor's numbers lie in the file; got none for {shown(name)}.", SAVE)
    if len(numbers) != stored.count * stored.dtype.itemsize:
        raise ModelFileError(
            f"Numbers have as many bytes as the file says, {stored.count * stored.dtype.itemsize:,}; "
            f"got {len(numbers):,} for {shown(name)}.",
            SAVE,
        )
    first = placed.first * stored.dtype.itemsize
    return tensor_files.tensor(name, stored.dtype, placed.shape, numbers[first : first + _size(placed)])


def _broken() -> ModelFileError:
    return ModelFileError("A .pt file is a whole zip archive of torch.save; got a broken one.", SAVE)


KERAS = (
    "A Keras file is not read here, but the weights of its layers are, by memviz.converters; this is of an LSTM, and "
    "from_keras_gru of a GRU.",
    "import torch, memviz; torch.save(dict(memviz.converters.from_keras_lstm(*layer.get_weights()).parameters), "
    '"weights.pt")',
)
"""The sentence and the command for a file of Keras."""
ONNX = (
    "An ONNX file is not read here, but its arrays are, by memviz.converters; this is of its first LSTM, and "
    "from_onnx_gru of a GRU.",
    'import onnx, torch, memviz; graph = onnx.load("model.onnx").graph; '
    "arrays = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}; "
    'node = next(each for each in graph.node if each.op_type == "LSTM"); '
    'torch.save(dict(memviz.converters.from_onnx_lstm(*map(arrays.get, node.input[1:4])).parameters), "weights.pt")',
)
"""The same for a file of ONNX."""
