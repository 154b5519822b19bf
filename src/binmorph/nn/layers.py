"""BiSE, LUI, BiSEL and DenseLUI (Aouad & Talbot), each with a smooth, a hard-float and a hard mode.

- BiSE, binary structuring element neuron: "Binary Morphological Neural Network", ICIP 2022, arXiv 2203.12337.
- LUI and BiSEL: "Binary Multi Channel Morphological Neural Network", DGMM 2022, arXiv 2204.08768.
- DenseLUI, dual weights, binarization: "A foundation for exact binarized morphological neural networks",
  LBQNN 2023, arXiv 2401.03830."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import BinmorphError, FormatError, ShapeError
from ..ir import Neurons
from . import ops  # noqa: F401  (registers torch.ops.binmorph)
from .neurons import HardNeurons, Mode, ThresholdNeurons
from .windows import as_kernel, check_border, pad_border, window_sums


class MorphologicalLayer(nn.Module):
    """Base: a mode, saved with the state, and the neuron banks below."""

    def __init__(self) -> None:
        super().__init__()
        self._mode = Mode.SMOOTH
        self._binarized = False

    def banks(self) -> Iterator[tuple[str, ThresholdNeurons]]:
        """(name, bank) of the trainable neuron banks of this layer."""
        for name, child in self.named_children():
            if isinstance(child, ThresholdNeurons):
                yield name, child

    @property
    def mode(self) -> Mode:
        """How :meth:`forward` evaluates; setting HARD before ``nn.harden`` is a BinmorphError."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode is Mode.HARD and not self._binarized:
            raise BinmorphError(
                f"{type(self).__name__}: has no hard state yet; call binmorph.nn.harden first"
            )
        self._mode = mode

    @property
    def binarized(self) -> bool:
        """Whether the hard state has been filled in."""
        return self._binarized

    def mark_binarized(self) -> None:
        """Declare the hard state of every bank filled in, and evaluate with it from now on."""
        self._binarized = True
        self._mode = Mode.HARD

    def get_extra_state(self) -> Tensor:
        """float64 [2 + 2 * banks]: mode, binarized, then snap and sharpness of each bank. A tensor, so that
        ``weights_only`` loading and safetensors both take it."""
        anneal = [value for _, bank in self.banks() for value in (bank.snap, bank.sharpness)]
        return torch.tensor([self._mode.value, self._binarized, *anneal], dtype=torch.float64)

    def set_extra_state(self, state: Any) -> None:
        mode, binarized, *anneal = (float(value) for value in state)
        banks = [bank for _, bank in self.banks()]
        known = mode in {m.value for m in Mode} and binarized in (0, 1) and len(anneal) == 2 * len(banks)
        if not known or (mode == Mode.HARD.value and not binarized):
            raise FormatError(f"{type(self).__name__}: unknown saved state {state!r}")
        self._mode, self._binarized = Mode(int(mode)), bool(binarized)
        for bank, snap, sharpness in zip(banks, anneal[::2], anneal[1::2], strict=True):
            bank.snap, bank.sharpness = snap, sharpness

    def extra_repr(self) -> str:
        return f"mode={self._mode.name}"


def _float_input(x: Tensor, mode: Mode, bank: ThresholdNeurons) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(x, W, b, p); in float64 for HARD_FLOAT, where a rounding could turn an output over."""
    weight, bias, scale = bank.effective_parameters()
    if mode is Mode.HARD_FLOAT:
        return x.double(), weight.double(), bias.double(), scale.double()
    return x.to(weight.dtype) if not x.is_floating_point() else x, weight, bias, scale


def _bise_float(
    x: Tensor, bank: ThresholdNeurons, kernel: tuple[int, int], border: str, mode: Mode
) -> Tensor:
    """[N, C, H, W] -> [N, C, O, H', W'], float modes of one BiSE neuron per (output, input) pair."""
    outputs, channels = bank.shape
    if x.ndim != 4 or x.shape[1] != channels:
        raise ShapeError(f"made for [N, {channels}, H, W], got {tuple(x.shape)}")
    x, weight, bias, scale = _float_input(x, mode, bank)
    # Grouped by input channel: group c holds the O neurons that read it.
    filters = weight.transpose(0, 1).reshape(channels * outputs, 1, *kernel)
    product = window_sums(pad_border(x, kernel, border), filters)
    product = product.unflatten(1, (channels, outputs))
    return bank.activate(product, bias.T[:, :, None, None], scale.T[:, :, None, None], mode)


def _lui_float(x: Tensor, bank: ThresholdNeurons, mode: Mode) -> Tensor:
    """[N, C, O, H, W] -> [N, O, H, W]: output o joins its own C maps; [N, C, 1, H, W] lends the same maps to
    all."""
    x, weight, bias, scale = _float_input(x, mode, bank)
    if x.shape[2] == 1:
        product = F.conv2d(x[:, :, 0], weight[:, :, None, None])
    else:  # several times faster than einsum or a grouped 1x1 convolution: one contiguous pass
        product = (x * weight.T[:, :, None, None]).sum(1)
    return bank.activate(product, bias[:, None, None], scale[:, None, None], mode)


class BiSE(MorphologicalLayer):
    """One BiSE neuron per (output, input) pair: [N, C, H, W] -> [N, O * C, H', W'], channel o * C + c reads
    input c.

    ``neurons`` keyword arguments (weight, bias, step, scale_init ...) are those of :class:`ThresholdNeurons`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        border: str = "replicate",
        **neurons: Any,
    ) -> None:
        super().__init__()
        self.kernel, self.border = as_kernel(kernel_size), check_border(border)
        self.bise = ThresholdNeurons((out_channels, in_channels), self.kernel[0] * self.kernel[1], **neurons)

    def neurons(self) -> Neurons:
        """The hard state, Neurons [O, C] with n = kh * kw."""
        return self.bise.neurons()

    def forward(self, x: Tensor) -> Tensor:
        if self.mode is not Mode.HARD:
            return (
                _bise_float(x, self.bise, self.kernel, self.border, self.mode).transpose(1, 2).flatten(1, 2)
            )
        # As a BiSEL of O * C outputs: neuron (o, c) on channel c, constant zero on the others, united.
        outputs, channels = self.bise.shape
        own = torch.eye(channels, dtype=torch.bool, device=x.device).repeat(outputs, 1)
        spread = [t.flatten(0, 1).unsqueeze(1) for t in (self.bise.plus, self.bise.minus)]
        plus, minus = ((t & own[:, :, None]).unflatten(2, self.kernel) for t in spread)
        threshold = torch.where(own, self.bise.threshold.flatten()[:, None], 1)
        invert = self.bise.invert.flatten()[:, None] & own
        first, none = torch.ones_like(own[:, 0], dtype=torch.int32), torch.zeros_like(own[:, 0])
        return torch.ops.binmorph.bisel(
            x, plus, minus, threshold, invert, own, torch.zeros_like(own), first, none, self.border
        )


