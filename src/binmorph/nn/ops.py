"""The hard layers as torch custom operators: the reference that every packed kernel is compared with.

Opaque to ``torch.export``, so one layer is one node. All return float32 tensors of exact 0 and 1:

    binmorph::level_sets(x[N,C,H,W], values[C,n])                                      -> [N, C*n, H, W]
    binmorph::bisel(x[N,C,H,W], bise_*[O,C,...], lui_*[O,...], border)                 -> [N, O, H', W']
    binmorph::threshold_dense(x[N,K], plus[O,K], minus[O,K], threshold[O], invert[O])  -> [N, O]
    binmorph::truth_table(x[N,C,H,W], channels[O,m], table[O,2^n], kernel, border)     -> [N, O, H', W']

Masks and ``invert`` are bool, thresholds int32. A neuron fires when
[count(x & plus) - count(x & minus) >= threshold] xor invert; see :mod:`binmorph.ir`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import DomainError, DTypeError, ShapeError
from .windows import output_size, pad_border


def require_binary(x: Tensor, what: str) -> None:
    """Raise DomainError unless every value of ``x`` is 0 or 1 (NaN is neither). Synchronises the device."""
    if x.dtype == torch.bool:
        return
    bad = ~((x == 0) | (x == 1))
    if bool(bad.any()):
        at = [int(i) for i in bad.nonzero()[0]]
        raise DomainError(
            f"{what}: a hard layer reads only 0 and 1, but input{at} = {x[tuple(at)].item()!r}; "
            "put a LevelSets layer in front, or threshold the input"
        )


def _fire(count: Tensor, threshold: Tensor, invert: Tensor) -> Tensor:
    """[count >= threshold] xor invert. Counts are integers up to 2^24, so comparing half a unit lower is the
    same in exact arithmetic and forgives a backend whose convolution (Winograd, FFT) misses an integer by a
    rounding."""
    return (count > threshold.to(torch.float32) - 0.5) ^ invert


def _signed(plus: Tensor, minus: Tensor) -> Tensor:
    return plus.to(torch.float32) - minus.to(torch.float32)


@torch.library.custom_op(
    "binmorph::level_sets", mutates_args=(), schema="(Tensor x, Tensor values) -> Tensor"
)
def level_sets(x: Tensor, values: Tensor) -> Tensor:
    """Output channel c * n + i is [x[:, c] >= values[c, i]]; ``x`` float32 or uint8, ``values`` float32."""
    _check_level_sets(x, values)
    bits = x.unsqueeze(2) >= values[None, :, :, None, None]
    return bits.flatten(1, 2).to(torch.float32)


@level_sets.register_fake
def _(x: Tensor, values: Tensor) -> Tensor:
    _check_level_sets(x, values)
    n, _, height, width = x.shape
    return x.new_empty((n, values.shape[0] * values.shape[1], height, width), dtype=torch.float32)


def _check_level_sets(x: Tensor, values: Tensor) -> None:
    if x.dtype not in (torch.float32, torch.uint8) or values.dtype != torch.float32:
        raise DTypeError(
            f"level_sets: x must be float32 or uint8 and values float32, got {x.dtype} and {values.dtype}"
        )
    if x.ndim != 4 or values.ndim != 2 or x.shape[1] != values.shape[0]:
        raise ShapeError(
            f"level_sets: {len(values)} rows of values need x [N, {len(values)}, H, W], not {tuple(x.shape)}"
        )


@torch.library.custom_op(
    "binmorph::bisel",
    mutates_args=(),
    schema="(Tensor x, Tensor bise_plus, Tensor bise_minus, Tensor bise_threshold, Tensor bise_invert, "
    "Tensor lui_plus, Tensor lui_minus, Tensor lui_threshold, Tensor lui_invert, str border) -> Tensor",
)
def bisel(
    x: Tensor,
    bise_plus: Tensor,
    bise_minus: Tensor,
    bise_threshold: Tensor,
    bise_invert: Tensor,
    lui_plus: Tensor,
    lui_minus: Tensor,
    lui_threshold: Tensor,
    lui_invert: Tensor,
    border: str,
) -> Tensor:
    """One BiSE neuron [O, C] per (output, input) pair over its kh x kw window, then one LUI neuron [O] over
    C.

    Raises ShapeError if the channels or the window do not fit, DomainError if ``x`` is not binary.
    """
    _check_bisel(x, bise_plus)
    require_binary(x, "bisel")
    outputs, channels, kh, kw = bise_plus.shape
    with torch.autocast(x.device.type, enabled=False):  # bfloat16 counts only to 256
        padded = pad_border(x.to(torch.float32), (kh, kw), border)
        # Grouped by input channel: group c holds the O neurons that read it.
        weight = _signed(bise_plus, bise_minus).transpose(0, 1).reshape(channels * outputs, 1, kh, kw)
        count = F.conv2d(padded, weight, groups=channels).unflatten(1, (channels, outputs))
        fires = _fire(count, bise_threshold.T[:, :, None, None], bise_invert.T[:, :, None, None])
        union = torch.einsum("ncohw,oc->nohw", fires.to(torch.float32), _signed(lui_plus, lui_minus))
        bits = _fire(union, lui_threshold[:, None, None], lui_invert[:, None, None])
        return bits.to(torch.float32).contiguous()  # einsum may have left the batch innermost


@bisel.register_fake
def _(
    x: Tensor,
    bise_plus: Tensor,
    bise_minus: Tensor,
    bise_threshold: Tensor,
    bise_invert: Tensor,
    lui_plus: Tensor,
    lui_minus: Tensor,
    lui_threshold: Tensor,
    lui_invert: Tensor,
    border: str,
) -> Tensor:
    _check_bisel(x, bise_plus)
    outputs, _, kh, kw = bise_plus.shape
    height, width = output_size(x.shape[2], x.shape[3], (kh, kw), border)
    return x.new_empty((x.shape[0], outputs, height, width), dtype=torch.float32)


def _check_bisel(x: Tensor, bise_plus: Tensor) -> None:
    if bise_plus.ndim != 4 or x.ndim != 4 or x.shape[1] != bise_plus.shape[1]:
        raise ShapeError(
            f"bisel: masks {tuple(bise_plus.shape)} must be [O, C, kh, kw] and x [N, C, H, W], "
            f"got x {tuple(x.shape)}"
        )


@torch.library.custom_op(
    "binmorph::threshold_dense",
    mutates_args=(),
    schema="(Tensor x, Tensor plus, Tensor minus, Tensor threshold, Tensor invert) -> Tensor",
)
def threshold_dense(x: Tensor, plus: Tensor, minus: Tensor, threshold: Tensor, invert: Tensor) -> Tensor:
    """Threshold neurons [O] over all K inputs. Raises ShapeError, or DomainError if ``x`` is not binary."""
    _check_dense(x, plus)
    require_binary(x, "threshold_dense")
    with torch.autocast(x.device.type, enabled=False):
        count = F.linear(x.to(torch.float32), _signed(plus, minus))
        return _fire(count, threshold, invert).to(torch.float32)


@threshold_dense.register_fake
def _(x: Tensor, plus: Tensor, minus: Tensor, threshold: Tensor, invert: Tensor) -> Tensor:
    _check_dense(x, plus)
    return x.new_empty((x.shape[0], plus.shape[0]), dtype=torch.float32)


def _check_dense(x: Tensor, plus: Tensor) -> None:
    if plus.ndim != 2 or x.ndim != 2 or x.shape[1] != plus.shape[1]:
        raise ShapeError(
            f"threshold_dense: masks {tuple(plus.shape)} must be [O, K] and x [N, K], got x {tuple(x.shape)}"
        )


@torch.library.custom_op(
    "binmorph::truth_table",
    mutates_args=(),
    schema="(Tensor x, Tensor channels, Tensor table, int[] kernel, str border) -> Tensor",
)
def truth_table(x: Tensor, channels: Tensor, table: Tensor, kernel: list[int], border: str) -> Tensor:
    """Entry sum_i x_i 2^i of ``table`` bool [O, 2^n], n = m kh kw: the windows of ``channels`` int32 [O, m],
    inputs in the order [channel][row][column]. Raises ShapeError, or DomainError if ``x`` is not binary."""
    kh, kw = _check_table(x, channels, table, kernel)
    require_binary(x, "truth_table")
    height, width = output_size(x.shape[2], x.shape[3], (kh, kw), border)
    padded = pad_border(x.to(torch.float32), (kh, kw), border).to(torch.int64)
    index = torch.zeros((len(x), len(channels), height, width), dtype=torch.int64, device=x.device)
    taps = [(c, i, j) for c in range(channels.shape[1]) for i in range(kh) for j in range(kw)]
    for digit, (c, i, j) in enumerate(taps):
        index += padded[:, channels[:, c].long(), i : i + height, j : j + width] << digit
    outputs = torch.arange(len(channels), device=x.device)[:, None, None]
    return table[outputs, index].to(torch.float32)


@truth_table.register_fake
def _(x: Tensor, channels: Tensor, table: Tensor, kernel: list[int], border: str) -> Tensor:
    size = _check_table(x, channels, table, kernel)
    height, width = output_size(x.shape[2], x.shape[3], size, border)
    return x.new_empty((x.shape[0], channels.shape[0], height, width), dtype=torch.float32)


def _check_table(x: Tensor, channels: Tensor, table: Tensor, kernel: list[int]) -> tuple[int, int]:
    kh, kw = kernel
    entries = 2 ** (channels.shape[1] * kh * kw)
    if x.ndim != 4 or tuple(table.shape) != (channels.shape[0], entries):
        raise ShapeError(
            f"truth_table: the table must be [{channels.shape[0]}, {entries}] and x [N, C, H, W], "
            f"got {tuple(table.shape)} and {tuple(x.shape)}"
        )
    return kh, kw
