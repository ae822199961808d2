"""What happens to any number that is multiplied often, and to any value that is squashed often."""

import numpy as np
from jaxtyping import Float

RATES = (0.9, 0.99, 1.0, 1.01, 1.1)


def log10_powers(rates: tuple[float, ...], steps: int) -> Float[np.ndarray, "rate step"]:
    """log10 of |r|^n for n = 0 to `steps`; 0^n is -inf from n = 1 on."""
    with np.errstate(divide="ignore"):
        logs = np.log10(np.abs(np.array(rates, dtype=np.float64)))
    powers: Float[np.ndarray, "rate step"] = np.zeros((len(rates), steps + 1))
    powers[:, 1:] = logs[:, None] * np.arange(1, steps + 1)
    return powers


def repeated_sigmoids(
    x: Float[np.ndarray, " point"], times: int
) -> tuple[Float[np.ndarray, "time point"], Float[np.ndarray, "time point"]]:
    """sigma(x), sigma(sigma(x)) and so on, and the slope of each, a product of s(1 - s), by x."""
    values, slopes = [], []
    value, slope = x, np.ones_like(x)
    for _ in range(times):
        with np.errstate(over="ignore"):  # 1 / (1 + infinity) is the right answer
            value, rest = 1 / (1 + np.exp(-value)), 1 / (1 + np.exp(value))  # 1 - s of s near 1 is rounding
        slope = slope * value * rest
        values.append(value)
        slopes.append(slope)
    return np.stack(values), np.stack(slopes)
