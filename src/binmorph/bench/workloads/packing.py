"""Booleans to packed bits and back, beside numpy."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ...bits import BitArray
from ..contest import Case, System, equal
from ..peers.images import version


@dataclass(frozen=True)
class Packing:
    """An image of ``size`` x ``size``; ``direction`` is "pack" or "unpack"."""

    direction: str
    size: int

    def case(self, batch: int, threads: int) -> Case:
        image = np.random.default_rng(self.size).random((self.size, self.size)) < 0.5
        words = np.packbits(image, axis=-1, bitorder="little")
        bits = BitArray.pack(image)
        work = {"kind": "packing", **asdict(self)}
        case = Case(f"{self.direction} {self.size}", work, batch, threads, ("numpy",))

        def ours() -> System:
            if self.direction == "unpack":
                return System("binmorph", version(), bits.unpack, bits.unpack)
            return System("binmorph", version(), lambda: BitArray.pack(image), self._packed)

        def theirs() -> System:
            def call() -> object:
                if self.direction == "unpack":
                    return np.unpackbits(words, axis=-1, bitorder="little")
                return np.packbits(image, axis=-1, bitorder="little")

            return System("numpy", np.__version__, call, lambda: np.asarray(call()))

        expected = image if self.direction == "unpack" else words
        case.enter("binmorph", ours, equal(expected))
        case.enter("numpy", theirs, equal(expected))
        return case

    def _packed(self) -> np.ndarray:
        image = np.random.default_rng(self.size).random((self.size, self.size)) < 0.5
        return np.asarray(BitArray.pack(image)).view(np.uint8).reshape(self.size, -1)[:, : -(-self.size // 8)]
