"""Test signals by name, short enough to type and to put into a URL: "sine 60 period=20"."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from memviz.encoding.characters import shown
from memviz.encoding.numbers import MAX_TIMESTEPS, numeric_sequence
from memviz.encoding.sequence import EncodingError, Sequence

IMPULSE_AT = 5
STEP_AT = 10
PERIOD = 20
SEED = 0
MAX_SEED = 2**32 - 1

Wave = Float[np.ndarray, " time"]

_WHOLE = re.compile(r"[0-9]{1,10}")


def encode_signal(text: str, standardise: bool = False) -> Sequence:
    """A signal of one feature, "x": its name, its number of timesteps T, and settings as key=value.

    - "sine T period=20": sin(2 pi t / period) for t = 0 to T - 1, to 15 decimals, so that its zeros are 0.
    - "impulse T at=5": 1 at that timestep, 0 elsewhere.
    - "step T at=10": 0 before that timestep, 1 from it on.
    - "noise T seed=0": independent draws from N(0, 1) by numpy's PCG64; longer noise starts with the shorter.

    Timesteps count from 0. Where a signal ends before the default of `at`, it is the last timestep. T is 1 to
    3,000, a period 2 to 3,000 timesteps, a seed 0 to 2**32 - 1. Capital letters do not matter.

    Args:
        text: valid text; see `check_text`.
        standardise: see `memviz.encoding.numbers.standardised`.

    Raises:
        EncodingError: if a name or key is unknown, or a number is missing or out of its range.
    """
    words = text.lower().split()
    if not words:
        raise EncodingError(
            f'Enter a signal such as "sine 60"; the names are {", ".join(_SIGNALS)}; got none.'
        )
    name, *rest = words
    if name not in _SIGNALS:
        raise EncodingError(f"The signals are {', '.join(_SIGNALS)}; got {shown(name)}.")
    signal = _SIGNALS[name]
    if not rest:
        raise EncodingError(f'The number of timesteps follows the name, as in "{name} 60"; got none.')
    time = _whole(rest[0], "The number of timesteps", 1, MAX_TIMESTEPS)
    highest = time - 1 if signal.highest is None else signal.highest
    setting = min(signal.default, highest)
    for count, word in enumerate(rest[1:]):
        given, equals, value = word.partition("=")
        if given != signal.key or not equals or count:
            raise EncodingError(f'"{name}" takes {signal.key}=number, once; got {shown(word)}.')
        setting = _whole(value, f'In "{name} {time}", {signal.key}', signal.lowest, highest)
    return numeric_sequence(signal.make(time, setting)[:, None], ("x",), "signal", standardise)


def _sine(time: int, period: int) -> Wave:
    phase = np.arange(time) % period / period  # exactly periodic, however long
    return np.round(np.sin(2 * np.pi * phase), 15) + 0.0  # -0.0 becomes 0.0


def _impulse(time: int, at: int) -> Wave:
    return (np.arange(time) == at).astype(np.float64)


def _step(time: int, at: int) -> Wave:
    return (np.arange(time) >= at).astype(np.float64)


def _noise(time: int, seed: int) -> Wave:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(time)


class _Signal(NamedTuple):
    """A signal, (timesteps, setting) -> wave, and the name and range of its one setting."""

    make: Callable[[int, int], Wave]
    key: str
    default: int
    lowest: int
    highest: int | None  # None: the last timestep


_SIGNALS = {
    "sine": _Signal(_sine, "period", PERIOD, 2, MAX_TIMESTEPS),
    "impulse": _Signal(_impulse, "at", IMPULSE_AT, 0, None),
    "step": _Signal(_step, "at", STEP_AT, 0, None),
    "noise": _Signal(_noise, "seed", SEED, 0, MAX_SEED),
}


def _whole(text: str, what: str, lowest: int, highest: int) -> int:
    if _WHOLE.fullmatch(text) and lowest <= int(text) <= highest:
        return int(text)
    raise EncodingError(f"{what} is a whole number from {lowest:,} to {highest:,}; got {shown(text, 20)}.")
