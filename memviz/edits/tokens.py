"""An input with one token changed, and how its timesteps align to those of the original, for a comparison of runs."""

import re
import unicodedata
from collections.abc import Sequence as Numbers
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from memviz.encoding import EncodingError, Sequence
from memviz.encoding.characters import shown, visible
from memviz.encoding.numbers import encode_numbers, short
from memviz.interventions.values import MOST_INDEX

Pair = tuple[int | None, int | None]
TOKEN_EDITS = ("replace", "insert", "delete")
_MOST_TOKEN = 400
_STEP = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, eq=False)
class Edited:
    """A sequence with one token changed.

    Attributes:
        sequence: it has the features of the original, so that the same network reads it.
        alignment: (timestep of the original, timestep of this one) in order; None where a token has no partner.
    """

    sequence: Sequence
    alignment: tuple[Pair, ...]


@dataclass(frozen=True)
class TokenEdit:
    """One token of an input replaced, inserted or deleted, as a value; its text is `replace~3~x` or `delete~3`.

    Attributes:
        kind: one of `TOKEN_EDITS`.
        timestep: where; an inserted token is there afterwards.
        token: the new one as it is written: a symbol, or numbers with ";" between; "" where one is deleted.

    Raises:
        EncodingError: if a part breaks its rule; the message states it and what arrived.
    """

    kind: str
    timestep: int
    token: str = ""

    def __post_init__(self) -> None:
        if self.kind not in TOKEN_EDITS:
            raise EncodingError(f"A token is changed by {', '.join(TOKEN_EDITS)}; got {shown(self.kind)}.")
        if type(self.timestep) is not int or not 0 <= self.timestep <= MOST_INDEX:
            raise EncodingError(
                f"A token is changed at a timestep from 0 to {MOST_INDEX:,}; got {shown(str(self.timestep))}."
            )
        if len(self.token) > _MOST_TOKEN:
            raise EncodingError(f"A token has at most {_MOST_TOKEN} characters; got {len(self.token):,}.")
        if self.kind == "delete":
            object.__setattr__(self, "token", "")

    def apply(self, sequence: Sequence) -> Edited:
        """The sequence with this token changed.

        Raises:
            EncodingError: if there is no such timestep, or the network could not read the token.
        """
        if self.kind == "delete":
            return delete_token(sequence, self.timestep)
        change = replace_token if self.kind == "replace" else insert_token
        token: str | list[float] = self.token
        if sequence.symbols is None:
            token = [value for row in encode_numbers(self.token.replace(";", ",")).inputs for value in row]
        return change(sequence, self.timestep, token)

    def __str__(self) -> str:
        return "~".join(
            map(str, (self.kind, self.timestep, *([self.token] if self.kind != "delete" else [])))
        )

    @classmethod
    def from_text(cls, text: str) -> "TokenEdit":
        """The change that its text says.

        Raises:
            EncodingError: if the text has another form, or a part breaks its rule.
        """
        kind, _, rest = text.partition("~")
        timestep, _, token = rest.partition("~")
        if not _STEP.fullmatch(timestep):
            raise EncodingError(
                f"A changed token is written as in replace~3~x or delete~3; got {shown(text)}."
            )
        return cls(kind, int(timestep), token)


def replace_token(sequence: Sequence, timestep: int, token: str | Numbers[float]) -> Edited:
    """The sequence with another token at a timestep; it is a partner of the one that it replaces.

    Args:
        sequence: the original.
        timestep: 0 to T - 1.
        token: a symbol of the sequence's alphabet; for numbers and signals a row, one number for each feature.

    Raises:
        EncodingError: if there is no such timestep, or the token is none that a network of this sequence can read.
    """
    _check_timestep(sequence, timestep, len(sequence) - 1)
    kept = list(range(len(sequence)))
    pairs: list[Pair] = [(t, t) for t in kept]
    return Edited(_rebuilt(sequence, kept[:timestep], token, kept[timestep + 1 :]), tuple(pairs))


def insert_token(sequence: Sequence, timestep: int, token: str | Numbers[float]) -> Edited:
    """The sequence with one token more, which is at `timestep`, 0 to T; see `replace_token`."""
    _check_timestep(sequence, timestep, len(sequence))
    kept = list(range(len(sequence)))
    pairs: list[Pair] = [(t, t if t < timestep else t + 1) for t in kept]
    pairs.insert(timestep, (None, timestep))
    return Edited(_rebuilt(sequence, kept[:timestep], token, kept[timestep:]), tuple(pairs))


def delete_token(sequence: Sequence, timestep: int) -> Edited:
    """The sequence without the token at `timestep`, 0 to T - 1.

    Raises:
        EncodingError: if there is no such timestep, or if it is the only one.
    """
    _check_timestep(sequence, timestep, len(sequence) - 1)
    if len(sequence) == 1:
        raise EncodingError("A sequence has 1 or more timesteps; got one, and it would go.")
    kept = list(range(len(sequence)))
    pairs: list[Pair] = [(t, t if t < timestep else t - 1) for t in kept]
    pairs[timestep] = (timestep, None)
    return Edited(_rebuilt(sequence, kept[:timestep], None, kept[timestep + 1 :]), tuple(pairs))


def _check_timestep(sequence: Sequence, timestep: int, last: int) -> None:
    if not 0 <= timestep <= last:
        raise EncodingError(f"A token is changed at a timestep from 0 to {last}; got {timestep}.")


def _rebuilt(
    sequence: Sequence, before: list[int], token: str | Numbers[float] | None, after: list[int]
) -> Sequence:
    """The steps `before`, a new one unless it is None, and the steps `after`."""
    middle = [] if token is None else [_row(sequence, token)]
    rows = [sequence.inputs[before], *(row[None] for _, _, row in middle), sequence.inputs[after]]
    tokens = (
        *_at(sequence.tokens, before),
        *(written for written, _, _ in middle),
        *_at(sequence.tokens, after),
    )
    symbols = None
    if sequence.symbols is not None:
        raw = (symbol for _, symbol, _ in middle)
        symbols = (*_at(sequence.symbols, before), *raw, *_at(sequence.symbols, after))
    return Sequence(tokens, symbols, np.concatenate(rows), sequence.features, sequence.kind)


def _at(values: tuple[str, ...], timesteps: list[int]) -> list[str]:
    return [values[t] for t in timesteps]


def _row(sequence: Sequence, token: str | Numbers[float]) -> tuple[str, str, Float[np.ndarray, " features"]]:
    """What is shown of a token, its symbol, and its inputs."""
    if sequence.symbols is not None:
        return _symbol_row(sequence, token)
    count = len(sequence.features)
    rule = f"A timestep of this sequence is {count} finite number{'s' * (count != 1)}"
    try:
        row = np.array(token, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EncodingError(f"{rule}; got {shown(str(token))}.") from error
    if row.shape != (count,) or not np.isfinite(row).all():
        raise EncodingError(f"{rule}; got {shown(str(token))}.")
    return "; ".join(short(value) for value in row.tolist()), "", row


def _symbol_row(
    sequence: Sequence, token: str | Numbers[float]
) -> tuple[str, str, Float[np.ndarray, " features"]]:
    symbol = unicodedata.normalize("NFC", token) if isinstance(token, str) else str(token)
    if symbol not in sequence.features:
        known = ", ".join(shown(each) for each in sequence.features[:12])
        more = " …" if len(sequence.features) > 12 else ""
        raise EncodingError(
            f"A network reads the symbols of its alphabet, {known}{more}; got {shown(symbol)}."
        )
    return visible(symbol), symbol, np.eye(len(sequence.features))[sequence.features.index(symbol)]
