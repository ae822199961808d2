"""What all converters do with arrays: read them, check their shapes, and bring their gates into torch's order."""

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from memviz.network import Network

Numbers = np.ndarray[Any, np.dtype[np.float64]]


def numbers(name: str, array: ArrayLike, *shape: int | None) -> Numbers:
    """An array in float64.

    Args:
        name: of the array, as its library calls it.
        array: the array.
        shape: what it has to have; None is any size.

    Raises:
        ValueError: if it is no array of numbers, or of another shape.
    """
    try:
        found = np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is an array of numbers; got {type(array).__name__}.") from error
    fits = found.ndim == len(shape) and all(
        rule in (None, size) for rule, size in zip(shape, found.shape, strict=True)
    )
    if not fits:
        rule = " × ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} is {rule}; got {' × '.join(map(str, found.shape)) or 'a single number'}.")
    return found


def reordered(array: Numbers, order: tuple[int, ...]) -> Numbers:
    """The blocks of rows of an array in another order: block k of what comes out is block order[k] of it.

    Raises:
        ValueError: if the rows are not so many equal blocks.
    """
    if len(array) % len(order):
        raise ValueError(f"The weights have {len(order)} equal blocks of rows; got {len(array)} rows.")
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[index] for index in order])


def network(cell: str, **arrays: Numbers) -> Network:
    """The network of some parameters.

    Raises:
        ValueError: if their shapes do not fit each other, or a number is not finite.
    """
    parameters: dict[str, Tensor] = {
        name: torch.tensor(np.ascontiguousarray(a)) for name, a in arrays.items()
    }
    return Network(cell, parameters)
