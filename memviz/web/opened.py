"""The file that `memviz open` hands to the page of models, within one process.

Nothing that a visitor sends can name a file of the server: this one was read before the server started, by whoever
started it, and it stays what it was then.
"""

from dataclasses import dataclass
from pathlib import Path

from memviz.encoding.numbers import MAX_BYTES
from memviz.model_files import Feed, ModelFileError, read
from memviz.model_files.reading import MOST_BYTES

PAGE = "your_model"
"""The address of the page that shows it."""


@dataclass(frozen=True)
class Opened:
    """A file that was read.

    Attributes:
        name: its name, without its folder.
        data: its bytes, which `memviz.model_files.read` has taken.
        text: the sequence that its first layer reads; None is the page's own.
    """

    name: str
    data: bytes
    text: str | None = None


_found: list[Opened] = []


def opened() -> Opened | None:
    """What was handed over; None if nothing was."""
    return _found[-1] if _found else None


def hand_over(file: str, sequence: str | None = None) -> None:
    """Read a file and a sequence for the page.

    Args:
        file: the path of a .safetensors or .pt file.
        sequence: the path of a file, or the text itself, where \\n written as two characters is the end of a line.

    Raises:
        OSError: if a file cannot be read.
        ValueError: if it holds no model, or if the sequence is none that the model reads.
    """
    with Path(file).open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    try:
        model = read(data)
    except ModelFileError as error:
        how = f" This makes such a file: {error.command}" if error.command else ""
        raise ValueError(f"{error}{how}") from error
    text = None if sequence is None else _text(sequence)
    if text is not None:
        module = model.modules[0]
        Feed(module, embedding=model.embedding_of(module)).encode(text)
    _found[:] = [Opened(Path(file).name, data, text)]


def _text(sequence: str) -> str:
    try:
        is_file = Path(sequence).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL in it
        is_file = False
    if not is_file:
        return sequence.replace("\\n", "\n")
    with Path(sequence).open("rb") as stream:
        return stream.read(MAX_BYTES + 1).decode("utf-8-sig", errors="replace")
