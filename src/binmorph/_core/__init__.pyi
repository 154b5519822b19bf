"""The compiled core. Every array is checked against its stated dtype and size; none is converted."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import cuda as cuda
from . import kernels as kernels
from . import morphology as morphology

__version__: str

def isas() -> dict[str, bool]: ...
def default_isa() -> str: ...

class BitBuffer:
    def __init__(self, words: npt.NDArray[np.uint64]) -> None: ...

class Graph:
    def __init__(self, dtype: str, shape: Sequence[int]) -> None: ...
    def add_level_sets(self, name: str, input: int, values: npt.NDArray[np.float32], levels: int) -> int: ...
    def add_pack_binary(self, name: str, input: int) -> int: ...
    # Masks are uint64, thresholds int32, invert uint8; callers hand them over as one dictionary.
    def add_bisel(
        self,
        name: str,
        input: int,
        channels: int,
        kernel_h: int,
        kernel_w: int,
        border: str,
        /,
        bise_plus: npt.NDArray[Any],
        bise_minus: npt.NDArray[Any],
        bise_threshold: npt.NDArray[Any],
        bise_invert: npt.NDArray[Any],
        lui_plus: npt.NDArray[Any],
        lui_minus: npt.NDArray[Any],
        lui_threshold: npt.NDArray[Any],
        lui_invert: npt.NDArray[Any],
    ) -> int: ...
    def add_threshold_conv2d(
        self,
        name: str,
        input: int,
        geometry: Sequence[int],
        border: str,
        inputs: int,
        plus: npt.NDArray[Any],
        minus: npt.NDArray[Any],
        threshold: npt.NDArray[Any],
        invert: npt.NDArray[Any],
        offset: npt.NDArray[Any],
    ) -> int: ...
    def add_truth_table(
        self,
        name: str,
        input: int,
        kernel_h: int,
        kernel_w: int,
        border: str,
        outputs: int,
        channels: npt.NDArray[np.int32],
        table: npt.NDArray[np.uint64],
    ) -> int: ...
    def add_max_pool(self, name: str, input: int, geometry: Sequence[int]) -> int: ...
    def add_flatten(self, name: str, input: int) -> int: ...
    def add_threshold_dense(
        self,
        name: str,
        input: int,
        features: int,
        plus: npt.NDArray[Any],
        minus: npt.NDArray[Any],
        threshold: npt.NDArray[Any],
        invert: npt.NDArray[Any],
    ) -> int: ...
    def add_linear(
        self, name: str, input: int, weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]
    ) -> int: ...
    def add_count_conv2d(
        self,
        name: str,
        input: int,
        geometry: Sequence[int],
        border: str,
        factor: int,
        inputs: int,
        plus: npt.NDArray[np.uint64],
        minus: npt.NDArray[np.uint64],
        constant: npt.NDArray[np.int32],
    ) -> int: ...
    def add_two_value_conv2d(
        self,
        name: str,
        input: int,
        geometry: Sequence[int],
        border: str,
        factor: int,
        inputs: int,
        plus: npt.NDArray[np.uint64],
        constant: npt.NDArray[np.int32],
        total: npt.NDArray[np.int32],
        difference: npt.NDArray[np.float32],
        low: npt.NDArray[np.float32],
    ) -> int: ...
    def add_pixel_conv2d(
        self,
        name: str,
        input: int,
        geometry: Sequence[int],
        weight: npt.NDArray[np.int8],
        constant: npt.NDArray[np.int32],
    ) -> int: ...
    def add_conv2d(
        self,
        name: str,
        input: int,
        geometry: Sequence[int],
        weight: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
    ) -> int: ...
    def add_affine(
        self, name: str, input: int, scale: npt.NDArray[np.float32], shift: npt.NDArray[np.float32]
    ) -> int: ...
    def add_add(self, name: str, input: int, other: int) -> int: ...
    def add_prelu(self, name: str, input: int, slope: npt.NDArray[np.float32]) -> int: ...
    def add_clamp(self, name: str, input: int, low: float, high: float) -> int: ...
    def add_avg_pool(self, name: str, input: int, geometry: Sequence[int]) -> int: ...
    def add_concat(self, name: str, inputs: Sequence[int]) -> int: ...
    def set_output(self, value: int) -> None: ...

class Model:
    def __init__(
        self, graph: Graph, threads: int, isa: str = "", layout: str = "", max_memory: int = ...
    ) -> None: ...
    def run(self, x: npt.NDArray[Any], repeats: int = 1) -> npt.NDArray[Any]: ...
    def run_packed(
        self, words: npt.NDArray[np.uint64], repeats: int = 1, channels: bool = False
    ) -> npt.NDArray[np.uint64]: ...
    def trace(self, x: npt.NDArray[Any]) -> list[npt.NDArray[Any]]: ...
    def profile(
        self, x: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[Any], list[tuple[str, list[float], float]]]: ...
    def plans(self) -> list[dict[str, Any]]: ...
    def schedule(self, images: int) -> tuple[int, int]: ...
    @property
    def isa(self) -> str: ...
    @property
    def threads(self) -> int: ...
