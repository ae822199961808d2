"""Arrays as the browser gets them: base64, in single precision where that loses no number."""

from base64 import b64encode
from typing import Any

import numpy as np
from jaxtyping import Float

Array = Float[np.ndarray, "..."]
_SINGLE = np.finfo(np.float32)


def packed(values: Array) -> dict[str, Any]:
    """An array in single precision, or in double where single would make an infinity or a zero of a number."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    if size.size and (size.max() > _SINGLE.max or size.min() < _SINGLE.tiny):
        return exact(values)
    return _encoded(values, "<f4")


def exact(values: Array) -> dict[str, Any]:
    """An array in double precision."""
    return _encoded(values, "<f8")


def _encoded(values: Array, dtype: str) -> dict[str, Any]:
    return {
        "type": dtype[1:],
        "shape": values.shape,
        "data": b64encode(values.astype(dtype).tobytes()).decode(),
    }
