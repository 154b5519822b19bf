"""Sign quantizers for activations and weights: float in, -1 or +1 out, each with its own gradient.

All agree in the forward pass of evaluation: sign(x) = +1 for x >= 0, so sign(0) = +1, as in Larq, FINN,
brevitas and BMXNet. ``torch.sign`` maps 0 to 0, a third value, and is no quantizer.

    layer = BinaryConv2d(64, 64, 3, input_quantizer="approx_sign", weight_quantizer=STESign(clip=None))

A name stands for the class with its defaults (:data:`QUANTIZERS`). Sources of the gradients: STE with
clipping, Courbariaux et al. 2016 (arXiv 1602.02830) and Bethge et al. 2018 (arXiv 1812.01965); approx-sign,
Liu et al. 2018 (Bi-Real Net, arXiv 1808.00278); swish-sign, Darabi et al. 2018 (BNN+, arXiv 1812.11800); EDE,
Qin et al. 2020 (IR-Net, arXiv 1909.10788); progressive sign, as in bitorch; self-binarizing tanh, Lahoud et
al. 2019 (arXiv 1902.00730).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import FormatError
from . import signs  # noqa: F401  (registers torch.ops.binmorph.sign)


def start_latent(weight: Tensor) -> None:
    """Draw latent weights from N(0, 2 / fan in) (Bethge et al. 2018, arXiv 1812.01965).

    So small, their signs turn within the first steps; weights uniform on [-1, 1] need a thousand steps of
    Adam at 1e-3 for that, which short trainings do not have.
    """
    nn.init.normal_(weight, 0.0, (2 / weight[0].numel()) ** 0.5)


class Quantizer(nn.Module):
    """Base of the quantizers."""

    def start(self, weight: Tensor) -> None:
        """Draw the latent weights that a layer with this quantizer begins with."""
        start_latent(weight)

    def attach(self, weight: Tensor) -> None:
        """Called by a layer with its latent weights [O, ...]: the place to make parameters of their shape."""


class ScheduledQuantizer(Quantizer):
    """Base of those that change over training: :func:`set_progress` moves them.

    ``progress`` in [0, 1] and ``hard`` are plain Python values, which tracing follows, and part of the state.
    """

    def __init__(self) -> None:
        super().__init__()
        self.progress, self.hard = 0.0, False

    def set_progress(self, t: float) -> None:
        """Move the schedule to ``t``, the fraction of training done; ValueError outside [0, 1]."""
        if not 0 <= t <= 1:
            raise ValueError(f"progress {t} must be in [0, 1]")
        self.progress = float(t)

    def get_extra_state(self) -> Tensor:
        """float64 [2]: progress, hard. A tensor, so that ``weights_only`` loading and safetensors take it."""
        return torch.tensor([self.progress, self.hard], dtype=torch.float64)

    def set_extra_state(self, state: Any) -> None:
        progress, hard = (float(value) for value in state)
        if not 0 <= progress <= 1 or hard not in (0, 1):
            raise FormatError(f"{type(self).__name__}: unknown saved state {state!r}")
        self.progress, self.hard = progress, bool(hard)


class STESign(Quantizer):
    """sign(x), gradient dy where |x| <= ``clip``, else 0; ``clip=None`` lets every gradient through."""

    def __init__(self, clip: float | None = 1.0) -> None:
        super().__init__()
        if clip is not None and not clip > 0:
            raise ValueError(f"clip {clip} must be positive, or None")
        self.clip = clip

    def forward(self, x: Tensor) -> Tensor:
        if self.clip is None:
            return torch.ops.binmorph.sign(x, "identity", 0.0)
        return torch.ops.binmorph.sign(x, "clip", float(self.clip))

    def extra_repr(self) -> str:
        return f"clip={self.clip}"


class ApproxSign(Quantizer):
    """sign(x), gradient dy (2 - 2 |x|) for |x| <= 1, else 0: the slope of a piecewise quadratic sign."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.binmorph.sign(x, "approx", 0.0)


class SwishSign(Quantizer):
    """sign(x), gradient dy b (2 - b x tanh(b x / 2)) / (1 + cosh(b x)) with b = ``beta``."""

    def __init__(self, beta: float = 5.0) -> None:
        super().__init__()
        if not beta > 0:
            raise ValueError(f"beta {beta} must be positive")
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.binmorph.sign(x, "swish", float(self.beta))

    def extra_repr(self) -> str:
        return f"beta={self.beta}"


