"""A search over the operators of a hard morphological network: what binarization took away, won back on data.

A projection moves each neuron by itself and knows nothing of the task. Afterwards the operators of the whole
network are fitted to training images, from nothing but the images and their targets
(:mod:`binmorph.nn.network_search`).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..exactness.projection import distance
from ..ir import Status
from .image_slices import Layer, Operators
from .network_search import NetworkSearch
from .neurons import HardNeurons

_WORKING = 64  # images searched on; in each round as many that the network still gets wrong join them


def refine(
    module: nn.Sequential, x: Tensor, y: Tensor, restarts: int = 60, rounds: int = 6, seed: int = 0
) -> float:
    """Fit the operators of a hard Sequential of BiSELs in place to images and their targets.

    ``x`` [N, C, H, W] and ``y`` [N, O, H', W'] hold bits; where the output is smaller than ``y``, its middle
    counts. Every neuron stays an erosion or a dilation. The search sees the first 64 images; where it ends
    there before the DICE is 1, it starts again up to ``restarts`` times, and the best network is kept. In
    each of the following ``rounds`` as many of the images that still come out wrong join them. Neurons that
    changed are APPROXIMATED from then on, at the distance of their weights from the new S. Returns the DICE
    over all of ``x``.

    Raises BinmorphError if a layer is no hard BiSEL, or a neuron neither erosion nor dilation.
    """
    layers = [Layer.of(layer) for layer in module]
    rng, chosen = np.random.default_rng(seed), np.arange(min(_WORKING, len(x)))
    everything = NetworkSearch(layers, x, y, rng)
    for _ in range(rounds):
        reached = NetworkSearch(layers, x[chosen], y[chosen], rng).run(restarts)
        wrong = np.setdiff1d(everything.wrong_images(), chosen)
        if not wrong.size:
            break
        chosen = np.concatenate([chosen, wrong[:_WORKING]])
        if reached < 1:  # no network of this shape does it all: more starts would be spent in every round
            restarts = 0
    for part, layer in zip(module, layers, strict=True):
        _write(part.bise, layer.windows)
        _write(part.lui, layer.joins)
    return everything.score()


def _write(bank: HardNeurons, operators: Operators) -> None:
    before = bank.neurons()
    threshold = np.where(operators.dilation, 1, operators.masks.sum(-1))
    same = (before.plus == operators.masks).all(-1) & (before.threshold == threshold)
    for at in map(tuple, np.argwhere(~same | (before.invert != operators.invert))):
        mask = operators.masks[at]
        bank.plus[at], bank.threshold[at] = torch.from_numpy(mask), int(threshold[at])
        bank.invert[at], bank.status[at] = bool(operators.invert[at]), int(Status.APPROXIMATED)
        weight = bank.effective_parameters()[0][at].detach().double().cpu().numpy()
        bank.margin[at] = float("nan")
        bank.distance[at] = float(distance(weight[None], mask[None])[0])
