"""A stack of small images, one operation on each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ... import morphology
from ...bits import BitArray
from ..contest import Array, Case, System, equal
from ..peers.images import opencv, version
from .morphology import density, elements, reference


@dataclass(frozen=True)
class ImageStack:
    """Random images of ``size`` x ``size``, as many as the batch."""

    operation: str
    element: str
    size: int = 28

    def case(self, batch: int, threads: int) -> Case:
        cells = np.ones((5, 5), bool) if self.element == "sq5" else elements()[self.element]
        ones = density(self.operation, cells)
        images = np.random.default_rng(batch).random((batch, self.size, self.size)) < ones
        run = getattr(morphology, f"binary_{self.operation}")
        title = f"{self.operation} {self.element} {batch}x{self.size}x{self.size}"
        work = {"kind": "image_stack", **asdict(self), "density": ones}
        case = Case(title, work, batch, threads, ("opencv",))
        expected = np.stack([reference(image, cells, self.operation) for image in images])

        def sliced() -> System:
            bits = BitArray.pack(images, "batch-sliced")

            def call() -> Any:
                return run(bits, cells, threads=threads)

            settings = f"{threads} threads, packed with one image per bit"
            return System("binmorph", version(), call, lambda: call().unpack(), settings)

        def arrays() -> System:
            def call() -> Any:
                return run(images, cells, axes=(1, 2), threads=threads)

            return System("binmorph-arrays", version(), call, call, f"{threads} threads, arrays of booleans")

        def theirs() -> System:
            peers = [opencv(image, cells, self.operation, threads) for image in images]

            def call() -> None:
                for peer in peers:
                    peer.call()

            def output() -> Array:
                return np.stack([peer.output() for peer in peers])

            return System("opencv", peers[0].version, call, output, "one call per image, bytes")

        case.enter("binmorph", sliced, equal(expected))
        case.enter("binmorph-arrays", arrays, equal(expected))
        case.enter("opencv", theirs, equal(expected))
        return case
