"""Hard BiSELs on packed images, 64 to a word: what :mod:`binmorph.nn.refinement` searches with.

Bit i of a word is one pixel of image i. So a window is read by slicing, and a dilation or an erosion by S of
64 images is |S| - 1 ORs or ANDs of NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from ..errors import BinmorphError
from ..ir import Neurons
from ..simplify import fold_constants
from .layers import BiSEL
from .neurons import Mode, ThresholdNeurons

Words = npt.NDArray[np.uint64]
Masks = npt.NDArray[np.bool_]
State = tuple[Masks, Masks, Masks]
ALL = ~np.uint64(0)
_PADDING: dict[str, Any] = {
    "replicate": {"mode": "edge"},
    "zeros": {"constant_values": 0},
    "ones": {"constant_values": ALL},
}


def pack(images: npt.ArrayLike) -> Words:
    """Bits [N, C, H, W] to words [C, ceil(N / 64), H, W]; missing images are 0."""
    bits = np.asarray(images) > 0.5
    bits = np.concatenate([bits, np.zeros((-len(bits) % 64, *bits.shape[1:]), np.bool_)])
    octets = np.packbits(bits, axis=0, bitorder="little").reshape(-1, 8, *bits.shape[1:])
    shifts = np.arange(0, 64, 8, dtype=np.uint64)[:, None, None, None]
    return np.ascontiguousarray((octets.astype(np.uint64) << shifts).sum(1, dtype=np.uint64).swapaxes(0, 1))


def count(words: Words) -> npt.NDArray[np.int64]:
    """The number of ones in each of ``words`` [k, ...]."""
    if hasattr(np, "bitwise_count"):
        ones = np.bitwise_count(words)
    else:  # NumPy 1
        ones = np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=-1)
    return ones.reshape(len(words), -1).sum(-1, dtype=np.int64)


def dice(outs: Words, wanted: Words, share: float = 1.0) -> npt.NDArray[np.float64]:
    """DICE [k] of ``outs`` [k, ...]; 1 where both are empty. ``share`` < 1 asks for that part of ``wanted``
    only, whichever; who finds more reaches more than 1."""
    both, total = count(outs & wanted), count(outs) + share * count(wanted[None])
    return np.where(total == 0, 1.0, 2 * both / np.maximum(total, 1))


@dataclass(eq=False)
class Operators:
    """Dilations and erosions: ``masks`` bool [..., n]; bool [...] which of them dilate, and are complemented.
    By an empty S they are the constants 0 and 1. Those that are not ``free`` stay as they are."""

    masks: Masks
    dilation: Masks
    invert: Masks
    free: bool

    @staticmethod
    def of(neurons: Neurons, free: bool) -> Operators:
        """Raises BinmorphError if a neuron is no dilation and no erosion."""
        neurons = fold_constants(neurons)
        dilation, erosion = neurons.threshold == 1, neurons.threshold == neurons.plus.sum(-1)
        if neurons.minus.any() or not (dilation | erosion).all():
            raise BinmorphError(
                "refine: a neuron is neither dilation nor erosion; harden with the family 'morphological'"
            )
        return Operators(neurons.plus.copy(), dilation, neurons.invert.copy(), free)

    def apply(self, at: tuple[int, ...], seen: Sequence[Words]) -> Words:
        """Neuron ``at`` of what its n inputs see."""
        dilation = bool(self.dilation[at])
        combine = np.bitwise_or if dilation else np.bitwise_and
        result = np.full_like(seen[0], 0 if dilation else ALL)
        for tap in np.flatnonzero(self.masks[at]).tolist():
            combine(result, seen[tap], out=result)
        return ~result if self.invert[at] else result

    def change(self, at: tuple[int, ...], what: int) -> None:
        """Flip tap ``what``, or for n exchange the operation, for n + 1 complement."""
        if what < self.masks.shape[-1]:
            self.masks[at][what] ^= True
        else:
            which = self.dilation if what == self.masks.shape[-1] else self.invert
            which[at] ^= True

    def state(self) -> State:
        """A copy of everything that changes."""
        return self.masks.copy(), self.dilation.copy(), self.invert.copy()

    def restore(self, state: State) -> None:
        """Go back to ``state``."""
        self.masks[...], self.dilation[...], self.invert[...] = state


@dataclass(eq=False)
class Layer:
    """A BiSEL: ``windows`` [O, C] over kh x kw taps, and ``joins`` [O] over the C maps of each output."""

    kernel: tuple[int, int]
    border: str
    windows: Operators
    joins: Operators

    @staticmethod
    def of(layer: nn.Module) -> Layer:
        """Raises BinmorphError if ``layer`` is no hard BiSEL of erosions and dilations."""
        if not isinstance(layer, BiSEL) or layer.mode is not Mode.HARD:
            name = type(layer).__name__
            raise BinmorphError(f"refine: {name} is no hard BiSEL; call binmorph.nn.harden on BiSELs first")
        windows = Operators.of(layer.bise.neurons(), free=True)
        joins = Operators.of(layer.lui.neurons(), free=isinstance(layer.lui, ThresholdNeurons))
        return Layer(layer.kernel, layer.border, windows, joins)

    def middle(self) -> Masks:
        """The taps of an identity."""
        return (
            np.arange(self.windows.masks.shape[-1])
            == self.kernel[0] // 2 * self.kernel[1] + self.kernel[1] // 2
        )

    def set_path(self, at: tuple[int, int], taps: Masks, dilation: bool, invert: bool) -> None:
        """Make output ``at[0]`` the window ``taps`` on channel ``at[1]``, and nothing else."""
        self.windows.masks[at], self.windows.dilation[at], self.windows.invert[at] = taps, dilation, invert
        if self.joins.free:
            self.joins.masks[at[0]] = np.arange(self.joins.masks.shape[-1]) == at[1]
            self.joins.dilation[at[0]], self.joins.invert[at[0]] = True, False

    def views(self, z: Words) -> list[list[Words]]:
        """For each channel of ``z`` [C, words, H, W] what the taps of the window see."""
        (kh, kw), (height, width) = self.kernel, z.shape[-2:]
        if self.border == "valid":
            height, width = height - kh + 1, width - kw + 1
        else:
            sides = ((0, 0), (0, 0), (kh // 2, kh - 1 - kh // 2), (kw // 2, kw - 1 - kw // 2))
            z = np.pad(z, sides, **_PADDING[self.border])
        return [[c[:, y : y + height, x : x + width] for y in range(kh) for x in range(kw)] for c in z]

    def row(self, o: int, views: list[list[Words]]) -> list[Words]:
        """What the window neurons of output ``o`` say."""
        return [self.windows.apply((o, c), seen) for c, seen in enumerate(views)]

    def __call__(self, z: Words) -> Words:
        views, outputs = self.views(z), len(self.joins.masks)
        return np.stack([self.joins.apply((o,), self.row(o, views)) for o in range(outputs)])
