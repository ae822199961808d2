"""Two things measured side by side in one run: they take turns, so that both meet the same machine."""

import statistics
import time
from collections.abc import Callable


def in_turns(
    first: Callable[[], object],
    second: Callable[[], object],
    turns: int,
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """The median time of each in milliseconds; a turn is some repeats, and its first call is not counted."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns):
        for action, taken in zip((first, second), times, strict=True):
            action()  # each turn starts warm
            for _ in range(repeats):
                start = clock()
                action()
                taken.append((clock() - start) * 1e3)
    return statistics.median(times[0]), statistics.median(times[1])
