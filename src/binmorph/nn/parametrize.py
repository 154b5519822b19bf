"""Smooth steps, weight and bias parametrisations, initialisation of BiSE and LUI neurons.

Source: Aouad & Talbot, "Binary Multi Channel Morphological Neural Network" (DGMM 2022, arXiv 2204.08768),
"Binary Morphological Neural Network" (ICIP 2022, arXiv 2203.12337) and "A foundation for exact binarized
morphological neural networks" (LBQNN 2023, arXiv 2401.03830). A neuron is y = step(p * (W . x - b)): b is its
positive threshold.

Weights have shape [..., n], one row of n inputs per neuron; biases and scales have shape [...].
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

STEPS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": lambda u: 0.5 * torch.tanh(u) + 0.5,
    "sigmoid": torch.sigmoid,
    "arctan": lambda u: torch.atan(u) / math.pi + 0.5,
    "erf": lambda u: 0.5 * torch.erf(u) + 0.5,
}
"""Smooth steps: increasing, R -> (0, 1), 1/2 at 0."""

STEP_Q: dict[str, float] = {
    "tanh": math.atanh(0.9),
    "sigmoid": math.log(0.95 / 0.05),
    "arctan": math.tan(0.45 * math.pi),
    "erf": 1.1630871536766743,  # erfinv(0.9)
}
"""q = step^-1(0.95), the pre-activation that the initialisation aims at."""

WEIGHTS = ("identity", "softplus", "tanh01", "normalized")
INITS = ("uniform", "constant", "signed")
BIASES = ("raw", "positive", "projected", "projected_reparametrized")


def softplus_inverse(y: Tensor) -> Tensor:
    """x with softplus(x) = y > 0; written so that neither large nor tiny y loses digits."""
    return y + torch.log(-torch.expm1(-y))


def weight_forward(kind: str, raw: Tensor, total: Tensor) -> Tensor:
    """Weights W [..., n] from their parameter: "identity" (any sign), "softplus" (> 0), "tanh01" (in (0, 1))
    or "normalized" (> 0 and summing to ``total`` [...]: the paper's dual form, where sum(W) - b swaps erosion
    and dilation)."""
    if kind == "identity":
        return raw
    if kind == "softplus":
        return F.softplus(raw)
    if kind == "tanh01":
        return 0.5 * torch.tanh(raw) + 0.5
    positive = F.softplus(raw)
    return total.unsqueeze(-1) * positive / positive.sum(-1, keepdim=True)


def weight_inverse(kind: str, weight: Tensor) -> Tensor:
    """A parameter whose weights are ``weight`` (for "normalized", up to the common factor)."""
    if kind == "identity":
        return weight.clone()
    if kind == "tanh01":
        return torch.atanh((2 * weight - 1).clamp(-0.999, 0.999))
    return softplus_inverse(weight)


def bias_interval(weight: Tensor) -> tuple[Tensor, Tensor]:
    """[(w1 + w2) / 2, sum(W) - w1 / 2] with w1 <= w2 the two smallest of n positive weights: thresholds
    inside it can still be dilations or erosions. With n = 1 it is the point w1 / 2, the only threshold that
    passes the input on."""
    smallest = weight.topk(min(2, weight.shape[-1]), dim=-1, largest=False).values
    first = smallest[..., 0]
    low = first / 2 if weight.shape[-1] == 1 else smallest.mean(-1)
    return low, weight.sum(-1) - first / 2


def bias_forward(kind: str, raw: Tensor, weight: Tensor, offset: float) -> Tensor:
    """Thresholds b [...]: "raw"; "positive" = softplus + offset; "projected" = softplus clamped to the
    interval of :func:`bias_interval` ("PR"); "projected_reparametrized" the same with gradients through the
    bounds ("PRR")."""
    if kind == "raw":
        return raw
    if kind == "positive":
        return F.softplus(raw) + offset
    low, high = bias_interval(weight if kind == "projected_reparametrized" else weight.detach())
    return torch.minimum(torch.maximum(F.softplus(raw), low), high)


def bias_inverse(kind: str, bias: Tensor, offset: float) -> Tensor:
    """A parameter whose threshold is ``bias`` (at least 1e-3 where the parametrisation must be positive)."""
    if kind == "raw":
        return bias.clone()
    return softplus_inverse((bias - (offset if kind == "positive" else 0.0)).clamp_min(1e-3))


def initial_weight(
    shape: tuple[int, ...], step: str, init: str, generator: torch.Generator | None = None
) -> Tensor:
    """Starting weights [..., n], with q = step^-1(0.95).

    - "uniform": W ~ U[m - r, m + r], m = 2 q / n, r = 0.668 m, that is U[0.664 q / n, 3.336 q / n]: the
      closed form of the LBQNN draw, of mean (sqrt3 + 2) / (4 p0 sqrt n) and variance 1 / (p0^2 n) - mean^2
      with p0 = (sqrt3 + 2) sqrt(n) / (8 q).
    - "constant": every weight m, as the papers do for LUI.
    - "signed": W ~ N(0, q^2 / n), ours, for weights of any sign.
    """
    n, q = shape[-1], STEP_Q[step]
    mean = 2 * q / n
    if init == "constant":
        return torch.full(shape, mean)
    if init == "signed":
        return torch.randn(shape, generator=generator) * q / math.sqrt(n)
    unit = torch.rand(shape, generator=generator) * 2 - 1
    return mean * (1 + math.sqrt(3 * (16 / (math.sqrt(3) + 2) ** 2 - 1)) * unit)


def initial_bias(
    weight: Tensor, input_mean: float, spread: float, generator: torch.Generator | None = None
) -> Tensor:
    """b = input_mean * sum(W) * (1 + U(-spread, spread)): the neuron starts at the middle of its step."""
    unit = torch.rand(weight.shape[:-1], generator=generator) * 2 - 1
    return input_mean * weight.sum(-1) * (1 + spread * unit)
