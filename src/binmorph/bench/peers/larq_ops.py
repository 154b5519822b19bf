"""Larq Compute Engine: binary networks in its own operators, float layers in those of TFLite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..contest import Absent, System
from ..networks import Bits, Floats, Ints
from .larq_model import LarqModel

Array = npt.NDArray[Any]
VALID = 1
WORD = 32
OUTSIDE = np.full((), -1, np.int32)  # a set bit is -1


@dataclass(frozen=True)
class _Sums:
    """A convolution whose constants may still change, so that what follows is part of it, as in models of its
    converter: ``emit(scale, shift, relu)`` adds it."""

    emit: Callable[[Floats, Floats, bool], int]
    scale: Floats
    shift: Floats


@dataclass(frozen=True)
class _Layer:
    """Sums, and ``pack`` that adds the layer with packed bits as its output."""

    sums: _Sums
    pack: Callable[[], int]
    channels: int


@dataclass(frozen=True)
class _Bits:
    """Numbers with the threshold that makes them bits, or packed words of ``channels``. ``order`` says from
    which place of a flattened image each of its channels comes, where it was flattened."""

    tensor: int
    channels: int
    threshold: Floats | None = None
    order: Ints | None = None


class LarqNetwork:
    """A network of ``binmorph.bench.networks``, channels-last. Its bits are set where they stand for -1. Its
    own padding knows 0 and +1: for -1 words are padded by an operator of TFLite, which costs little."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        n, channels, height, width = shape if len(shape) == 4 else (*shape, 1, 1)
        self._model = LarqModel((n, height, width, channels))

    def system(self, name: str, output: Any, x: Array, threads: int) -> System:
        """The network that ends in ``output`` on the images ``x`` [N, C, H, W] or [N, K]."""
        images = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x[:, None, None]
        end = self._tensor(output)
        made = self._model.system(name, end, np.ascontiguousarray(images), threads)
        if len(self._model.shape(end)) == 2:
            return made
        return replace(made, output=lambda: np.ascontiguousarray(made.output().transpose(0, 3, 1, 2)))

    def _tensor(self, x: Any) -> int:
        return int(x.emit(x.scale, x.shift, False)) if isinstance(x, _Sums) else int(x)

    def _padded(self, x: int, padding: int, value: Array, dtype: str) -> int:
        if not padding:
            return x
        n, height, width, channels = self._model.shape(x)
        sides = np.array([[0, 0], [padding] * 2, [padding] * 2, [0, 0]], np.int32)
        inputs = [x, self._model.constant(sides)]
        inputs += [self._model.constant(value)] if value.any() else []
        kind, options = ("PADV2", "PadV2Options") if value.any() else ("PAD", "PadOptions")
        shape = (n, height + 2 * padding, width + 2 * padding, channels)
        return self._model.add(kind, inputs, shape, dtype, options)

    def input(self) -> int:
        return self._model.input

    def signs(self, x: Any, threshold: Floats) -> _Bits:
        tensor = self._tensor(x)
        return _Bits(tensor, self._model.shape(tensor)[-1], threshold)

    def _bits(self, x: _Bits | _Layer) -> _Bits:
        return _Bits(x.pack(), x.channels) if isinstance(x, _Layer) else x

    def _packed(self, bits: _Bits) -> int:
        """Set where a number is below its threshold."""
        if bits.threshold is None:
            return bits.tensor
        tensor, shape = bits.tensor, self._model.shape(bits.tensor)
        if bits.threshold.any():
            inputs = [tensor, self._model.constant(bits.threshold)]
            tensor = self._model.add("SUB", inputs, shape, options="SubOptions")
        return self._model.add("LceQuantize", [tensor], (*shape[:3], -(-shape[3] // WORD)), "int32")

    def binary_conv(
        self, x: _Bits | _Layer, weight: Bits, threshold: Ints, stride: int, padding: int
    ) -> _Layer:
        outputs, channels, kernel = weight.shape[:3]
        if padding and channels % WORD:
            raise Absent("pads words of 32 channels only")
        words = self._padded(self._packed(self._bits(x)), padding, OUTSIDE, "int32")
        n, height, width, size = self._model.shape(words)
        sides = ((height - kernel) // stride + 1, (width - kernel) // stride + 1)
        masks = np.zeros((outputs, kernel, kernel, size * WORD), bool)
        masks[..., :channels] = ~weight.transpose(0, 2, 3, 1)
        filters = np.packbits(masks, axis=-1, bitorder="little").view(np.int32)
        # K - 2 d reaches the threshold, d products being -1, unless d is above half of the rest.
        limit = ((channels * kernel * kernel - threshold) // 2).astype(np.int32)

        def add(scale: Floats, shift: Floats, last: int, dtype: str) -> int:
            return self._model.add(
                "LceBconv2d",
                [words, *(self._model.constant(values) for values in (filters, scale, shift, limit))],
                (n, *sides, last),
                dtype,
                channels_in=channels,
                dilation_height_factor=1,
                dilation_width_factor=1,
                fused_activation_function=0,
                pad_values=1,
                padding=VALID,
                stride_height=stride,
                stride_width=stride,
            )

        def emit(scale: Floats, shift: Floats, relu: bool) -> int:
            sums = add(scale, shift, outputs, "float32")
            return self.relu(sums) if relu else sums

        ones, zeros = np.ones(outputs, np.float32), np.zeros(outputs, np.float32)
        sums = _Sums(emit, ones, zeros)
        return _Layer(sums, lambda: add(ones, zeros, -(-outputs // WORD), "int32"), outputs)

    def binary_dense(self, x: _Bits | _Layer, weight: Bits, threshold: Ints) -> _Layer:
        bits = self._bits(x)
        ordered = weight if bits.order is None else weight[:, bits.order]
        return self.binary_conv(bits, ordered[:, :, None, None], threshold, 1, 0)

    def sums(self, x: _Layer) -> _Sums:
        """What a layer compares with its thresholds."""
        return x.sums

    def sign_conv(self, x: Any, threshold: Floats, weight: Bits, stride: int) -> _Sums:
        none = np.zeros(len(weight), np.int32)
        return self.binary_conv(self.signs(x, threshold), weight, none, stride, 1).sums

    def pool_bits(self, x: _Bits | _Layer) -> _Bits:
        words = self._packed(self._bits(x))
        n, height, width, size = self._model.shape(words)
        fields: dict[str, Any] = dict.fromkeys(
            ("filter_height", "filter_width", "stride_height", "stride_width"), 2
        )
        shape = (n, height // 2, width // 2, size)
        pooled = self._model.add("LceBMaxPool2d", [words], shape, "int32", padding=VALID, **fields)
        return _Bits(pooled, x.channels)

    def flatten_bits(self, x: _Bits | _Layer) -> _Bits:
        x = self._bits(x)
        n, height, width, size = self._model.shape(x.tensor)
        if height * width == 1:
            return x
        if x.threshold is None and x.channels % WORD:
            raise Absent("flattens words of 32 channels only")
        shape, dtype = (n, 1, 1, height * width * size), "float32" if x.threshold is not None else "int32"
        flat = self._reshaped(x.tensor, shape, dtype)
        places = np.arange(x.channels * height * width).reshape(x.channels, height, width)
        threshold = None if x.threshold is None else np.tile(x.threshold, height * width)
        return _Bits(flat, places.size, threshold, places.transpose(1, 2, 0).ravel())

    def _reshaped(self, x: int, shape: tuple[int, ...], dtype: str) -> int:
        to = self._model.constant(np.array(shape, np.int32))
        return self._model.add("RESHAPE", [x, to], shape, dtype, "ReshapeOptions", newShape=list(shape))

    def scores(self, x: _Bits | _Layer, weight: Floats, bias: Floats) -> int:
        x = self._bits(x)
        words = self._packed(x)
        shape = (*self._model.shape(words)[:3], x.channels)
        numbers = self._model.add("LceDequantize", [words], shape)
        return self._linear(numbers, weight if x.order is None else weight[:, x.order], bias)

    def _linear(self, x: int, weight: Floats, bias: Floats) -> int:
        flat = self._reshaped(x, (self._model.shape(x)[0], weight.shape[1]), "float32")
        inputs = [flat, self._model.constant(weight), self._model.constant(bias)]
        shape = (self._model.shape(x)[0], len(weight))
        return self._model.add("FULLY_CONNECTED", inputs, shape, options="FullyConnectedOptions")

    def conv(self, x: Any, weight: Floats, stride: int, padding: int) -> _Sums:
        image = self._padded(self._tensor(x), padding, np.zeros(()), "float32")
        n, height, width, _ = self._model.shape(image)
        kernel, outputs = weight.shape[2], len(weight)
        shape = (n, (height - kernel) // stride + 1, (width - kernel) // stride + 1, outputs)

        def emit(scale: Floats, shift: Floats, relu: bool) -> int:
            filters = (weight * scale[:, None, None, None]).transpose(0, 2, 3, 1)
            inputs = [image, self._model.constant(filters), self._model.constant(shift)]
            fields: dict[str, Any] = {"padding": VALID, "strideW": stride, "strideH": stride}
            fields["fusedActivationFunction"] = int(relu)
            return self._model.add("CONV_2D", inputs, shape, options="Conv2DOptions", **fields)

        return _Sums(emit, np.ones(outputs, np.float32), np.zeros(outputs, np.float32))

    def affine(self, x: _Sums, scale: Floats, shift: Floats) -> _Sums:
        return replace(x, scale=x.scale * scale, shift=x.shift * scale + shift)

    def relu(self, x: Any) -> int:
        if isinstance(x, _Sums):
            return x.emit(x.scale, x.shift, True)
        return self._model.add("RELU", [x], self._model.shape(x))

    def max_pool(self, x: Any) -> int:
        """Of numbers that are 0 or more, as they are behind a ReLU: outside of the image is 0."""
        image = self._padded(self._tensor(x), 1, np.zeros(()), "float32")
        return self._pooled("MAX_POOL_2D", image, 3)

    def average_pool(self, x: Any) -> int:
        return self._pooled("AVERAGE_POOL_2D", self._tensor(x), 2)

    def _pooled(self, kind: str, x: int, kernel: int) -> int:
        n, height, width, channels = self._model.shape(x)
        shape = (n, (height - kernel) // 2 + 1, (width - kernel) // 2 + 1, channels)
        fields: dict[str, Any] = {"strideW": 2, "strideH": 2, "filterWidth": kernel, "filterHeight": kernel}
        return self._model.add(kind, [x], shape, options="Pool2DOptions", padding=VALID, **fields)

    def add(self, x: Any, y: Any) -> int:
        inputs = [self._tensor(x), self._tensor(y)]
        return self._model.add("ADD", inputs, self._model.shape(inputs[0]), options="AddOptions")

    def head(self, x: Any, weight: Floats, bias: Floats) -> int:
        image = self._tensor(x)
        n, _, _, channels = self._model.shape(image)
        inputs = [image, self._model.constant(np.array([1, 2], np.int32))]
        mean = self._model.add("MEAN", inputs, (n, channels), options="ReducerOptions")
        return self._linear(mean, weight, bias)

    def two_value_conv(
        self, x: Any, threshold: Floats, alphas: Bits, values: tuple[float, float], stride: int
    ) -> Any:
        raise Absent("binary convolutions know only weights of -1 and +1")

    def bisel(self, x: Any, *layer: Any) -> Any:
        raise Absent("has no operator for BiSEL layers")