class EDESign(ScheduledQuantizer):
    """sign(x), gradient dy k t (1 - tanh(t x)^2), t = 10^(-1 + 2 progress), k = max(1 / t, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return torch.ops.binmorph.sign(x, "identity", 0.0)  # forward only: no need to read the schedule
        return torch.ops.binmorph.sign(x, "ede", 10 ** (-1 + 2 * self.progress))


class ProgressiveSign(ScheduledQuantizer):
    """hardtanh(x / max(1 - temperature, 1e-7)) in training, sign(x) in evaluation.

    temperature = 1 - ``alpha`` ^ (-``beta`` progress); the gradient in training is that of the hardtanh. In
    evaluation the gradient is the identity.
    """

    def __init__(self, alpha: float = 4.0, beta: float = 10.0) -> None:
        super().__init__()
        if not (alpha > 1 and beta > 0):
            raise ValueError(f"alpha {alpha} must be above 1 and beta {beta} positive")
        self.alpha, self.beta = alpha, beta

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return torch.ops.binmorph.sign(x, "identity", 0.0)
        width = max(self.alpha ** (-self.beta * self.progress), 1e-7)
        return F.hardtanh(x / width)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, beta={self.beta}"


class SelfBinarizingTanh(ScheduledQuantizer):
    """tanh(nu x) until :meth:`harden`, then sign(x); nu = ``sharpest`` ^ progress.

    One smooth representation that sharpens into its own binarization. The exponential schedule and its end
    are ours (the paper's are not known to us). tanh(nu x) is exactly +-1 in float32 from |nu x| = 9.0109 on;
    a weight of exactly 0 stays 0 until hardened, and then counts as +1.
    """

    def __init__(self, sharpest: float = 1000.0) -> None:
        super().__init__()
        if not sharpest >= 1:
            raise ValueError(f"sharpest {sharpest} must be at least 1")
        self.sharpest = sharpest

    def start(self, weight: Tensor) -> None:
        """Uniform on [-1, 1]: much smaller ones would stay near 0 until the tanh is sharp."""
        nn.init.uniform_(weight, -1, 1)

    @property
    def nu(self) -> float:
        """The sharpness of now."""
        return math.pow(self.sharpest, self.progress)

    def harden(self) -> None:
        """Compute sign(x) from now on, with the straight-through gradient."""
        self.hard = True

    def soft_fraction(self, x: Tensor) -> float:
        """The fraction of ``x`` that tanh(nu x) does not yet take to exactly +-1 in float32."""
        return float((torch.tanh(self.nu * x.detach().float()).abs() != 1).double().mean())

    def forward(self, x: Tensor) -> Tensor:
        if self.hard:
            return torch.ops.binmorph.sign(x, "identity", 0.0)
        return torch.tanh(self.nu * x)

    def extra_repr(self) -> str:
        return f"sharpest={self.sharpest}"


QUANTIZERS: dict[str, Callable[[], Quantizer]] = {
    "ste_sign": STESign,
    "approx_sign": ApproxSign,
    "swish_sign": SwishSign,
    "ede_sign": EDESign,
    "progressive_sign": ProgressiveSign,
    "sb_tanh": SelfBinarizingTanh,
}
"""Quantizers by name."""


def as_quantizer(quantizer: str | nn.Module | None) -> nn.Module:
    """The module that a layer uses: a new one for a name, the identity for None; ValueError if unknown."""
    if quantizer is None:
        return nn.Identity()
    if isinstance(quantizer, nn.Module):
        return quantizer
    if quantizer not in QUANTIZERS:
        raise ValueError(f"quantizer {quantizer!r} is not one of {', '.join(QUANTIZERS)}, nor a module")
    return QUANTIZERS[quantizer]()


def quantizers(module: nn.Module) -> Iterator[tuple[str, Quantizer]]:
    """(path, quantizer) of every quantizer in ``module``."""
    for name, child in module.named_modules():
        if isinstance(child, Quantizer):
            yield name, child


def set_progress(module: nn.Module, t: float) -> None:
    """Move every scheduled quantizer in ``module`` to training progress ``t`` in [0, 1]."""
    for _, quantizer in quantizers(module):
        if isinstance(quantizer, ScheduledQuantizer):
            quantizer.set_progress(t)


def harden_signs(module: nn.Module) -> int:
    """Harden every :class:`SelfBinarizingTanh` in ``module`` in place; returns how many there were.

    Batch statistics were gathered behind the smooth activations; a few batches in training mode with a
    hardened network bring them up to date.
    """
    found = [q for _, q in quantizers(module) if isinstance(q, SelfBinarizingTanh)]
    for quantizer in found:
        quantizer.harden()
    return len(found)
