"""One bank of threshold neurons, float and hard side by side: the stuff of BiSE, LUI, BiSEL and DenseLUI."""

from __future__ import annotations

from enum import Enum

import numpy as np
import torch
from torch import Tensor, nn

from .. import ir
from ..errors import ShapeError
from . import parametrize as P
from .projection import SNAPS, snapped


class Mode(Enum):
    """How a morphological layer evaluates; each value is explained below."""

    # As trained: y = step(p (W . x - b)), in (0, 1).
    SMOOTH = 0
    # The same float weights behind a step at 1/2: y = [p (W . x - b) > 0], in {0, 1}, summed in float64.
    HARD_FLOAT = 1
    # The binarized neurons: integer counts, y = [count >= threshold] xor invert. This is what is packed.
    HARD = 2


class HardNeurons(nn.Module):
    """The hard state of neurons of shape ``shape`` with ``n`` inputs each, as buffers that always exist: the
    fields of :class:`binmorph.ir.Neurons` under the same names and dtypes. Until :meth:`store` they hold the
    constant one."""

    plus: Tensor
    minus: Tensor
    threshold: Tensor
    invert: Tensor
    status: Tensor
    margin: Tensor
    distance: Tensor

    def __init__(self, shape: tuple[int, ...], n: int) -> None:
        super().__init__()
        if not shape or min(*shape, n, n) < 1:
            raise ShapeError(f"neurons of shape {shape} with {n} inputs: every size must be at least 1")
        self.shape, self.n = tuple(shape), n
        for name, dtype in ir.Neurons.FIELDS.items():
            size = (*shape, n) if name in ("plus", "minus") else shape
            self.register_buffer(name, torch.zeros(size, dtype=getattr(torch, dtype)))

    def neurons(self) -> ir.Neurons:
        """The hard state as numpy arrays (copies); raises FormatError if a load brought in an impossible
        state."""
        return ir.Neurons(
            **{
                name: getattr(self, name).detach().cpu().numpy().astype(dtype)
                for name, dtype in ir.Neurons.FIELDS.items()
            }
        )

    def store(self, neurons: ir.Neurons) -> None:
        """Copy ``neurons`` into the buffers; raises ShapeError if they are not of this shape."""
        if neurons.shape != self.shape or neurons.n != self.n:
            raise ShapeError(
                f"neurons {neurons.shape} x {neurons.n} do not fit a layer of {self.shape} x {self.n} inputs"
            )
        for name in ir.Neurons.FIELDS:
            getattr(self, name).copy_(torch.from_numpy(np.ascontiguousarray(getattr(neurons, name))))

    def _apply(self, fn, recurse=True):  # type: ignore[no-untyped-def]
        """``.half()`` and ``.double()`` move the floating buffers too; margins and distances stay float64."""
        exact = {name: getattr(self, name) for name in ("margin", "distance")}
        super()._apply(fn, recurse)
        for name, before in exact.items():
            now = getattr(self, name)
            if now.dtype != torch.float64:
                setattr(self, name, before.to(now.device))
        return self

    @staticmethod
    def identity(shape: tuple[int, ...]) -> HardNeurons:
        """Neurons with one input that pass it on."""
        bank = HardNeurons(shape, 1)
        bank.plus.fill_(True)
        bank.threshold.fill_(1)
        bank.status.fill_(int(ir.Status.DILATION))
        bank.margin.fill_(0.5)
        return bank

    def extra_repr(self) -> str:
        return f"shape={self.shape}, n={self.n}"


