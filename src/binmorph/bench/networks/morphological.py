"""A network of BiSEL layers (Aouad and Talbot 2023): erosions, dilations and counts over level sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ir
from . import Description, Network
from .sequential import weights


def random_neurons(rng: np.random.Generator, shape: tuple[int, ...], n: int, form: str) -> ir.Neurons:
    """Half of the inputs in the mask. "erosion/dilation": thresholds 1 or |S|, random complements;
    "popcount": about half of |S|."""
    plus = rng.random((*shape, n)) < 0.5
    plus[..., 0] |= ~plus.any(-1)
    size = plus.sum(-1)
    dilation = rng.random(shape) < 0.5
    threshold = (size + 1) // 2 if form == "popcount" else np.where(dilation, 1, size)
    return ir.Neurons(
        plus=plus,
        minus=np.zeros_like(plus),
        threshold=threshold.astype(np.int32),
        invert=(rng.random(shape) < 0.5) & (form != "popcount"),
        status=np.full(shape, int(ir.Status.POPCOUNT), np.uint8),
        margin=np.zeros(shape),
        distance=np.zeros(shape),
    )


def bisel_classifier(network: Network) -> Any:
    """Two BiSEL layers of 16 channels (5x5, 3x3), a pool behind each, a dense layer of 128, scores."""
    rng = np.random.default_rng(5)
    x = network.signs(network.input(), np.full(1, 0.5, np.float32))
    channels = 1
    for kernel in (5, 3):
        bise = random_neurons(rng, (16, channels), kernel * kernel, "popcount")
        lui = random_neurons(rng, (16,), channels, "popcount")
        x = network.pool_bits(network.bisel(x, kernel, bise, lui))
        channels = 16
    x = network.binary_dense(network.flatten_bits(x), *weights(rng, 128, 16 * 49))
    weight = rng.normal(size=(10, 128)).astype(np.float32)
    return network.scores(x, weight, rng.normal(size=10).astype(np.float32))


NETWORKS = {"bisel_classifier": Description(bisel_classifier, (1, 28, 28), exact=True)}
