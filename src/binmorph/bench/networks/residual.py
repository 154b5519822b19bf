"""Networks with a float residual stream: ResNetE-18 (Bethge et al. 2019), and the same shape with weights in
{alpha, beta} (Schiavone et al. 2023)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from . import Description, Floats, Network

WIDTHS = (64, 128, 256, 512)
VALUES = (0.95, -0.05)  # alpha and beta: 0 on average at a density of 5 %


def resnet18(network: Network, size: int, density: float | None = None) -> Any:
    """Float stem, shortcuts and head, sixteen binary 3x3 layers with a shortcut around each.

    The stem is 7x7 with stride 2 and a pool for ``size`` 224, 3x3 for 32. With ``density`` the binary layers
    have weights alpha at this share of places and beta elsewhere.
    """
    rng = np.random.default_rng(1)

    def floats(*shape: int, scale: float = 1.0) -> Floats:
        return (scale * rng.normal(size=shape)).astype(np.float32)

    def normalised(x: Any, channels: int, inputs: int) -> Any:
        scale = rng.uniform(0.5, 1.5, channels) / np.sqrt(inputs)
        return network.affine(x, scale.astype(np.float32), floats(channels, scale=0.3))

    channels, classes, kernel = WIDTHS[0], (1000 if size > 32 else 10), (7 if size > 32 else 3)
    x = network.conv(network.input(), floats(channels, 3, kernel, kernel), 1 + (size > 32), kernel // 2)
    x = network.relu(normalised(x, channels, 3 * kernel**2))
    x = network.max_pool(x) if size > 32 else x
    for width in WIDTHS:
        for block in range(4):
            stride = 2 if width != WIDTHS[0] and block == 0 else 1
            limit, mask = floats(channels, scale=0.3), rng.random((width, channels, 3, 3))
            if density is None:
                sums = network.sign_conv(x, limit, mask < 0.5, stride)
            else:
                sums = network.two_value_conv(x, limit, mask < density, VALUES, stride)
            sums = normalised(sums, width, 9 * channels)
            if stride == 2:
                x = network.conv(network.average_pool(x), floats(width, channels, 1, 1), 1, 0)
                x = normalised(x, width, channels)
            x = network.add(sums, x)
            channels = width
    return network.head(network.relu(x), floats(classes, channels, scale=0.05), floats(classes, scale=0.1))


NETWORKS = {
    "resnete18_224": Description(partial(resnet18, size=224), (3, 224, 224), exact=False),
    "resnete18_32": Description(partial(resnet18, size=32), (3, 32, 32), exact=False),
    "two_value_resnet18_32": Description(partial(resnet18, size=32, density=0.05), (3, 32, 32), exact=False),
}
