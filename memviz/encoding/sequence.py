"""The record that encoding makes and everything above reads: one row of inputs for each timestep."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

SYMBOLIC_KINDS = ("text", "words", "bits")
KINDS = (*SYMBOLIC_KINDS, "numbers", "signal")

_TOKENS_IN_REPR = 12


class EncodingError(ValueError):
    """What arrived cannot be a sequence; the message is one sentence: the rule, and what arrived."""


@dataclass(frozen=True, eq=False, repr=False)
class Sequence:
    """The inputs of a network over time, with what to show and to call them.

    Attributes:
        tokens: what is shown, one for each timestep; white space and invisible characters are made visible.
            Two different symbols may share a token (a space and a typed "␣"): compare symbols, show tokens.
        symbols: the raw symbols, one for each timestep; None for numbers and signals.
        inputs: read-only float64 (time, features), all finite.
        features: the names of the columns: the raw symbols of the alphabet, or names of numeric columns.
        kind: one of `KINDS`.

    The limits on length are those of `encode`; a sequence made elsewhere may be longer.

    Raises:
        EncodingError: if the parts do not fit together.
    """

    tokens: tuple[str, ...]
    symbols: tuple[str, ...] | None
    inputs: Float[np.ndarray, "time features"]
    features: tuple[str, ...]
    kind: str

    def __post_init__(self) -> None:
        # A copy, so that nobody holds a writeable view of what the record promises to keep.
        inputs = np.array(self.inputs, dtype=np.float64)
        inputs.flags.writeable = False
        object.__setattr__(self, "inputs", inputs)
        for problem in self._problems():
            raise EncodingError(problem)

    def __len__(self) -> int:
        """The number of timesteps."""
        return len(self.tokens)

    @property
    def feature_keys(self) -> tuple[str, ...]:
        """What the input weights of each column are drawn by: its symbol, or its place if it is numeric."""
        if self.symbols is not None:
            return tuple(f"symbol:{symbol}" for symbol in self.features)
        return tuple(f"column:{index}" for index in range(len(self.features)))

    def __repr__(self) -> str:
        time, features = self.inputs.shape
        more = " …" if time > _TOKENS_IN_REPR else ""
        return (
            f'<Sequence "{self.kind}": {time:,} timestep{"s" * (time != 1)}, '
            f"{features} feature{'s' * (features != 1)}: {' '.join(self.tokens[:_TOKENS_IN_REPR])}{more}>"
        )

    def __reduce__(self) -> tuple[object, ...]:
        # Through the constructor: a plain pickle would come back unchecked and with a writeable array.
        return type(self), (self.tokens, self.symbols, self.inputs, self.features, self.kind)

    def _problems(self) -> list[str]:
        """One sentence for each rule that is broken; the first matters."""
        if self.inputs.ndim != 2:
            return [f"Inputs have two dimensions, time and features; got {self.inputs.ndim}."]
        time, features = self.inputs.shape
        numeric, symbols = self.kind not in SYMBOLIC_KINDS, self.symbols
        rules = [
            (self.kind in KINDS, f"The kinds are {', '.join(KINDS)}; got {self.kind[:40]!a}."),
            (time > 0 and features > 0, f"A sequence has timesteps and features; got {time} and {features}."),
            (len(self.tokens) == time, f"There is one token a timestep; got {len(self.tokens)} for {time}."),
            (
                len(self.features) == features,
                f"There is one name a column; got {len(self.features)} for {features}.",
            ),
            (len(set(self.features)) == len(self.features), "Columns have different names; got one twice."),
            (numeric == (symbols is None), "Symbolic kinds, and no others, have symbols; got it otherwise."),
            (
                symbols is None or len(symbols) == time,
                f"There is one symbol a timestep; got {len(symbols or ())} for {time}.",
            ),
            (set(symbols or ()) <= set(self.features), "Each symbol has its column; got one without."),
            (bool(np.isfinite(self.inputs).all()), "Inputs are finite numbers; got NaN or infinity."),
        ]
        return [problem for holds, problem in rules if not holds]
