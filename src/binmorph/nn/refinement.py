"""A search over the operators of a hard morphological network: what binarization took away, won back on data.

A projection moves each neuron by itself and knows nothing of the task. Afterwards the operators of the whole
network are fitted to training images: taps are flipped, operations exchanged, complements and joins changed,
each kept where the DICE of the network rises. Windows of the last layer come in closed form: a dilation that
stays below a target consists of taps that never leave it (the residual of mathematical morphology), so its S
is a prefix of the taps ordered by how often they do; an erosion is the same of the complements. Where nothing
else helps, changes in hidden layers are therefore judged with the last layer fitted to each of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..exactness.projection import distance
from ..ir import Status
from .image_slices import ALL, Layer, Operators, State, Words, count, pack
from .neurons import HardNeurons

_WORKING = 64  # images searched on; in each round as many that the network still gets wrong join them
_DRAWS = 500  # networks to start again from; the best are climbed
_NEAR = 0.9


def refine(
    module: nn.Sequential, x: Tensor, y: Tensor, restarts: int = 6, rounds: int = 6, seed: int = 0
) -> float:
    """Fit the operators of a hard Sequential of BiSELs in place to images and their targets.

    ``x`` [N, C, H, W] and ``y`` [N, O, H', W'] hold bits; where the output is smaller than ``y``, its middle
    counts. Every neuron stays an erosion or a dilation. The search sees the first 64 images; where it ends
    there before the DICE is 1, it starts again from the best of drawn networks, up to ``restarts`` times,
    and the best network is kept. In each of the following ``rounds`` as many of the images that still come
    out wrong join them. Neurons that changed are APPROXIMATED from then on, at the distance of their weights
    from the new S. Returns the DICE over all of ``x``.

    Raises BinmorphError if a layer is no hard BiSEL, or a neuron neither erosion nor dilation.
    """
    layers = [Layer.of(layer) for layer in module]
    rng, chosen = np.random.default_rng(seed), np.arange(min(_WORKING, len(x)))
    everything = _Search(layers, x, y)
    for turn in range(rounds):
        _Search(layers, x[chosen], y[chosen]).run(0 if turn else restarts, rng)
        wrong = np.setdiff1d(everything.wrong_images(), chosen)
        if not wrong.size:
            break
        chosen = np.concatenate([chosen, wrong[:_WORKING]])
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


def _dice(outs: Words, wanted: Words) -> npt.NDArray[np.float64]:
    """DICE [k] of ``outs`` [k, ...]; 1 where both are empty."""
    both, total = count(outs & wanted), count(outs) + count(wanted[None])
    return np.where(total == 0, 1.0, 2 * both / np.maximum(total, 1))


class _Search:
    """The layers, which it changes, and the images that it scores them on."""

    def __init__(self, layers: list[Layer], x: Tensor, y: Tensor) -> None:
        self.layers = layers
        self.inputs = [pack(x.numpy())]
        height, width = self._forward(0).shape[-2:]
        top, left = (y.shape[-2] - height) // 2, (y.shape[-1] - width) // 2
        middle = y[..., top : top + height, left : left + width]
        self.wanted, self.live = pack(middle.numpy()), pack(np.ones(middle.shape))

    def _forward(self, start: int) -> Words:
        """The output, where no layer before ``start`` has changed."""
        del self.inputs[start + 1 :]
        for layer in self.layers[start:]:
            self.inputs.append(layer(self.inputs[-1]))
        return self.inputs[-1]

    def score(self, start: int = 0) -> float:
        """DICE, where no layer before ``start`` has changed."""
        return float(_dice((self._forward(start) & self.live)[None], self.wanted)[0])

    def wrong_images(self) -> npt.NDArray[np.intp]:
        """Indices of the images with a wrong pixel."""
        wrong = np.bitwise_or.reduce((self._forward(0) ^ self.wanted) & self.live, axis=(0, 2, 3))
        return np.flatnonzero(np.unpackbits(wrong.astype("<u8").view(np.uint8), bitorder="little"))

    def run(self, restarts: int, rng: np.random.Generator) -> None:
        """Climb from the network as it is, then from drawn ones; keep the best."""
        best, kept = self._explore(), self._state()
        for start in self._starts(rng)[:restarts] if best < 1 else []:
            self._restore(start)
            reached = self._explore(self._climb(keep_operations=True))
            if reached > best:
                best, kept = reached, self._state()
            if best == 1:
                break
        self._restore(kept)

    def _explore(self, best: float = 0.0) -> float:
        """Climb, and near a solution again from the hidden windows moved by a pixel. The last layer undoes
        that, but taps that the edge of the window had cut off may now be found."""
        best = max(best, self._climb())
        moves = ((0, 1), (0, -1), (1, 0), (-1, 0)) if _NEAR < best < 1 else ()
        for index, layer in enumerate(self.layers[:-1]):
            for at in np.ndindex(*layer.windows.dilation.shape):
                for y, x in moves:
                    before = self._state()
                    if layer.translate(at, y, x):
                        self._forward(index)
                        reached = self._climb()
                        if reached > best:
                            return self._explore(reached)
                        self._restore(before)
        return best

    def _starts(self, rng: np.random.Generator) -> list[list[State]]:
        """Networks of identities and 3 x 3 boxes, the best of each choice of operations, best first."""
        found: dict[bytes, tuple[float, list[State]]] = {}
        for _ in range(_DRAWS):
            for layer in self.layers:
                layer.draw(rng)
            state, score = self._state(), self.score()
            key = b"".join(part.tobytes() for bank in state for part in bank[1:])
            if score > found.get(key, (0.0,))[0]:
                found[key] = score, state
        return [state for _, state in sorted(found.values(), key=lambda each: -each[0])]

    def _banks(self) -> Iterator[tuple[int, Operators]]:
        for index, layer in enumerate(self.layers):
            yield index, layer.windows
            yield index, layer.joins

    def _state(self) -> list[State]:
        return [bank.state() for _, bank in self._banks()]

    def _restore(self, state: list[State]) -> None:
        for (_, bank), saved in zip(self._banks(), state, strict=True):
            bank.restore(saved)

    def _climb(self, keep_operations: bool = False) -> float:
        """Change the network while its DICE rises; returns that."""
        best, before = self.score(), -1.0
        while before < best < 1:
            before = best
            for at in np.ndindex(*self.layers[-1].windows.dilation.shape):
                best = self._refit(at, best, keep_operations)
            best = self._changes(best, joint=False)
            if best == before:
                best = self._changes(best, joint=True)
        return best

    def _changes(self, best: float, joint: bool) -> float:
        """Every change of one neuron once; if ``joint``, with the last layer fitted to it."""
        for index, bank in self._banks():
            fitted = joint and bank is self.layers[-1].windows
            for at in np.ndindex(*bank.dilation.shape if bank.free and not fitted else (0,)):
                for what in range(bank.masks.shape[-1] + 2):
                    best = self._attempt(index, bank, at, what, best, joint)
                    if best == 1:
                        return best
        return best

    def _attempt(
        self, index: int, bank: Operators, at: tuple[int, ...], what: int, best: float, joint: bool
    ) -> float:
        before = self._state()
        bank.change(at, what)
        reached = self.score(index)
        if joint:
            # The windows that read the changed neuron, or that the changed join reads.
            axis = 0 if index == len(self.layers) - 1 else 1
            for target in np.ndindex(*self.layers[-1].windows.dilation.shape):
                if target[axis] == at[0]:
                    reached = self._refit(target, reached, keep_operation=True)
        if reached > best:
            return reached
        self._restore(before)
        self._forward(index)
        return best

    def _refit(self, at: tuple[int, int], best: float, keep_operation: bool) -> float:
        """Give window ``at`` = (o, c) of the last layer the operator that fits what the others leave to it,
        if the DICE rises."""
        (o, c), layer = at, self.layers[-1]
        seen = layer.views(self.inputs[-2])
        row = layer.row(o, seen)
        zero, one = (
            layer.joins.apply((o,), [*row[:c], np.full_like(row[c], fill), *row[c + 1 :]])
            for fill in (0, ALL)
        )
        care, aim = (zero ^ one) & self.live[o], self.wanted[o] ^ zero
        views, found = np.stack(seen[c]), (-1.0, np.arange(0), 0, 0)
        own = [(int(layer.windows.dilation[at]), int(layer.windows.invert[at]))]
        for dilation, invert in own if keep_operation else np.ndindex(2, 2):
            # An erosion is a dilation of the complement, complemented.
            turn = ALL if invert == dilation else np.uint64(0)
            read = views if dilation else ~views
            outside, inside = count(read & ~(aim ^ turn) & care), count(read & (aim ^ turn) & care)
            order = np.lexsort((-inside, outside / (outside + inside + 1)))
            unions = np.bitwise_or.accumulate(read[order])
            dice = _dice((zero ^ ((unions ^ turn) & care)) & self.live[o], self.wanted[o])
            size = int(dice.argmax())
            if dice[size] > found[0]:
                found = float(dice[size]), order[: size + 1], dilation, invert
        windows, before = layer.windows, layer.windows.state()
        _, taps, windows.dilation[at], windows.invert[at] = found
        windows.masks[at] = False
        windows.masks[at][taps] = True
        reached = self.score(len(self.layers) - 1)
        if reached > best:
            return reached
        windows.restore(before)
        self._forward(len(self.layers) - 1)
        return best
