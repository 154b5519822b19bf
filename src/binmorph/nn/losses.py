"""Losses that draw neurons towards parameters that binarize exactly, and the schedule that switches them on.

After Aouad & Talbot, "A foundation for exact binarized morphological neural networks" (LBQNN 2023, arXiv
2401.03830): the squared distance of each neuron to the constant sets or to the activable parameters, summed
over all neurons of all morphological layers (float layers are left alone).

Each distance is a minimum over projections. Its gradient is that of the distance to the projection found,
which is held fixed (envelope theorem); the projection itself is computed in float64 by
:mod:`binmorph.exactness`, off the graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..exactness import METRICS, SUPPORTS, project_activable
from .hardening import morphological_layers


class _Pull(torch.autograd.Function):
    """sum(residual^2) per row, with gradient 2 * residual for the first input: one pass each way."""

    @staticmethod
    def forward(ctx, value: Tensor, residual: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(residual)
        return torch.linalg.vector_norm(residual, dim=-1).square()

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        (residual,) = ctx.saved_tensors
        return residual * (2 * grad).unsqueeze(-1), None


def constant_loss(weight: Tensor, support: str = "optimal") -> Tensor:
    """Squared distance [...] of weights [..., n] to the constant sets {theta 1_S : theta >= 0}.

    ``support`` chooses S (:data:`binmorph.exactness.SUPPORTS`): "optimal" by sorting, "uniform" and "normal"
    by one comparison. Raises ValueError for another word.
    """
    if support not in SUPPORTS:
        raise ValueError(f"support {support!r} is not one of {', '.join(SUPPORTS)}")
    with torch.no_grad():
        w = weight.detach()
        fraction = SUPPORTS[support]
        largest = w.amax(-1, keepdim=True)
        if fraction is None:
            mask = w >= _optimal_level(w)
        else:
            mask = w >= torch.minimum(fraction * w.clamp_min(0).mean(-1, keepdim=True), largest)
        theta = torch.where(mask, w, 0).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)
        residual = torch.where(mask, w - theta.clamp_min(0), w)
    result: Tensor = _Pull.apply(weight, residual)
    return result


def _optimal_level(weight: Tensor) -> Tensor:
    """The smallest weight of the nearest S, [..., 1]. NumPy sorts such rows several times faster than torch.

    Equal weights need no care here: the maximum never falls inside a run of them.
    """
    ordered = np.negative(weight.cpu().numpy())
    ordered.sort(axis=-1)
    np.negative(ordered, out=ordered)
    score = ordered.cumsum(-1)
    score *= (1 / np.sqrt(np.arange(1, ordered.shape[-1] + 1))).astype(score.dtype)
    best = score.argmax(-1)
    level = np.take_along_axis(ordered, best[..., None], -1)
    return torch.from_numpy(level).to(weight)


def activable_loss(weight: Tensor, bias: Tensor, metric: str = "dual", support: str = "all") -> Tensor:
    """Squared distance [...] of (weights [..., n], thresholds [...]) to the nearest erosion or dilation.

    0 exactly for neurons that are one. ``metric`` and ``support`` as in
    :func:`binmorph.exactness.project_activable`: with "all" the distance itself, for windows; with a rule of
    :func:`constant_loss` that S alone, an upper bound which suits layers with hundreds of inputs.
    """
    with torch.no_grad():
        w, b = weight.detach().double().cpu(), bias.detach().double().cpu()
        found = project_activable(w.numpy(), b.numpy(), metric, support)
        residual = w - torch.from_numpy(found.weight)
        shift = b - torch.from_numpy(found.bias)
        if metric == "dual":
            # The erosion's bias is measured from the sum of the weights, which therefore feel its pull too.
            erosion = torch.from_numpy(~found.dilation)
            pull = (residual.sum(-1) - shift) * erosion
            shift = torch.where(erosion, -pull, shift)
        else:
            pull = torch.zeros_like(shift)
        pull, residual, shift = (t.to(weight) for t in (pull, residual, shift))
    return _distance(weight, bias, residual, shift, pull)


def _distance(weight: Tensor, bias: Tensor, residual: Tensor, shift: Tensor, pull: Tensor) -> Tensor:
    """|residual|^2 + shift^2, with the gradients 2 (residual + pull) and 2 shift."""
    moved: Tensor = _Pull.apply(bias.unsqueeze(-1), shift.unsqueeze(-1))
    own: Tensor = _Pull.apply(weight, residual)
    # Worth nothing, but with the gradient 2 pull.
    along = 2 * pull * (weight - weight.detach()).sum(-1)
    return own + moved + along


def bound_loss(weight: Tensor, low: float = 0.0, high: float = 1.0, power: int = 2) -> Tensor:
    """sum over the inputs of the distance to [low, high] to the ``power`` 1 or 2; [..., n] -> [...]."""
    outside = (low - weight).clamp_min(0) + (weight - high).clamp_min(0)
    return (outside if power == 1 else outside.square()).sum(-1)


@dataclass(frozen=True)
class Regularizer:
    """A loss on every morphological neuron of a network, as ``loss + regularizer(net, step)``.

    Attributes:
        kind: "constant", "activable" or "bounds".
        coefficient: factor of the sum over all neurons; 0.01 and 0.001 in the paper.
        delay: training steps before it switches on.
        ramp: steps over which it then rises to its full value, linearly.
        support: rule for S of the constant and activable losses; "all" is for "activable" only.
        metric: of the activable loss.
    """

    kind: str = "constant"
    coefficient: float = 0.01
    delay: int = 0
    ramp: int = 0
    support: str = "uniform"
    metric: str = "dual"

    def __post_init__(self) -> None:
        supports = [*SUPPORTS, "all"] if self.kind == "activable" else list(SUPPORTS)
        for name, known in (
            ("kind", ["constant", "activable", "bounds"]),
            ("support", supports),
            ("metric", list(METRICS)),
        ):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r} is not one of {', '.join(known)}")
        if self.delay < 0 or self.ramp < 0 or self.coefficient < 0:
            raise ValueError("coefficient, delay and ramp must not be negative")

    def coefficient_at(self, step: int) -> float:
        """The factor at training step ``step``, counted from 0."""
        if step < self.delay:
            return 0.0
        return self.coefficient * min(1.0, (step - self.delay + 1) / (self.ramp + 1))

    def __call__(self, module: nn.Module, step: int) -> Tensor:
        """The weighted loss, a scalar; before ``delay`` nothing is computed."""
        total = torch.zeros(())
        factor = self.coefficient_at(step)
        if factor == 0:
            return total
        for _, layer in morphological_layers(module):
            for _, bank in layer.banks():
                weight, bias, _ = bank.effective_parameters()
                if self.kind == "bounds":
                    loss = bound_loss(weight)
                elif self.kind == "constant":
                    loss = constant_loss(weight, self.support)
                else:
                    loss = activable_loss(weight, bias, self.metric, self.support)
                total = total.to(loss) + loss.sum()
        return factor * total
