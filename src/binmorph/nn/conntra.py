"""Training without gradients: ternary weights by coordinate descent, for small dense networks.

Source: CoNNTrA (Date et al. 2020, arXiv 2009.00540). One weight at a time takes the value of -1, 0, +1 that
gives the smallest loss over the data. Changing a weight w[o, k] of a layer by d changes one accumulator, by
d x[k]; only the images on which the sign of that accumulator turns need to be followed further. A sweep over
n weights of a network with one hidden layer thus costs about 2 n passes over one column, not 2 n forward
passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import ShapeError
from .binary import BinaryLinear
from .weight_quantizers import TernarySign

Array = npt.NDArray[Any]


class CoordinateDescent:
    """Ternary layers, their data, and the accumulators of every image.

    Arguments:
        layers: dense layers with a :class:`TernarySign` weight quantizer and no bias, each reading the signs
            of the one before it; the last one's sums, divided by the square root of its inputs, are the
            scores. Their weights are set to random ternary ones.
        signs: [N, K] inputs, -1 and +1.
        labels: int64 [N].
        seed: of the initial weights and of the order of the coordinates.

    ``loss`` is the mean cross-entropy of now; it never rises. Raises ShapeError, ValueError.
    """

    def __init__(self, layers: Sequence[BinaryLinear], signs: Tensor, labels: Tensor, seed: int = 0) -> None:
        inputs = signs.shape[1]
        for layer in layers:
            if not isinstance(layer.weight_quantizer, TernarySign) or layer.bias is not None:
                raise ValueError("coordinate descent needs weight_quantizer='ternary_sign' and no bias")
            if layer.weight.shape[1] != inputs:
                raise ShapeError(f"a layer reads {layer.weight.shape[1]} values, but gets {inputs}")
            inputs = layer.weight.shape[0]
        self.layers, self.rng = layers, np.random.default_rng(seed)
        self.labels = labels.numpy().astype(np.int64)
        self.weights = [self.rng.integers(-1, 2, tuple(la.weight.shape)).astype(np.int32) for la in layers]
        # Column k of an activation is read for every weight w[., k]: kept as rows.
        self.values = [np.ascontiguousarray(signs.numpy().astype(np.int32).T)]
        self.sums: list[Array] = []
        for weight in self.weights:
            self.sums.append(weight @ self.values[-1])
            self.values.append(np.where(self.sums[-1] >= 0, 1, -1).astype(np.int32))
        self.scale = 1 / np.sqrt(self.weights[-1].shape[1])
        self.losses = self._losses(self.sums[-1], slice(None))
        self._store()

    @property
    def loss(self) -> float:
        return float(self.losses.mean())

    def _losses(self, sums: Array, images: Any) -> Array:
        scores = sums * self.scale
        top = scores.max(0)
        chosen = np.take_along_axis(scores, self.labels[images][None], 0)[0]
        losses: Array = np.log(np.exp(scores - top).sum(0)) + top - chosen
        return losses

    def sweep(self, progress: Callable[[range], Any] = iter) -> int:
        """Visit every weight once, in random order; how many changed. ``progress`` wraps the loop."""
        sizes = [w.size for w in self.weights]
        order, changed = self.rng.permutation(sum(sizes)), 0
        for i in progress(range(len(order))):
            at, layer = int(order[i]), 0
            while at >= sizes[layer]:
                at -= sizes[layer]
                layer += 1
            changed += self._improve(layer, *divmod(at, self.weights[layer].shape[1]))
        self._store()
        return changed

    def _improve(self, layer: int, o: int, k: int) -> bool:
        now = int(self.weights[layer][o, k])
        best: tuple[float, int, Any] = (0.0, now, None)
        for value in (-1, 0, 1):
            if value != now:
                gain, update = self._try(layer, o, k, value - now)
                if gain > best[0]:
                    best = (gain, value, update)
        if best[2] is None and best[1] == now:
            return False
        self.weights[layer][o, k] = best[1]
        self._apply(layer, o, k, best[1] - now, best[2])
        return True

    def _try(self, layer: int, o: int, k: int, change: int) -> tuple[float, Any]:
        """(by how much the sum of the losses falls, what then changes in the layers behind)."""
        row = self.sums[layer][o] + change * self.values[layer][k]
        if layer == len(self.weights) - 1:
            sums = self.sums[-1].copy()
            sums[o] = row
            losses = self._losses(sums, slice(None))
            return float(self.losses.sum() - losses.sum()), (slice(None), [], sums, losses)
        signs = np.where(row >= 0, 1, -1).astype(np.int32)
        images = np.flatnonzero(signs != self.values[layer + 1][o])
        if not len(images):
            return 0.0, None
        below: list[tuple[Array, Array]] = []
        sums = self.sums[layer + 1][:, images] + np.outer(
            self.weights[layer + 1][:, o], 2 * signs[images]
        ).astype(np.int32)
        for weight in self.weights[layer + 2 :]:
            values = np.where(sums >= 0, 1, -1).astype(np.int32)
            below.append((sums, values))
            sums = weight @ values
        losses = self._losses(sums, images)
        return float(self.losses[images].sum() - losses.sum()), (images, below, sums, losses)

    def _apply(self, layer: int, o: int, k: int, change: int, update: Any) -> None:
        self.sums[layer][o] += change * self.values[layer][k]
        self.values[layer + 1][o] = np.where(self.sums[layer][o] >= 0, 1, -1)
        images, below, sums, losses = update
        for i, (middle, values) in enumerate(below, layer + 1):
            self.sums[i][:, images], self.values[i + 1][:, images] = middle, values
        self.sums[-1][:, images] = sums
        self.values[-1][:, images] = np.where(sums >= 0, 1, -1)
        self.losses[images] = losses

    @torch.no_grad()
    def _store(self) -> None:
        for layer, weight in zip(self.layers, self.weights, strict=True):
            layer.weight.copy_(torch.from_numpy(weight))
