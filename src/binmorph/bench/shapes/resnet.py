"""The shape of a ResNetE-18: what it computes, said once for every system."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Network(Protocol):
    """The layers that a system builds; values are whatever the system calls a value."""

    def input(self) -> Any: ...
    def conv(self, x: Any, weight: Floats, stride: int, padding: int) -> Any: ...
    def affine(self, x: Any, scale: Floats, shift: Floats) -> Any: ...
    def relu(self, x: Any) -> Any: ...
    def max_pool(self, x: Any) -> Any: ...
    def average_pool(self, x: Any) -> Any: ...
    def add(self, x: Any, y: Any) -> Any: ...
    def sign_conv(self, x: Any, threshold: Floats, weight: npt.NDArray[np.bool_], stride: int) -> Any: ...
    def head(self, x: Any, weight: Floats, bias: Floats) -> Any: ...


def resnet18(network: Network, widths: tuple[int, ...] = (64, 128, 256, 512), classes: int = 1000) -> Any:
    """Builds the network and returns its scores; the same weights for every system."""
    rng = np.random.default_rng(1)

    def floats(*shape: int, scale: float = 1.0) -> Floats:
        return (scale * rng.normal(size=shape)).astype(np.float32)

    def normalised(x: Any, channels: int, inputs: int) -> Any:
        scale = rng.uniform(0.5, 1.5, channels) / np.sqrt(inputs)
        return network.affine(x, scale.astype(np.float32), floats(channels, scale=0.3))

    channels = widths[0]
    x = network.conv(network.input(), floats(channels, 3, 7, 7), 2, 3)
    x = network.max_pool(network.relu(normalised(x, channels, 147)))
    for width in widths:
        for block in range(4):
            stride = 2 if width != widths[0] and block == 0 else 1
            weight = rng.random((width, channels, 3, 3)) < 0.5
            sums = network.sign_conv(x, floats(channels, scale=0.3), weight, stride)
            sums = normalised(sums, width, 9 * channels)
            if stride == 2:
                x = network.conv(network.average_pool(x), floats(width, channels, 1, 1), 1, 0)
                x = normalised(x, width, channels)
            x = network.add(sums, x)
            channels = width
    return network.head(network.relu(x), floats(classes, channels, scale=0.05), floats(classes, scale=0.1))
