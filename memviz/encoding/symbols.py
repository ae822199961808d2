"""Characters, words and bits as one-hot rows.

A character is what a reader takes for one: an extended grapheme cluster (Unicode Standard Annex #29), after
canonical composition (NFC, Annex #15). A family emoji, a flag, and a letter with its accents are one timestep
each.
"""

import itertools
import unicodedata
from collections.abc import Iterable

import numpy as np
import regex

from memviz.encoding.characters import check_text, one_kind_of_newline, shown, visible
from memviz.encoding.sequence import EncodingError, Sequence

MAX_TIMESTEPS = 200
MAX_CODE_POINTS_IN_SYMBOL = 32
MAX_CODE_POINTS_IN_WORD = 100
MAX_ALPHABET = 1000
BITS = ("0", "1")
_MOST_NAMED = 12

_NAMES = {"text": "symbols", "words": "words", "bits": "bits"}
_CLUSTER = regex.compile(r"\X")
_BETWEEN_BITS = regex.compile(r"[\s,]*")
_NOT_BITS = regex.compile(r"[^01\s,]")


def encode_symbols(
    text: str, kind: str, alphabet: Iterable[str] | None = None, most: int = MAX_TIMESTEPS
) -> Sequence:
    """A one-hot sequence, (time, symbols of the alphabet).

    Args:
        text: valid text; see `check_text`.
        kind: "text", "words" or "bits".
        alphabet: the symbols in the order of the columns; by default those of the text by first appearance.
        most: how many timesteps there may be.

    Raises:
        EncodingError: if the text has no or more than `most` symbols, a character of more than 32 or a word of
            more than 100 code points, or a symbol that is not in the alphabet; or if the alphabet is broken.
    """
    symbols = _symbols(text, kind)
    if not 1 <= len(symbols) <= most:
        arrived = f"{len(symbols):,}" if symbols else "none"
        raise EncodingError(f"Enter 1 to {most:,} {_NAMES[kind]}; got {arrived}.")
    features = _alphabet(kind, alphabet, symbols)
    column = {symbol: index for index, symbol in enumerate(features)}
    for place, symbol in enumerate(symbols, start=1):
        if symbol not in column:
            name = _NAMES[kind].removesuffix("s")
            few = len(features) <= _MOST_NAMED
            known = f": {' '.join(map(visible, features))}" if few else f"'s {len(features):,}"
            raise EncodingError(
                f"Every {name} is one of the alphabet{known}; got {shown(symbol)} as {name} {place}."
            )
    inputs = np.zeros((len(symbols), len(features)))
    inputs[np.arange(len(symbols)), [column[symbol] for symbol in symbols]] = 1.0
    return Sequence(tuple(visible(symbol) for symbol in symbols), symbols, inputs, features, kind)


def _symbols(text: str, kind: str) -> tuple[str, ...]:
    """The raw symbols of a text; none when it is blank."""
    if not text.strip():
        return ()
    if kind == "bits":
        if found := _NOT_BITS.search(text):
            raise EncodingError(
                f"Bits are 0 and 1, with spaces or commas between; got {shown(found[0])} "
                f"at position {found.start() + 1:,}."
            )
        return tuple(_BETWEEN_BITS.sub("", text))
    return _words(text) if kind == "words" else _characters(text)


def _characters(text: str) -> tuple[str, ...]:
    composed = unicodedata.normalize("NFC", one_kind_of_newline(text))
    clusters: list[str] = _CLUSTER.findall(composed)
    for place, cluster in enumerate(clusters, start=1):
        if len(cluster) > MAX_CODE_POINTS_IN_SYMBOL:
            raise EncodingError(
                f"A symbol has at most {MAX_CODE_POINTS_IN_SYMBOL} code points; "
                f"got {len(cluster):,} in symbol {place}."
            )
    return tuple(clusters)


def _words(text: str) -> tuple[str, ...]:
    words = unicodedata.normalize("NFC", text).split()
    for place, word in enumerate(words, start=1):
        if len(word) > MAX_CODE_POINTS_IN_WORD:
            raise EncodingError(
                f"A word has at most {MAX_CODE_POINTS_IN_WORD} code points; "
                f"got {len(word):,} in word {place}."
            )
        _characters(word)  # a pile of marks is refused in a word as in a text
    return tuple(words)


def _alphabet(kind: str, given: Iterable[str] | None, symbols: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the columns, each once."""
    if given is None:
        return BITS if kind == "bits" else tuple(dict.fromkeys(symbols))
    # One more than fits is enough to see that there are too many, also of an endless iterable.
    parts = tuple(itertools.islice([given] if isinstance(given, str) else given, MAX_ALPHABET + 1))
    alphabet = tuple(
        symbol for part in parts for symbol in _alphabet_part(kind, part, isinstance(given, str))
    )
    if kind == "bits":
        if alphabet != BITS:
            raise EncodingError("Bits have the alphabet 0, 1; got another one.")
    elif not 1 <= len(alphabet) <= MAX_ALPHABET:
        arrived = "more" if alphabet else "none"
        raise EncodingError(f"An alphabet has 1 to {MAX_ALPHABET:,} symbols; got {arrived}.")
    seen = set()
    for symbol in alphabet:
        if symbol in seen:
            raise EncodingError(f"An alphabet has each symbol once; got {shown(symbol)} twice.")
        seen.add(symbol)
    return alphabet


def _alphabet_part(kind: str, part: object, several: bool) -> tuple[str, ...]:
    """One symbol of an alphabet in its normal form, or several when the alphabet came as one string."""
    check_text(part, max_bytes=10_000)
    text = str(part)
    # A space is blank as a text, but it is a symbol of an alphabet.
    symbols = _characters(text) if kind == "text" else _symbols(text, kind)
    if not several and len(symbols) != 1:
        raise EncodingError(
            f"Each entry of an alphabet is one {_NAMES[kind].removesuffix('s')}; "
            f"got {shown(text)}, which is {len(symbols)}."
        )
    return symbols
