"""The nearest popcount neuron, in torch: used while training toward it, never to certify anything.

Certified binarization is :mod:`binmorph.exactness`; this is its differentiable-side companion.
"""

from __future__ import annotations

import torch
from torch import Tensor


def popcount_projection(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """The signed-constant neuron nearest to each row of ``weight`` [..., n], and its threshold [...].

    min over S+, S-, theta > 0 of ||W - theta (1_S+ - 1_S-)||: for a given size j the best support is the j
    largest |w|, theta their mean, and the distance is smallest where sum_j |w| / sqrt(j) is largest (LBQNN
    2023, projection onto constant sets, extended to signs). The support is taken by rank, so repeated weights
    cannot mislead it. The threshold goes to the nearest theta * (k + 1/2), k integer: then W . x > b iff
    popcount(x & S+) - popcount(x & S-) > k, half a unit away from any tie. A row of zeros stays zero, with
    its bias."""
    size, order = weight.abs().sort(dim=-1, descending=True)
    sums = size.cumsum(-1)
    count = torch.arange(1, weight.shape[-1] + 1, device=weight.device, dtype=weight.dtype)
    best = (sums / count.sqrt()).argmax(-1, keepdim=True)
    theta = sums.gather(-1, best) / (best + 1)
    rank_kept = torch.arange(weight.shape[-1], device=weight.device) <= best
    kept = torch.zeros_like(rank_kept).scatter(-1, order, rank_kept)
    near = torch.where(kept, theta * weight.sign(), torch.zeros_like(weight))
    unit = theta.squeeze(-1)
    snapped = (torch.floor(bias / unit) + 0.5) * unit
    return near, torch.where(unit > 0, snapped, bias)
