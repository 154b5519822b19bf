"""The nearest popcount neuron or morphological operator, in torch: used while training toward it, never to
certify anything.

Certified binarization is :mod:`binmorph.exactness`; this is its differentiable-side companion.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..exactness import SUPPORTS, project_activable

SNAPS = (*SUPPORTS, "activable")
"""What weights snap to while training: a signed popcount, or an erosion or dilation."""


def snapped(weight: Tensor, bias: Tensor, support: str) -> tuple[Tensor, Tensor]:
    """The neuron that each row of ``weight`` [..., n] with its threshold ``bias`` [...] is drawn to.

    ``support`` is one of :data:`SNAPS`. For "activable", which takes weights that are mostly positive, the
    operation and its S are those of the nearest activable parameters, and the result theta 1_S with
    threshold theta / 2 (dilation) or theta (|S| - 1/2) (erosion), theta the mean of the weights on S: far
    from any tie, while the nearest parameters themselves would lie on one.
    """
    if support != "activable":
        return popcount_projection(weight, bias, support)
    found = project_activable(weight.double().cpu().numpy(), bias.double().cpu().numpy())
    mask, dilation = (torch.from_numpy(part).to(weight.device) for part in (found.mask, found.dilation))
    size = mask.sum(-1)
    unit = (torch.where(mask, weight, 0).sum(-1) / size).clamp_min(1e-6)
    return unit.unsqueeze(-1) * mask, unit * torch.where(dilation, 0.5, size - 0.5)


def popcount_projection(weight: Tensor, bias: Tensor, support: str = "optimal") -> tuple[Tensor, Tensor]:
    """The signed-constant neuron nearest to each row of ``weight`` [..., n], and its threshold [...].

    min over S+, S-, theta > 0 of ||W - theta (1_S+ - 1_S-)||: for a given size j the best support is the j
    largest |w|, theta their mean, and the distance is smallest where sum_j |w| / sqrt(j) is largest (LBQNN
    2023, projection onto constant sets, extended to signs). Equal weights are in or out together: where one
    of them raises that quotient, so do the others. The threshold goes to the nearest theta * (k + 1/2), k
    integer: then W . x > b iff popcount(x & S+) - popcount(x & S-) > k, half a unit away from any tie. A row
    of zeros stays zero, with its bias. ``support`` is one of
    :data:`binmorph.exactness.SUPPORTS`; all but "optimal" need no sort."""
    size = weight.abs()
    fraction = SUPPORTS[support]
    if fraction is None:
        ordered = size.sort(dim=-1, descending=True).values
        count = torch.arange(1, weight.shape[-1] + 1, device=weight.device, dtype=weight.dtype)
        best = (ordered.cumsum(-1) / count.sqrt()).argmax(-1, keepdim=True)
        kept = size >= ordered.gather(-1, best)
    else:
        kept = size >= fraction * size.mean(-1, keepdim=True)
    unit = (size * kept).sum(-1) / kept.sum(-1)
    near = unit.unsqueeze(-1) * kept * weight.sign()
    snapped = (torch.floor(bias / unit) + 0.5) * unit
    return near, torch.where(unit > 0, snapped, bias)
