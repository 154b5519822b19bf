"""The user's own packed file, beside its float original if that is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...format import load
from ..contest import Array, Case, System, correlated, equal
from ..peers.packed import device_system, isas_to_compare, packed_system
from .common import counts_of


@dataclass(frozen=True)
class ModelFile:
    """``original`` is a torch module in evaluation mode that takes the same images, or None."""

    path: str
    original: Any = None

    def case(self, batch: int, threads: int) -> Case:
        from ...runtime import PackedModel

        graph = load(self.path)
        x = self._images(graph.input.dtype, (batch, *graph.input.shape))
        name = Path(self.path).name
        work = {"kind": "model", "file": name, "input": list(graph.input.shape)}
        case = Case(name, work, batch, threads, ("torch-compiled", "torch"), counts_of(graph, batch))
        # The portable kernels are the reference: every instruction set gives the same bits.
        expected = np.asarray(PackedModel(graph, threads=1, isa="generic", layout=None)(x))
        for system, isa in isas_to_compare().items():
            case.enter(system, packed_system(system, graph, x, threads, isa), equal(expected))
        case.enter("binmorph-cuda", device_system(graph, x), equal(expected))
        if self.original is not None:
            least = correlated(expected.astype(np.float32), 0.9)
            for system, compiled in (("torch", False), ("torch-compiled", True)):
                case.enter(system, partial(self._torch, system, x, threads, compiled), least)
        return case

    @staticmethod
    def _images(dtype: str, shape: tuple[int, ...]) -> Array:
        rng = np.random.default_rng(0)
        if dtype == "uint8":
            return rng.integers(0, 2, shape, np.uint8)
        return rng.random(shape).astype(np.float32)

    def _torch(self, name: str, x: Array, threads: int, compiled: bool) -> System:
        from ..peers.torch_ops import module_system

        return module_system(name, self.original, x, threads, compiled)
