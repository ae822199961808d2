"""A recurrence without a matrix, c_t = f_t * c_{t-1} + u_t, over a whole sequence at once."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

_WIDE = 2048
"""Numbers in a timestep from which on one after another is fastest: the work then outweighs the calls."""
_SMALL = 300_000
"""Numbers in the matrices of a sequence, timesteps squared for each unit, up to which solving them is fastest."""


def scan(
    factors: Float[Tensor, "time batch unit"], terms: Float[Tensor, "time batch unit"], reverse: bool = False
) -> Float[Tensor, "time batch unit"]:
    """c_t = factors_t * c_{t-1} + terms_t from c_{-1} = 0; reversed, c_t = factors_t * c_{t+1} + terms_t from the end.

    A small sequence is one triangular system, with 1 on the diagonal and -f_t beside it. In a longer one two timesteps
    together are one with the factor f_t f_{t-1}, so that half as many are left (Blelloch 1990). Both differ from one
    after another by rounding.
    """
    time, width = len(terms), terms[0].numel()
    if width >= _WIDE or time < 3:
        return _one_by_one(factors, terms, range(time - 1, -1, -1) if reverse else range(time))
    if time * time * width <= _SMALL:
        return _solved(factors, terms, reverse)
    return _paired_back(factors, terms) if reverse else _paired(factors, terms)


def _one_by_one(factors: Tensor, terms: Tensor, order: range) -> Tensor:
    out = torch.empty_like(terms, memory_format=torch.contiguous_format)
    f, u, c = factors.unbind(), terms.unbind(), out.unbind()
    c[order[0]].copy_(u[order[0]])
    for before, t in pairwise(order):
        torch.addcmul(u[t], f[t], c[before], out=c[t])
    return out


def _solved(factors: Tensor, terms: Tensor, reverse: bool) -> Tensor:
    """A row of the system for each timestep, a system for each unit."""
    read = factors[:-1] if reverse else factors[1:]
    systems = torch.diag_embed(read.flatten(1).t().neg(), offset=1 if reverse else -1)
    sides = terms.flatten(1).t().unsqueeze(2)
    found = torch.linalg.solve_triangular(systems, sides, upper=reverse, unitriangular=True)
    return found.squeeze(2).t().reshape(terms.shape)


def _paired(factors: Tensor, terms: Tensor) -> Tensor:
    """The odd timesteps from pairs of two, then the even ones from them."""
    time = len(terms)
    even = slice(0, time - 1, 2)
    f, u = factors[1::2], terms[1::2]
    deep = scan(f * factors[even], torch.addcmul(u, f, terms[even]))
    out = torch.empty_like(terms, memory_format=torch.contiguous_format)
    out[1::2] = deep
    out[0] = terms[0]
    torch.addcmul(terms[2::2], factors[2::2], deep[: (time - 1) // 2], out=out[2::2])
    return out


def _paired_back(factors: Tensor, terms: Tensor) -> Tensor:
    """The same from the end."""
    time = len(terms)
    first = time % 2
    f, u = factors[first::2], terms[first::2]
    odd = slice(first + 1, None, 2)
    deep = scan(f * factors[odd], torch.addcmul(u, f, terms[odd]), reverse=True)
    out = torch.empty_like(terms, memory_format=torch.contiguous_format)
    out[first::2] = deep
    out[-1] = terms[-1]
    rest = slice(1 - first, time - 1, 2)
    torch.addcmul(terms[rest], factors[rest], deep[1 - first :], out=out[rest])
    return out
