"""The bytes of a model file -> what it holds; what a file is, its first bytes say."""

from dataclasses import dataclass

from torch import Tensor

from memviz import tensor_files
from memviz.interventions.values import shown
from memviz.model_files import torch_files
from memviz.model_files.layers import RecurrentLayers, layers_in
from memviz.model_files.problem import SAVE, SAVE_KEPT, SAVE_LAYERS, ModelFileError, saving

MOST_BYTES = tensor_files.MOST_BYTES
MOST_TOKENS, MOST_WIDTH = 1000, 64
_EMBEDDING = "embedding.weight"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_MEMVIZ = "memviz"
_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF", torch_files.KERAS[0], torch_files.KERAS[1]),
    (b"\x93NUMPY", "An .npy file says not what its array is; name it as in torch and save it.", ""),
    (b"\x1f\x8b", "A compressed file is not read; unpack it first.", "gunzip model.safetensors.gz"),
    (b"BZh", "A compressed file is not read; unpack it first.", "bunzip2 model.safetensors.bz2"),
    (b"\xfd7zXZ", "A compressed file is not read; unpack it first.", "unxz model.safetensors.xz"),
    (b"GGUF", "A GGUF file holds quantised weights, which are not read.", ""),
    (b"\x08", torch_files.ONNX[0], torch_files.ONNX[1]),
    (b"{", "A file of weights is a safetensors or a .pt file; got text, JSON it seems.", SAVE),
    (
        b"version https://git-lfs",
        "This is a pointer of Git LFS, not the file itself; fetch it.",
        "git lfs pull",
    ),
    (b"<", "A file of weights is a safetensors or a .pt file; got a page of HTML or XML.", ""),
)


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What a file holds.

    Attributes:
        format: "safetensors" or ".pt".
        modules: its recurrent layers, one at least, in the order of the file.
        embedding: the vectors of its tokens (token, width), the tensor "embedding.weight"; None where it has none.
        others: the names of the tensors that are not read, such as those of a read-out.
        size: of the file, in bytes.
    """

    format: str
    modules: tuple[RecurrentLayers, ...]
    embedding: Tensor | None
    others: tuple[str, ...]
    size: int

    def embedding_of(self, module: RecurrentLayers) -> Tensor | None:
        """The embedding, where it is as wide as a module's input."""
        fits = self.embedding is not None and self.embedding.shape[1] == module.input_size
        return self.embedding if fits else None


def read(data: bytes) -> ModelFile:
    """The recurrent layers of a .safetensors or .pt file, by strict rules; no code of the file is run.

    Raises:
        ModelFileError: and nothing else, whatever the bytes; its `command` makes the file readable, where one does.
    """
    if not data:
        raise ModelFileError("A file of weights has a content; got an empty file.")
    if len(data) > MOST_BYTES:
        raise ModelFileError(
            f"A model file has at most {MOST_BYTES // 2**20} MB; got {len(data) / 2**20:.1f} MB. "
            "Save its recurrent layers alone.",
            SAVE_KEPT,
        )
    try:
        format_, tensors = _tensors(data)
    except ModelFileError:
        raise
    except ValueError as error:  # of the reader of safetensors, which knows no commands
        raise ModelFileError(str(error), SAVE_KEPT) from error
    embedding = _embedding(tensors)
    modules, others = layers_in({name: tensor for name, tensor in tensors.items() if tensor is not embedding})
    if not modules:
        raise ModelFileError(_none(tensors), SAVE_LAYERS)
    return ModelFile(format_, modules, embedding, others, len(data))


def _tensors(data: bytes) -> tuple[str, dict[str, Tensor]]:
    if data.startswith(_ZIP):
        return ".pt", torch_files.read(data)
    # The size of a header may begin like anything, so what a safetensors file is comes first.
    if not (int.from_bytes(data[:8], "little") <= len(data) - 8 and data[8:9] == b"{"):
        _check_other(data)
    tensors, metadata = tensor_files.read(data)
    if _MEMVIZ in metadata:
        raise ModelFileError(
            "A model file holds weights by torch's names; got a network that memviz trained, which has a task."
        )
    return "safetensors", tensors


def _check_other(data: bytes) -> None:
    """Refuse the files of others by name."""
    if data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        raise ModelFileError(
            "A pickle is not read, since reading it can run code; a .pt file of torch 1.6 or newer is.",
            saving('torch.load("model.pt", weights_only=True).items()'),
        )
    if b"ustar" in data[257:263]:
        raise ModelFileError("A tar archive is not read; the .pt files of torch 1.6 or newer are.", SAVE)
    for start, sentence, command in _OTHERS:
        if data.startswith(start):
            raise ModelFileError(sentence, command)


def _embedding(tensors: dict[str, Tensor]) -> Tensor | None:
    names = [name for name in tensors if name == _EMBEDDING or name.endswith(f".{_EMBEDDING}")]
    if not names:
        return None
    if len(names) > 1:
        raise ModelFileError(
            f"A file has one embedding.weight at most; got {len(names)}, {shown(names[1])} among them.",
            SAVE_KEPT,
        )
    found = tensors[names[0]]
    if found.ndim != 2 or found.shape[0] > MOST_TOKENS or found.shape[1] > MOST_WIDTH:
        got = " × ".join(f"{size:,}" for size in found.shape)
        raise ModelFileError(
            f"An embedding has at most {MOST_TOKENS:,} tokens × {MOST_WIDTH} numbers; got {got}. "
            "Leave it out and feed numbers.",
            SAVE_KEPT,
        )
    return found


def _none(tensors: dict[str, Tensor]) -> str:
    names = list(tensors)
    got = f"{len(names)} tensors, {shown(names[0])} first" if names else "no tensor at all"
    return f"A model file holds the weights of a torch.nn.RNN, LSTM or GRU; got {got}."
