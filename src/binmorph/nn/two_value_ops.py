"""``binmorph::two_value_conv2d`` and ``binmorph::two_value_linear``: sums with {alpha, beta} weights.

    binmorph::two_value_conv2d(x[N,C,H,W], bits[O,C/g,kh,kw], difference[O], low[O],
                               int[2] stride, int[2] padding, int[2] dilation, int groups) -> [N,O,H',W']
    binmorph::two_value_linear(x[N,K], bits[O,K], difference[O], low[O])                   -> [N,O]

``x`` holds -1 and +1, or 0 and 1; ``bits`` 0 and 1; all float32. ``padding`` pads with true zeros, in pixels,
as ``aten.conv2d`` does; any other border is padded in front of the op. ``difference`` = alpha - beta, ``low``
= beta. With the integers R = sum of x over the ones of the weight and A = sum of x over the whole window (of
the output's group), both exact in float32 up to 2^24,

    y = fma(difference, R, fl(low A))

with two roundings to float32 in all. This, not a convolution with the float weights, is the value that the
packed layer computes. Gradients are those of the convolution with weights difference bits + low.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import DTypeError, ShapeError


def fma(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """a b + c rounded once, for float32 tensors of one shape (or broadcast).

    The product is exact in float64. The sum is rounded there to odd (the last bit set if anything was lost),
    after which rounding to float32 is the rounding of the exact sum: 53 bits are at least 24 + 2 (Boldo and
    Melquiond 2008).
    """
    p, c64 = a.double() * b.double(), c.double()
    s = p + c64
    c_part = s - p
    lost = (p - (s - c_part)) + (c64 - c_part)  # exact (Knuth's two-sum)
    bits = s.contiguous().view(torch.int64)
    away = torch.where((lost > 0) == (s > 0), 1, -1)
    odd = torch.where((lost.abs() > 0) & (bits % 2 == 0), bits + away, bits)
    return odd.view(torch.float64).float()


def _combine(difference: Tensor, low: Tensor, ones: Tensor, window: Tensor) -> Tensor:
    shape = (-1, *[1] * (ones.ndim - 2))
    repeated = window.repeat_interleave(ones.shape[1] // window.shape[1], 1)
    return fma(difference.view(shape), ones, low.view(shape) * repeated)


def _window_weight(bits: Tensor, groups: int) -> Tensor:
    return bits.new_ones((groups, *bits.shape[1:]))


def conv2d_sums(
    x: Tensor, bits: Tensor, stride: list[int], padding: list[int], dilation: list[int], groups: int
) -> tuple[Tensor, Tensor]:
    """(R [N, O, H', W'], A [N, groups, H', W']): the two integer sums; see the module."""
    ones = F.conv2d(x, bits, None, stride, padding, dilation, groups)
    return ones, F.conv2d(x, _window_weight(bits, groups), None, stride, padding, dilation, groups)


CONV_SCHEMA = (
    "(Tensor x, Tensor bits, Tensor difference, Tensor low, int[2] stride, int[2] padding, int[2] dilation, "
    "int groups) -> Tensor"
)


@torch.library.custom_op("binmorph::two_value_conv2d", mutates_args=(), schema=CONV_SCHEMA)
def two_value_conv2d(
    x: Tensor,
    bits: Tensor,
    difference: Tensor,
    low: Tensor,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
) -> Tensor:
    """See the module. Raises DTypeError, ShapeError."""
    _check(x, bits, difference, low)
    with torch.autocast(x.device.type, enabled=False):
        sums = conv2d_sums(x, bits, stride, padding, dilation, groups)
        return _combine(difference, low, *sums).contiguous()


@two_value_conv2d.register_fake
def _(
    x: Tensor,
    bits: Tensor,
    difference: Tensor,
    low: Tensor,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
) -> Tensor:
    _check(x, bits, difference, low)
    return torch.empty_like(
        F.conv2d(x, bits, None, stride, padding, dilation, groups), memory_format=torch.contiguous_format
    )


@torch.library.custom_op(
    "binmorph::two_value_linear",
    mutates_args=(),
    schema="(Tensor x, Tensor bits, Tensor difference, Tensor low) -> Tensor",
)
def two_value_linear(x: Tensor, bits: Tensor, difference: Tensor, low: Tensor) -> Tensor:
    """See the module. Raises DTypeError, ShapeError."""
    _check(x, bits, difference, low)
    with torch.autocast(x.device.type, enabled=False):
        return _combine(difference, low, F.linear(x, bits), x.sum(1, keepdim=True))


@two_value_linear.register_fake
def _(x: Tensor, bits: Tensor, difference: Tensor, low: Tensor) -> Tensor:
    _check(x, bits, difference, low)
    return x.new_empty((x.shape[0], bits.shape[0]))


def _check(x: Tensor, bits: Tensor, difference: Tensor, low: Tensor) -> None:
    if any(t.dtype != torch.float32 for t in (x, bits, difference, low)):
        raise DTypeError(f"two_value: every operand is float32, got {x.dtype} inputs and {bits.dtype} bits")
    if x.ndim != bits.ndim or difference.shape != low.shape or difference.shape != bits.shape[:1]:
        raise ShapeError(
            f"two_value: bits {tuple(bits.shape)} need difference and low [{bits.shape[0]}] and inputs of as "
            f"many dimensions, got {tuple(difference.shape)}, {tuple(low.shape)} and {tuple(x.shape)}"
        )


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:4])
    ctx.geometry = inputs[4:]


def _backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    saved = [t.detach().requires_grad_() for t in ctx.saved_tensors]
    with torch.enable_grad():
        x, bits, difference, low = saved
        shape = (-1, *[1] * (bits.ndim - 1))
        weight = difference.view(shape) * bits + low.view(shape)
        y = F.conv2d(x, weight, None, *ctx.geometry) if ctx.geometry else F.linear(x, weight)
        grads = torch.autograd.grad(y, saved, dy)
    return (*grads, *[None] * len(ctx.geometry))


two_value_conv2d.register_autograd(_backward, setup_context=_save)
two_value_linear.register_autograd(_backward, setup_context=_save)