class ThresholdNeurons(HardNeurons):
    """Trainable neurons y = step(p (W . x - b)), of shape ``shape``, with ``n`` inputs each.

    Parameters: ``weight_raw`` [..., n] and ``bias_raw`` [...] (before their parametrisation), ``scale`` [...]
    (p). The sign of p decides whether the neuron is complemented. The papers start at p = 0: the first step
    moves only p."""

    total: Tensor

    def __init__(
        self,
        shape: tuple[int, ...],
        n: int,
        *,
        weight: str = "softplus",
        bias: str = "positive",
        bias_offset: float = 0.0,
        step: str = "tanh",
        scale_init: float = 0.0,
        learn_scale: bool = True,
        init: str = "uniform",
        input_mean: float = 0.5,
        bias_spread: float = 0.01,
        support: str = "optimal",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(shape, n)
        for value, allowed, what in (
            (weight, P.WEIGHTS, "weight"),
            (bias, P.BIASES, "bias"),
            (step, P.STEPS, "step"),
            (init, P.INITS, "init"),
            (support, SNAPS, "support"),
        ):
            if value not in allowed:
                raise ValueError(f"{what}={value!r} is not one of {', '.join(allowed)}")
        if weight == "identity" and bias != "raw":
            raise ValueError(f"bias={bias!r} needs positive weights; weight='identity' goes with bias='raw'")
        if init == "signed" and weight != "identity":
            raise ValueError(f"init='signed' needs weight='identity', not {weight!r}")
        self.weight_kind, self.bias_kind, self.step_kind = weight, bias, step
        self.bias_offset, self.support = bias_offset, support
        self.snap, self.sharpness = 0.0, 1.0
        start = P.initial_weight((*self.shape, n), step, init, generator)
        self.weight_raw = nn.Parameter(P.weight_inverse(weight, start))
        self.register_buffer("total", torch.full(self.shape, 2 * P.STEP_Q[step]))
        start = P.weight_forward(weight, self.weight_raw.detach(), self.total)
        threshold = P.initial_bias(start, input_mean, bias_spread, generator)
        self.bias_raw = nn.Parameter(P.bias_inverse(bias, threshold, bias_offset))
        self.scale = nn.Parameter(torch.full(self.shape, float(scale_init)), requires_grad=learn_scale)

    def effective_parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        """(W [..., n], b [...], p [...]) that the float modes use; the raw parameters, annealed.

        ``snap`` = s in (0, 1] moves W and b the fraction s of the way to the nearest signed-constant neuron
        theta (1_S+ - 1_S-) with threshold theta (k + 1/2): exactly a popcount, or an erosion or
        dilation, as ``support`` says. ``sharpness`` multiplies p.
        Both leave the gradient as it was without them (straight through; self-binarizing networks, Lahoud et
        al. 2019, arXiv 1902.00730, sharpen in the gradient too, which then vanishes). Raising them during
        training makes the smooth network become the one that is exported. Both are saved with the layer's
        state."""
        weight = P.weight_forward(self.weight_kind, self.weight_raw, self.total)
        bias = P.bias_forward(self.bias_kind, self.bias_raw, weight, self.bias_offset)
        if self.snap > 0:
            near_weight, near_bias = snapped(weight.detach(), bias.detach(), self.support)
            if self.snap == 1:  # exactly the projection, not w + (near - w), which rounds
                weight = _straight_through(near_weight, weight)
                bias = _straight_through(near_bias, bias)
            else:
                weight = weight + self.snap * (near_weight - weight).detach()
                bias = bias + self.snap * (near_bias - bias).detach()
        return weight, bias, self.scale * self.sharpness

    def step(self, u: Tensor) -> Tensor:
        """The smooth step of this bank."""
        return P.STEPS[self.step_kind](u)

    def activate(self, product: Tensor, bias: Tensor, scale: Tensor, mode: Mode) -> Tensor:
        """From W . x to the output, ``bias`` and ``scale`` already shaped to broadcast: the step, or
        [p (W.x - b) > 0], decided by comparing, because a product with a small p could underflow to 0."""
        if mode is Mode.SMOOTH:
            u = scale * (product - bias)
            if self.sharpness == 1:
                return self.step(u)
            if self.step_kind == "tanh":
                sharp: Tensor = _SharpTanh.apply(u, self.sharpness)
                return sharp
            return _straight_through(self.step(u.detach()), self.step(u / self.sharpness))
        fires = torch.where(scale > 0, product > bias, (scale < 0) & (product < bias))
        return fires.to(torch.float32)

    def extra_repr(self) -> str:
        return (
            f"{super().extra_repr()}, weight={self.weight_kind}, bias={self.bias_kind}, step={self.step_kind}"
        )


class _StraightThrough(torch.autograd.Function):
    """Forward ``value``, backward as if it were ``source``."""

    @staticmethod
    def forward(ctx, value: Tensor, source: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        return value.clone()

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[None, Tensor]:  # type: ignore[no-untyped-def]
        return None, grad


class _SharpTanh(torch.autograd.Function):
    """tanh(u) / 2 + 1/2 with the gradient of tanh(u / sharpness) / 2: a third of the memory traffic of
    composing it, which is most of the time of training a BiSEL."""

    @staticmethod
    def forward(ctx, u: Tensor, sharpness: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(u)
        ctx.sharpness = sharpness
        return torch.tanh(u).mul_(0.5).add_(0.5)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        (u,) = ctx.saved_tensors
        slope = (u / ctx.sharpness).tanh_().square_().neg_().add_(1).mul_(0.5 / ctx.sharpness)
        return slope.mul_(grad), None


def _straight_through(value: Tensor, source: Tensor) -> Tensor:
    result: Tensor = _StraightThrough.apply(value, source)
    return result
