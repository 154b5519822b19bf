"""Chains of binary layers: MLP and LFC, CNV (both of FINN, Umuroglu et al. 2017), VGG-small."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from . import Bits, Description, Floats, Ints, Network


def weights(rng: np.random.Generator, *shape: int) -> tuple[Bits, Ints]:
    """Signs, and thresholds where sums of so many products lie."""
    spread = max(1, int(np.sqrt(np.prod(shape[1:]))))
    return rng.random(shape) < 0.5, rng.integers(-spread, spread + 1, shape[0], np.int32)


def _scores(network: Network, x: Any, rng: np.random.Generator, inputs: int, classes: int = 10) -> Any:
    weight = rng.normal(size=(classes, inputs)).astype(np.float32) / np.float32(np.sqrt(inputs))
    return network.scores(x, weight, rng.normal(size=classes).astype(np.float32))


def _halves(channels: int) -> Floats:
    return np.full(channels, 0.5, np.float32)


def mlp(network: Network, hidden: Sequence[int]) -> Any:
    """Pixels cut at 1/2, binary dense layers, float scores."""
    rng = np.random.default_rng(len(hidden))
    x = network.flatten_bits(network.signs(network.input(), _halves(1)))
    for inputs, outputs in pairwise((784, *hidden)):
        x = network.binary_dense(x, *weights(rng, outputs, inputs))
    return _scores(network, x, rng, hidden[-1])


def cnv(network: Network) -> Any:
    """Two unpadded 3x3 layers of 64, 128 and 256 channels each, a pool behind the first two pairs, and two
    dense layers of 512, over colours cut at 1/2."""
    rng = np.random.default_rng(7)
    x = network.signs(network.input(), _halves(3))
    channels = 3
    for i, width in enumerate((64, 64, 128, 128, 256, 256)):
        x = network.binary_conv(x, *weights(rng, width, channels, 3, 3), 1, 0)
        channels = width
        if i in (1, 3):
            x = network.pool_bits(x)
    x = network.flatten_bits(x)
    for inputs, outputs in ((256, 512), (512, 512)):
        x = network.binary_dense(x, *weights(rng, outputs, inputs))
    return _scores(network, x, rng, 512)


def vgg_small(network: Network) -> Any:
    """A float 3x3 layer to 128 channels, five binary ones up to 512, a pool behind every second, scores."""
    rng = np.random.default_rng(8)
    stem = rng.normal(size=(128, 3, 3, 3)).astype(np.float32) / np.float32(np.sqrt(27))
    x = network.signs(network.conv(network.input(), stem, 1, 1), np.zeros(128, np.float32))
    channels = 128
    for i, width in enumerate((128, 256, 256, 512, 512)):
        x = network.binary_conv(x, *weights(rng, width, channels, 3, 3), 1, 1)
        channels = width
        if i % 2 == 0:
            x = network.pool_bits(x)
    return _scores(network, network.flatten_bits(x), rng, 512 * 16)


GRAY, COLOUR = (1, 28, 28), (3, 32, 32)
NETWORKS = {
    "mlp": Description(partial(mlp, hidden=(1024, 1024)), GRAY, exact=True, dense=True),
    "lfc": Description(partial(mlp, hidden=(1024, 1024, 1024)), GRAY, exact=True, dense=True),
    "cnv": Description(cnv, COLOUR, exact=True),
    "vgg_small": Description(vgg_small, COLOUR, exact=False),
}
