"""What someone typed, pasted or chose, as the inputs of a network: text -> Sequence.

The room knows numpy, never torch. `symbols` turns characters, words and bits into one-hot rows, `numbers`
reads a series or a table, `signals` makes a test signal from its name; `characters` says which characters are
let in and how invisible ones are shown, and `sequence` is the record that comes out.
Everything that cannot be read ends in an `EncodingError`, whose message is one sentence for the page to show.
"""

from collections.abc import Iterable

from memviz.encoding.characters import check_text, shown
from memviz.encoding.numbers import MAX_BYTES as _MAX_BYTES_OF_NUMBERS
from memviz.encoding.numbers import encode_numbers
from memviz.encoding.sequence import KINDS, SYMBOLIC_KINDS, EncodingError, Sequence
from memviz.encoding.signals import encode_signal
from memviz.encoding.symbols import MAX_TIMESTEPS, encode_symbols

__all__ = ["KINDS", "MAX_BYTES", "EncodingError", "Sequence", "encode"]

MAX_BYTES = {kind: _MAX_BYTES_OF_NUMBERS if kind == "numbers" else 10_000 for kind in KINDS}
"""How many bytes of UTF-8 a text of each kind may have."""


def encode(
    text: str,
    kind: str = "text",
    *,
    alphabet: Iterable[str] | None = None,
    standardise: bool = False,
    most: int = MAX_TIMESTEPS,
) -> Sequence:
    """The sequence that a text stands for, read as one of `KINDS`.

    - "text": one timestep for each user-perceived character (extended grapheme cluster, Unicode Standard
      Annex #29) after NFC normalisation (Annex #15); a line break of any platform is one newline.
    - "words": one timestep for each word between white space.
    - "bits": 0 and 1, with white space or commas between them as you like.
    - "numbers": a series on one line, or a table with a line for each timestep; see `encode_numbers`.
    - "signal": a test signal by name, such as "sine 60 period=20"; see `encode_signal`.

    Args:
        text: at most 10,000 bytes of UTF-8 (300,000 for numbers). Symbolic kinds give 1 to 200 timesteps,
            numbers and signals 1 to 3,000.
        kind: one of `KINDS`.
        alphabet: for text and words, the symbols of the one-hot columns, in order: an iterable of symbols, or
            one string that is split as the text is. By default the sequence's own symbols by first
            appearance, so that typing on only appends columns. Bits always have ("0", "1").
        most: how many timesteps a symbolic kind may have.
        standardise: give every column of numbers or of a signal the mean 0 and the population standard
            deviation 1 (ddof=0); a constant column becomes zeros. Symbols ignore it, and tokens keep showing
            the original numbers.

    Returns:
        A Sequence; `.inputs` is float64 (time, features).

    Raises:
        EncodingError: if the text, the kind or the alphabet breaks a rule; nothing else is raised for
            any text and kind.
    """
    _check_kind(kind)
    numeric = kind not in SYMBOLIC_KINDS
    check_text(text, max_bytes=MAX_BYTES[kind])
    if numeric and alphabet is not None:
        raise EncodingError(f'Text and words take an alphabet; got one with the kind "{kind}".')
    if kind == "numbers":
        return encode_numbers(text, standardise)
    if kind == "signal":
        return encode_signal(text, standardise)
    return encode_symbols(text, kind, alphabet, most)


def _check_kind(kind: object) -> None:
    if not isinstance(kind, str):
        raise EncodingError(f"The kinds are {', '.join(KINDS)}; got a {type(kind).__name__}.")
    if kind not in KINDS:
        raise EncodingError(f"The kinds are {', '.join(KINDS)}; got {shown(kind)}.")
