"""Adaptive gradient clipping: what training without batch normalisation needs."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def unit_norms(x: Tensor) -> Tensor:
    """Euclidean norms over all dimensions but the first, kept as ones; of the whole of a vector or scalar."""
    if x.ndim < 2:
        return x.norm()
    return x.flatten(1).norm(dim=1).view(-1, *[1] * (x.ndim - 1))


@torch.no_grad()
def clip_gradients_adaptively(
    parameters: Iterable[Tensor], clipping: float = 0.02, eps: float = 1e-3
) -> None:
    """Scale the gradient G of every output unit down to ``clipping`` max(||W||, ``eps``) where it is longer,
    in place. Leave the last layer out, as the papers do.

    Source: Brock et al. 2021 (arXiv 2102.06171); 0.02 is the value of "BNN - BN = ?" (Chen et al. 2021, arXiv
    2104.08215).
    """
    for p in parameters:
        if p.grad is None:
            continue
        longest, norm = clipping * unit_norms(p).clamp_min(eps), unit_norms(p.grad)
        p.grad.mul_(torch.where(norm > longest, longest / norm.clamp_min(1e-6), 1.0))
