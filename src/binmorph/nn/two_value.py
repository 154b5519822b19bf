"""Weights of two learned values, alpha where the bit is 1 and beta where it is 0: the {alpha, beta} domain.

Source: Schiavone, Bianchini et al. 2023, "Sparsifying Binary Neural Networks" (SBNN, arXiv 2306.13515). One
pair per layer: W = tau s + phi with signs s, alpha = phi + tau, beta = phi - tau. A layer with few ones needs
little memory and, run with counters over the ones only, little work.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .quantizers import QUANTIZERS, Quantizer, STESign, as_quantizer


class TwoValue(Quantizer):
    """Latent weights to bits {0, 1}: [w >= threshold], and the two values they stand for.

    Arguments:
        density: fraction of ones, in [0, 1].
        sparsity: "quantile" puts the threshold of every forward pass at the quantile of the layer's weights
            that leaves floor(density n) ones (more only where weights are equal); "penalty" leaves it at 0,
            for :func:`density_penalty` to push the weights below it.
        sign: the sign quantizer whose gradient the bits have, by name or as a module; the identity if None.

    ``tau`` (starts at 1) and ``phi`` (0) are learned scalars, alpha = phi + tau, beta = phi - tau. With g the
    gradient of the loss to W = tau s + phi: d tau = sum(g s), d phi = sum(g), and d w = tau g s'(w -
    threshold), s' the surrogate slope; the quantile itself has none.
    """

    def __init__(
        self, density: float = 0.5, sparsity: str = "quantile", sign: str | nn.Module | None = None
    ) -> None:
        super().__init__()
        if not 0 <= density <= 1:
            raise ValueError(f"density {density} must be in [0, 1]")
        if sparsity not in ("quantile", "penalty"):
            raise ValueError(f"sparsity {sparsity!r} is not one of quantile, penalty")
        self.density, self.sparsity = density, sparsity
        self.sign = as_quantizer(STESign(None) if sign is None else sign)
        self.tau, self.phi = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))

    def threshold(self, weight: Tensor) -> Tensor:
        """Scalar: weights from here on are ones."""
        if self.sparsity == "penalty":
            return weight.new_zeros(())
        ones = int(self.density * weight.numel())
        if ones == 0:
            return weight.new_full((), torch.inf)
        return weight.detach().flatten().kthvalue(weight.numel() - ones + 1).values

    def forward(self, weight: Tensor) -> Tensor:
        return 0.5 * self.sign(weight - self.threshold(weight)) + 0.5

    def domain(self, outputs: int) -> tuple[Tensor, Tensor]:
        """(alpha - beta, beta), float32 [outputs] each."""
        return (2 * self.tau).expand(outputs), (self.phi - self.tau).expand(outputs)

    @torch.no_grad()
    def fit(self, weight: Tensor) -> None:
        """Set ``tau`` and ``phi`` to the nearest {alpha, beta} weights, at the quantizer's own density."""
        alpha, beta, _ = two_means(weight, round(float(self(weight).sum())))
        self.tau.copy_((alpha - beta) / 2)
        self.phi.copy_((alpha + beta) / 2)

    def extra_repr(self) -> str:
        return f"density={self.density}, sparsity={self.sparsity!r}"


QUANTIZERS["two_value"] = TwoValue


def two_means(weight: Tensor, ones: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """(alpha, beta, bits): the weights of two values nearest to ``weight`` in squared distance.

    With m ones the best choice is the m largest weights, alpha their mean and beta that of the rest, which
    leaves the squared distance const - m (n - m) / n (alpha - beta)^2: sorting and prefix sums find the best
    m in O(n log n). ``ones`` fixes m instead. float64 scalars, and bits (bool) of the shape of ``weight``. If
    one side is empty, its value is that of the other.
    """
    flat = weight.detach().double().flatten()
    n = flat.numel()
    if ones is not None and not 0 <= ones <= n:
        raise ValueError(f"ones {ones} must be in [0, {n}]")
    order = flat.argsort(descending=True)
    above = flat[order].cumsum(0)
    total, count = above[-1], torch.arange(1, n + 1, device=flat.device)
    if ones is None:
        # m (n - m) / n (alpha - beta)^2 = (n S_m - m S)^2 / (n m (n - m)); at m = n both sides are one.
        gain = (n * above - count * total).square() / (n * count * (n - count).clamp_min(1))
        ones = int(gain[:-1].argmax()) + 1 if n > 1 else n
    inside = above[ones - 1] if ones else torch.zeros_like(total)
    alpha = inside / ones if ones else total / n
    beta = (total - inside) / (n - ones) if ones < n else alpha
    bits = torch.zeros(n, dtype=torch.bool, device=flat.device)
    bits[order[:ones]] = True
    return alpha, beta, bits.view(weight.shape)


def two_value_layers(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(path, layer) of every layer in ``module`` whose weights are {alpha, beta}."""
    for name, layer in module.named_modules():
        if isinstance(getattr(layer, "weight_quantizer", None), TwoValue):
            yield name, layer


def density(module: nn.Module) -> Tensor:
    """Fraction of ones over all {alpha, beta} layers of ``module``: a scalar with gradients; ValueError if
    there are none."""
    bits = [layer.binary_weight for _, layer in two_value_layers(module)]
    if not bits:
        raise ValueError("no layer of this network has a TwoValue weight quantizer")
    return torch.stack([b.sum() for b in bits]).sum() / sum(b.numel() for b in bits)


def density_penalty(module: nn.Module, loss: Tensor, target: float, gamma: float) -> Tensor:
    """lambda h with h = max(0, density - ``target``): what to add to ``loss``, a scalar.

    lambda = ``gamma`` loss / (h (1 - gamma)) has no gradient, so the penalty is always gamma / (1 - gamma) of
    the loss, and 0 once h <= 1e-4. It vanishes with the loss: training data that are learned by heart stop it
    short of its target; then raise gamma, or use ``sparsity="quantile"``.
    """
    excess = F.relu(density(module) - target)
    if float(excess.detach()) <= 1e-4:
        return 0 * excess
    weight = gamma * loss.detach() / (excess.detach() * (1 - gamma))
    return weight * excess


@torch.no_grad()
def clamp_latent(module: nn.Module, limit: float = 1.5) -> None:
    """Clamp the latent weights of the {alpha, beta} layers to [-limit, limit], as SBNN does behind each
    step."""
    for weight in chain.from_iterable(layer.parameters(False) for _, layer in two_value_layers(module)):
        if weight.ndim > 1:
            weight.clamp_(-limit, limit)