class LUI(MorphologicalLayer):
    """Layer union-intersection: a 1x1 threshold neuron across channels, [N, C, H, W] -> [N, O, H, W]."""

    def __init__(self, channels: int, out_channels: int, **neurons: Any) -> None:
        super().__init__()
        self.lui = ThresholdNeurons((out_channels,), channels, **{"init": "constant", **neurons})

    def neurons(self) -> Neurons:
        """The hard state, Neurons [O] with n = C."""
        return self.lui.neurons()

    def forward(self, x: Tensor) -> Tensor:
        (outputs,), channels = self.lui.shape, self.lui.n
        if x.ndim != 4 or x.shape[1] != channels:
            raise ShapeError(f"LUI: made for [N, {channels}, H, W], got {tuple(x.shape)}")
        if self.mode is not Mode.HARD:
            return _lui_float(x.unsqueeze(2), self.lui, self.mode)
        passes = torch.ones((outputs, channels, 1, 1), dtype=torch.bool, device=x.device)
        one, off = passes[:, :, 0, 0].to(torch.int32), torch.zeros_like(passes)
        return torch.ops.binmorph.bisel(
            x, passes, off, one, off[:, :, 0, 0],
            self.lui.plus, self.lui.minus, self.lui.threshold, self.lui.invert, "valid",
        )  # fmt: skip


class BiSEL(MorphologicalLayer):
    """Multi-channel morphology: a BiSE per (output, input) pair, then a LUI per output over its own C maps.

    [N, C, H, W] -> [N, O, H', W']. ``lui`` gives keyword arguments for the LUI neurons where they differ from
    the BiSE's. With one input channel the LUI is the identity and has no parameters, as in the papers. With
    zero padding ("zeros") dilations and erosions are not dual at the border; "replicate" (default) keeps them
    so."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        border: str = "replicate",
        lui: dict[str, Any] | None = None,
        **neurons: Any,
    ) -> None:
        super().__init__()
        self.kernel, self.border = as_kernel(kernel_size), check_border(border)
        self.bise = ThresholdNeurons((out_channels, in_channels), self.kernel[0] * self.kernel[1], **neurons)
        options = {**neurons, "init": "constant", "input_mean": 0.5, **(lui or {})}
        self.lui: HardNeurons = (
            HardNeurons.identity((out_channels,))
            if in_channels == 1
            else ThresholdNeurons((out_channels,), in_channels, **options)
        )

    def neurons(self) -> tuple[Neurons, Neurons]:
        """The hard state (bise, lui): Neurons [O, C] with n = kh * kw and Neurons [O] with n = C."""
        return self.bise.neurons(), self.lui.neurons()

    def forward(self, x: Tensor) -> Tensor:
        if self.mode is not Mode.HARD:
            maps = _bise_float(x, self.bise, self.kernel, self.border, self.mode)
            trained = isinstance(self.lui, ThresholdNeurons)
            return _lui_float(maps, self.lui, self.mode) if trained else maps[:, 0]
        bise, lui = self.bise, self.lui
        plus, minus = bise.plus.unflatten(2, self.kernel), bise.minus.unflatten(2, self.kernel)
        return torch.ops.binmorph.bisel(
            x, plus, minus, bise.threshold, bise.invert,
            lui.plus, lui.minus, lui.threshold, lui.invert, self.border,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, border={self.border!r}, {super().extra_repr()}"


class DenseLUI(MorphologicalLayer):
    """Fully connected LUI: [N, K] -> [N, O]."""

    def __init__(self, in_features: int, out_features: int, **neurons: Any) -> None:
        super().__init__()
        self.lui = ThresholdNeurons((out_features,), in_features, **neurons)

    def neurons(self) -> Neurons:
        """The hard state, Neurons [O] with n = K."""
        return self.lui.neurons()

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != self.lui.n:
            raise ShapeError(
                f"DenseLUI: made for [N, {self.lui.n}], got {tuple(x.shape)}; put a Flatten in front"
            )
        if self.mode is not Mode.HARD:
            x, weight, bias, scale = _float_input(x, self.mode, self.lui)
            return self.lui.activate(F.linear(x, weight), bias, scale, self.mode)
        lui = self.lui
        return torch.ops.binmorph.threshold_dense(x, lui.plus, lui.minus, lui.threshold, lui.invert)
