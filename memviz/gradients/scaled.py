"""Numbers of any size: arrays of m * 2^e with an exponent for each element, so that no gradient under- or overflows.

A gradient over 3,000 steps is 1e-1000 as easily as 1e+1000; float64 ends at 1e-308 and 1e+308.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

Values = Float[np.ndarray, "..."]
Exponents = Int[np.ndarray, "..."]

_ZERO = np.int64(-(2**40))
"""The exponent of an exact zero: below that of every other number."""
_SAFE_BITS = 400
"""Numbers whose magnitudes are this many bits from 1 at most can be multiplied and added without a loss."""
_MOST_PRODUCTS = 2**21
"""Products held at once where each sum has a scale of its own: 16 MB for each array."""
_LOG10_2 = float(np.log10(2.0))


@dataclass(frozen=True, eq=False)
class Scaled:
    """An array of m * 2^e, each m in 0.5 <= |m| < 1 or an exact 0; both arrays have the shape of the whole."""

    mantissa: Values
    exponent: Exponents

    @classmethod
    def of(cls, values: Values, exponent: Exponents | int = 0) -> "Scaled":
        """`values * 2^exponent`; the exponents are broadcast."""
        mantissa, own = np.frexp(values)
        return cls(mantissa, np.where(mantissa == 0, _ZERO, own + np.asarray(exponent, np.int64)))

    @classmethod
    def zeros(cls, *shape: int) -> "Scaled":
        """Exact zeros."""
        return cls(np.zeros(shape), np.full(shape, _ZERO))

    def __getitem__(self, index: Any) -> "Scaled":
        """Some of the elements, as numpy indexes them."""
        return Scaled(self.mantissa[index], self.exponent[index])

    def __setitem__(self, index: Any, values: "Scaled") -> None:
        self.mantissa[index] = values.mantissa
        self.exponent[index] = values.exponent

    def __add__(self, other: "Scaled") -> "Scaled":
        top = np.maximum(self.exponent, other.exponent)
        return Scaled.of(self.over(top) + other.over(top), top)

    def over(self, exponent: Exponents) -> Values:
        """The numbers divided by 2^exponent, as floats; what is out of a float's range becomes 0 or infinite."""
        with np.errstate(over="ignore"):
            quotients: Values = np.ldexp(self.mantissa, self.exponent - exponent)
        return quotients

    def floats(self) -> Values:
        """The numbers as read-only floats; what is out of a float's range becomes 0 or infinite."""
        values = self.over(np.zeros_like(self.exponent))
        values.setflags(write=False)
        return values

    def top(self) -> Exponents:
        """The largest exponent of each row, with the last axis kept; that of an all-zero row is very low."""
        return self.exponent.max(axis=-1, keepdims=True)

    def log10(self) -> Values:
        """log10 of the magnitudes; an exact zero is -inf."""
        with np.errstate(divide="ignore"):
            logs: Values = np.log10(np.abs(self.mantissa)) + self.exponent * _LOG10_2
        return logs

    def log10_norms(self) -> Values:
        """log10 of the Euclidean norm over the last axis; an exact zero is -inf."""
        top = self.top()
        relative = self.over(top)
        with np.errstate(divide="ignore"):
            norms = 0.5 * np.log10((relative**2).sum(axis=-1)) + top[..., 0] * _LOG10_2
        return np.asarray(norms)  # of a single vector too

    def times(self, matrix: Values, is_tame: bool) -> "Scaled":
        """Row vectors times a matrix, or each times its own.

        Args:
            matrix: (row, column), or with leading axes (..., row, column) for vectors (..., row).
            is_tame: what `tame(matrix)` says.
        """
        if not (is_tame and self.is_close()):
            return self._times_each(matrix)
        top = self.top()
        relative = self.over(top)
        product = relative @ matrix if matrix.ndim == 2 else (relative[..., None, :] @ matrix)[..., 0, :]
        return Scaled.of(product, top)

    def is_close(self) -> bool:
        """Whether each row's numbers are near enough in size to be added in floats without a loss."""
        return bool((self.exponent >= np.where(self.mantissa == 0, _ZERO, self.top() - _SAFE_BITS)).all())

    def _times_each(self, matrix: Values) -> "Scaled":
        """The same where sizes differ so much that each sum needs a scale of its own."""
        if matrix.ndim == 2 and self.mantissa.ndim == 2:  # many rows at once would take all memory
            block = max(1, _MOST_PRODUCTS // max(1, matrix.size))
            if len(self.mantissa) > block:
                starts = range(0, len(self.mantissa), block)
                parts = [self[start : start + block]._times_each(matrix) for start in starts]
                return Scaled(
                    np.concatenate([part.mantissa for part in parts]),
                    np.concatenate([part.exponent for part in parts]),
                )
        factors, exponents = np.frexp(matrix)
        products = self.mantissa[..., :, None] * factors
        sizes = np.where(products == 0, _ZERO, self.exponent[..., :, None] + exponents)
        top = sizes.max(axis=-2)
        return Scaled.of(np.ldexp(products, sizes - top[..., None, :]).sum(axis=-2), top)


def tame(matrices: Values) -> bool:
    """Whether no element is so small that its product with a small number would be lost."""
    sizes = np.abs(matrices)
    return not ((sizes < 2.0**-_SAFE_BITS) & (sizes > 0)).any()
