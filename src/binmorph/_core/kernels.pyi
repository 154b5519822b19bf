"""Every registered kernel by name, for tests and benchmarks: one function per operation.

``kernel`` is a name from :func:`list_kernels`. Arrays are C-contiguous and of any shape with the right number
of elements; without ``out`` the result is a new array.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_Words = npt.NDArray[np.uint64]
_Bytes = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float32]
_Uint32s = npt.NDArray[np.uint32]

PLANE_BLOCK_WORDS: int
DECISION_BLOCK_WORDS: int

def list_kernels() -> list[tuple[str, str, str, bool]]: ...
def concat_bits(
    kernel: str, parts: Sequence[_Words], channels: Sequence[int], pixels: int, out: _Words | None = None
) -> _Words: ...
def concat_values(
    kernel: str, parts: Sequence[_Floats], channels: Sequence[int], pixels: int, out: _Floats | None = None
) -> _Floats: ...
def elementwise_f32(
    kernel: str,
    src: _Floats,
    src_pitch: int,
    channels: int,
    steps: Sequence[tuple[Any, ...]],
    pixels: int,
    pixel_range: Sequence[int],
    blocks: Sequence[int],
) -> None: ...
def elementwise_i16(
    kernel: str,
    src: npt.NDArray[np.int16],
    src_pitch: int,
    channels: int,
    steps: Sequence[tuple[Any, ...]],
    pixels: int,
    pixel_range: Sequence[int],
    blocks: Sequence[int],
) -> None: ...
def elementwise_i32(
    kernel: str,
    src: npt.NDArray[np.int32],
    src_pitch: int,
    channels: int,
    steps: Sequence[tuple[Any, ...]],
    pixels: int,
    pixel_range: Sequence[int],
    blocks: Sequence[int],
) -> None: ...
def flatten(kernel: str, src: _Words, rows: int, width: int, out: _Words | None = None) -> _Words: ...
def flatten_values(
    kernel: str, src: _Floats, pixels: int, channels: int, out: _Floats | None = None
) -> _Floats: ...
def float_pool(
    kernel: str,
    src: _Floats,
    shape: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    average: bool = False,
    padding: Sequence[int] = (0, 0),
    rows: Sequence[int] | None = None,
    out: _Floats | None = None,
) -> _Floats: ...
def images_to_planes(
    kernel: str,
    images: _Words,
    count: int,
    image_words: int,
    bits: int,
    lane_words: int,
    out: _Words | None = None,
) -> _Words: ...
def level_set_f32(
    kernel: str, src: _Floats, rows: int, width: int, value: float, out: _Words | None = None
) -> _Words: ...
def level_set_u8(
    kernel: str, src: _Bytes, rows: int, width: int, value: float, out: _Words | None = None
) -> _Words: ...
def level_sets_f32(
    kernel: str,
    src: _Floats,
    values: _Floats,
    pixels: int,
    channels: int,
    levels: int,
    out: _Words | None = None,
) -> _Words: ...
def level_sets_i32(
    kernel: str,
    src: npt.NDArray[np.int32],
    values: _Floats,
    pixels: int,
    channels: int,
    levels: int,
    out: _Words | None = None,
) -> _Words: ...
def linear_bits(
    kernel: str,
    x: _Words,
    bits: int,
    weight: _Floats,
    bias: _Floats,
    out: _Floats | None = None,
    images: int = 1,
) -> _Floats: ...
def max_pool_planes(
    kernel: str,
    src: _Words,
    shape: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    lane_words: int,
    out: _Words | None = None,
) -> _Words: ...
def max_pool_rows(
    kernel: str,
    src: _Words,
    shape: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    out: _Words | None = None,
) -> _Words: ...
def morphology2d(
    kernel: str,
    points: npt.NDArray[np.int32],
    shape: tuple[int, int, int],
    dilate: bool,
    border: bool,
    src: _Words,
    src_first: int,
    begin: int,
    end: int,
    out: _Words | None = None,
) -> _Words: ...
def pack_binary_f32(
    kernel: str, src: _Floats, rows: int, width: int, out: _Words | None = None
) -> _Words | None: ...
def pack_binary_u8(
    kernel: str, src: _Bytes, rows: int, width: int, out: _Words | None = None
) -> _Words | None: ...
def planes_to_images(
    kernel: str,
    planes: _Words,
    lane_words: int,
    bits: int,
    count: int,
    image_words: int,
    out: _Words | None = None,
) -> _Words: ...
def thin_pass(
    kernel: str,
    rule: int,
    height: int,
    width: int,
    src: _Words,
    begin: int,
    end: int,
    out: _Words | None = None,
) -> tuple[_Words, bool]: ...
def decision_planes(
    kernel: str,
    decisions: _Uint32s,
    slots: int,
    outputs: int,
    src: _Words,
    rows: int,
    row_words: int,
    src_row_pitch: int,
    dst_plane_pitch: int,
    out: _Words | None = None,
    scratch: _Words | None = None,
) -> _Words: ...
def threshold_planes(
    kernel: str,
    taps: _Uint32s,
    terms: _Uint32s,
    neurons: _Uint32s,
    src: _Words,
    rows: int,
    row_words: int,
    src_row_pitch: int,
    dst_plane_pitch: int,
    begin: int,
    end: int,
    out: _Words | None = None,
    scratch: _Words | None = None,
) -> _Words: ...
def unpack_u8(
    kernel: str, src: _Words, rows: int, width: int, out: _Bytes | None = None, streams: bool | None = None
) -> _Bytes: ...
def window_planes(
    kernel: str,
    src: _Words,
    shape: Sequence[int],
    kernel_size: Sequence[int],
    border: str,
    lane_words: int,
    out: _Words | None = None,
) -> _Words: ...
def window_rows(
    kernel: str,
    src: _Words,
    shape: Sequence[int],
    kernel_size: Sequence[int],
    border: str,
    out: _Words | None = None,
) -> _Words: ...

class Dense:
    """A dense layer of threshold neurons, packed; any kernel of threshold_dense runs it."""

    def __init__(
        self,
        inputs: int,
        plus: _Words,
        minus: _Words,
        threshold: npt.NDArray[np.int32],
        invert: _Bytes,
    ) -> None: ...
    def arrays(self) -> dict[str, _Words]: ...
    def run(
        self,
        kernel: str,
        x: _Words,
        out: _Words | None = None,
        columns: Sequence[int] | None = None,
        scratch: _Words | None = None,
        arrays: dict[str, _Words] = ...,
        repeats: int = 1,
    ) -> _Words: ...
    @property
    def scratch_words(self) -> int: ...
    @property
    def columns(self) -> int: ...

class SparseConv2d:
    """A convolution by masks with few ones, packed as lists of taps; any kernel of sparse_conv2d runs it.

    ``planes`` (by a kernel of images_to_planes) makes of an image what ``run`` reads.
    """

    def __init__(
        self,
        plus: _Words,
        minus: _Words | None,
        image: Sequence[int],
        out_channels: int,
        kernel_size: Sequence[int],
        groups: int = 1,
        stride: Sequence[int] = (1, 1),
        dilation: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0, 0, 0),
        pad_bit: bool = False,
    ) -> None: ...
    def planes(self, kernel: str, x: _Words) -> _Words: ...
    def arrays(self) -> dict[str, _Uint32s]: ...
    def run(
        self,
        kernel: str,
        planes: _Words,
        out: npt.NDArray[np.int32] | None = None,
        blocks: Sequence[int] | None = None,
        scratch: _Words | None = None,
        arrays: dict[str, _Uint32s] = ...,
    ) -> npt.NDArray[np.int32]: ...
    def fires(
        self,
        kernel: str,
        planes: _Words,
        threshold: npt.NDArray[np.int32],
        invert: npt.NDArray[np.uint8],
        row_class: Sequence[int],
        column_class: Sequence[int],
        out: _Words | None = None,
        blocks: Sequence[int] | None = None,
        scratch: _Words | None = None,
    ) -> _Words: ...
    @staticmethod
    def threshold_scratch_words(classes: int) -> int: ...
    @property
    def scratch_words(self) -> int: ...
    @property
    def blocks(self) -> int: ...

class Conv2d:
    """A convolution by threshold neurons, packed for one kernel of threshold_conv2d or accumulate_conv2d."""

    def __init__(
        self,
        kernel: str,
        plus: _Words,
        minus: _Words | None,
        threshold: npt.NDArray[np.int32],
        invert: _Bytes,
        image: Sequence[int],
        out_channels: int,
        kernel_size: Sequence[int],
        groups: int = 1,
        stride: Sequence[int] = (1, 1),
        dilation: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0, 0, 0),
        pad_bit: bool = False,
        row_class: Sequence[int] = (),
        column_class: Sequence[int] = (),
        constant: npt.NDArray[np.int32] | None = None,
        factor: int = 1,
    ) -> None: ...
    def arrays(self) -> dict[str, npt.NDArray[np.generic]]: ...
    def run(
        self,
        x: _Words,
        out: npt.NDArray[np.generic] | None = None,
        rows: Sequence[int] | None = None,
        blocks: Sequence[int] | None = None,
        scratch: _Words | None = None,
        arrays: dict[str, npt.NDArray[np.generic]] = ...,
        y_pitch: int = 0,
        repeats: int = 1,
    ) -> npt.NDArray[np.generic]: ...
    @property
    def kernel(self) -> str: ...
    @property
    def scratch_words(self) -> int: ...
    @property
    def blocks(self) -> int: ...
    @property
    def cycles(self) -> float: ...
    @property
    def cost_terms(self) -> list[float]: ...
    @staticmethod
    def supports(kernel: str, inputs: int) -> bool: ...

class FloatConv2d:
    """A float32 convolution, packed for the kernels."""

    def __init__(
        self,
        kernel: str,
        weight: _Floats,
        start: _Floats,
        image: Sequence[int],
        out_channels: int,
        kernel_size: Sequence[int],
        groups: int = 1,
        stride: Sequence[int] = (1, 1),
        dilation: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0, 0, 0),
        row_class: Sequence[int] = (),
        column_class: Sequence[int] = (),
    ) -> None: ...
    def arrays(self) -> dict[str, npt.NDArray[np.generic]]: ...
    def extend(self, x: _Floats, out: _Floats | None = None) -> _Floats: ...
    def extend_bytes(self, x: _Bytes, out: _Floats | None = None) -> _Floats: ...
    def run(
        self,
        extended: _Floats,
        out: _Floats | None = None,
        y_pitch: int = 0,
        rows: Sequence[int] | None = None,
        blocks: Sequence[int] | None = None,
        arrays: dict[str, npt.NDArray[np.generic]] = ...,
    ) -> _Floats: ...
    @property
    def blocks(self) -> int: ...

class PixelConv2d:
    """A convolution of bytes by int8 weights, packed for the kernels."""

    def __init__(
        self,
        kernel: str,
        weight: npt.NDArray[np.int8],
        start: npt.NDArray[np.int32],
        image: Sequence[int],
        out_channels: int,
        kernel_size: Sequence[int],
        groups: int = 1,
        stride: Sequence[int] = (1, 1),
        dilation: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0, 0, 0),
        row_class: Sequence[int] = (),
        column_class: Sequence[int] = (),
    ) -> None: ...
    def arrays(self) -> dict[str, npt.NDArray[np.generic]]: ...
    def extend(self, x: _Bytes, out: npt.NDArray[np.int16] | None = None) -> npt.NDArray[np.int16]: ...
    def run(
        self,
        extended: npt.NDArray[np.int16],
        out: npt.NDArray[np.int32] | None = None,
        y_pitch: int = 0,
        rows: Sequence[int] | None = None,
        blocks: Sequence[int] | None = None,
        arrays: dict[str, npt.NDArray[np.generic]] = ...,
    ) -> npt.NDArray[np.int32]: ...
    @property
    def blocks(self) -> int: ...

PEAK_WORDS: int
PEAK_FLOATS: int

def peak_full_adders(isa: str, words: _Words, rounds: int) -> int: ...
def peak_popcounts(isa: str, words: _Words, rounds: int) -> int: ...
def peak_multiply_adds(isa: str, floats: _Floats, rounds: int) -> float: ...
def peak_read(isa: str, words: _Words, rounds: int) -> int: ...
