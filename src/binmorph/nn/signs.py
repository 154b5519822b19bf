"""``binmorph::sign``, the one operator that every sign quantizer computes with.

    binmorph::sign(x, gradient="clip", parameter=1.0) -> -1 where x < 0 or x is NaN, else +1; so sign(+-0) =
    +1

Opaque to ``torch.export``, so that one quantizer is one node, and differentiated by the rule that
``gradient`` names (forward is the same for all of them):

    "identity"   dy                                                  straight through
    "clip"       dy [|x| <= t]                                       t = parameter
    "approx"     dy max(0, 2 - 2 |x|)                                piecewise quadratic
    "swish"      dy b (2 - b x tanh(b x / 2)) / (1 + cosh(b x))      b = parameter
    "ede"        dy k t (1 - tanh(t x)^2), k = max(1 / t, 1)         t = parameter
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import DTypeError

GRADIENTS = ("identity", "clip", "approx", "swish", "ede")
"""The rules by name."""


def surrogate(x: Tensor, gradient: str, parameter: float) -> Tensor:
    """The factor of the incoming gradient at ``x``, same shape and dtype; ValueError for an unknown rule."""
    if gradient == "identity":
        return torch.ones_like(x)
    if gradient == "clip":
        return (x.abs() <= parameter).to(x.dtype)
    if gradient == "approx":
        return (2 - 2 * x.abs()).clamp_min(0)
    if gradient == "swish":
        # cosh overflows from 89 on (float32), where the quotient is inf / inf; the slope there is zero.
        u = (parameter * x).clamp(-60, 60)
        return parameter * (2 - u * torch.tanh(u / 2)) / (1 + torch.cosh(u))
    if gradient == "ede":
        return max(1 / parameter, 1.0) * parameter * (1 - torch.tanh(parameter * x) ** 2)
    raise ValueError(f"gradient {gradient!r} is not one of {', '.join(GRADIENTS)}")


@torch.library.custom_op(
    "binmorph::sign",
    mutates_args=(),
    schema="(Tensor x, str gradient='clip', float parameter=1.0) -> Tensor",
)
def sign(x: Tensor, gradient: str = "clip", parameter: float = 1.0) -> Tensor:
    """-1 or +1 of the dtype of ``x``. Raises DTypeError unless ``x`` is floating."""
    _check(x)
    return (x >= 0).to(x.dtype).mul_(2).sub_(1)  # twice as fast as torch.where with two numbers


@sign.register_fake
def _(x: Tensor, gradient: str = "clip", parameter: float = 1.0) -> Tensor:
    _check(x)
    return torch.empty_like(x)


def _check(x: Tensor) -> None:
    if not x.is_floating_point():
        raise DTypeError(
            f"sign: needs a floating tensor, got {x.dtype}; {{0, 1}} bits go through BitsToSigns"
        )


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, ctx.gradient, ctx.parameter = inputs
    ctx.save_for_backward(x)


def _backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None]:
    (x,) = ctx.saved_tensors
    return dy * surrogate(x, ctx.gradient, ctx.parameter), None, None


sign.register_autograd(_backward, setup_context=_save)
