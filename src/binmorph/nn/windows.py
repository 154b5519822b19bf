"""What a window sees, in torch: borders and output sizes, with the convention of :mod:`binmorph.ir`.

The tap at row i, column j of a (kh, kw) window reads x(p + (i - kh // 2, j - kw // 2)), so an even window
reaches one pixel further up and left than down and right, and the output keeps the size of the input."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ShapeError
from ..ir import BORDERS


def as_kernel(kernel_size: int | tuple[int, int]) -> tuple[int, int]:
    """(kh, kw) from an int or a pair; raises ShapeError unless both are at least 1."""
    kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    if kh < 1 or kw < 1:
        raise ShapeError(f"kernel_size {kernel_size!r} must be at least 1 in both directions")
    return kh, kw


def check_border(border: str) -> str:
    """``border`` itself; raises ValueError unless it is one of ``ir.BORDERS``."""
    if border not in BORDERS:
        raise ValueError(f"border {border!r} is not one of {', '.join(BORDERS)}")
    return border


def pad_border(x: Tensor, kernel: tuple[int, int], border: str) -> Tensor:
    """[N, C, H, W] -> [N, C, H + kh - 1, W + kw - 1], or ``x`` itself for "valid"."""
    check_border(border)
    if border == "valid":
        output_size(x.shape[2], x.shape[3], kernel, border)
        return x
    kh, kw = kernel
    sides = (kw // 2, kw - 1 - kw // 2, kh // 2, kh - 1 - kh // 2)
    if border == "replicate":
        return F.pad(x, sides, mode="replicate")
    return F.pad(x, sides, value=float(border == "ones"))


def output_size(height: int, width: int, kernel: tuple[int, int], border: str) -> tuple[int, int]:
    """(H', W') of a window operator; raises ShapeError when a "valid" window does not fit."""
    if check_border(border) != "valid":
        return height, width
    if height < kernel[0] or width < kernel[1]:
        raise ShapeError(f"a {kernel[0]}x{kernel[1]} window does not fit in a {height}x{width} image")
    return height - kernel[0] + 1, width - kernel[1] + 1


class _WindowSums(torch.autograd.Function):
    """A grouped convolution whose input gradient is one too: for few channels several times faster than the
    transposed convolution that torch runs there."""

    @staticmethod
    def forward(ctx, x: Tensor, filters: Tensor, groups: int) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x, filters)
        ctx.groups = groups
        return F.conv2d(x, filters, groups=groups)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # type: ignore[no-untyped-def]
        x, filters = ctx.saved_tensors
        kh, kw = filters.shape[2:]
        own = to_filters = None
        if ctx.needs_input_grad[0]:
            turned = filters.flip(2, 3).view(ctx.groups, -1, kh, kw)
            own = F.conv2d(F.pad(grad, (kw - 1, kw - 1, kh - 1, kh - 1)), turned, groups=ctx.groups)
        if ctx.needs_input_grad[1]:
            to_filters = torch.nn.grad.conv2d_weight(x, filters.shape, grad, groups=ctx.groups)
        return own, to_filters, None


def window_sums(x: Tensor, filters: Tensor) -> Tensor:
    """Each channel of ``x`` [N, C, H, W] through its own O of the ``filters`` [C * O, 1, kh, kw]: [N, C * O,
    H - kh + 1, W - kw + 1], differentiable once."""
    sums: Tensor = _WindowSums.apply(x, filters, x.shape[1])
    return sums
