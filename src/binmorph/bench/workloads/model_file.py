"""The user's own packed file, beside its float original if that is given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ... import ir
from ...format import load
from ..contest import Array, Case, System, equal, same_shape
from ..counts import counts_of, step_records
from ..peers.packed import device_system
from .common import ours


def known_accuracy(path: str) -> dict[str, Any]:
    """The file's size, and the accuracy on test data by the training log beside it (NAME.jsonl, as ``binmorph
    train`` writes it), if there is one."""
    known: dict[str, Any] = {"file_bytes": Path(path).stat().st_size}
    log = Path(path).with_suffix(".jsonl")
    try:
        lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        accuracy = [line["finished"]["accuracy_packed"] for line in lines if "finished" in line]
    except (OSError, ValueError, TypeError, KeyError):
        return known
    if accuracy:
        known |= {"accuracy": float(accuracy[-1]), "accuracy_source": f"test data, {log.name}"}
    return known


@dataclass(frozen=True)
class ModelFile:
    """``original`` is a torch module in evaluation mode that takes the same images, or None; it is another
    function, so only the shape of its output is checked."""

    path: str
    original: Any = None

    def case(self, batch: int, threads: int) -> Case:
        from ...runtime import PackedModel

        graph = load(self.path)
        x = self._images(graph, batch)
        name = Path(self.path).name
        work = {"kind": "model", "file": name, "input": list(graph.input.shape), **known_accuracy(self.path)}
        case = Case(name, work, batch, threads, ("torch-compiled", "torch"), counts_of(graph, batch))
        case.profile = partial(step_records, graph, x, threads)
        # The portable kernels are the reference: every instruction set gives the same bits.
        expected = np.asarray(PackedModel(graph, threads=1, isa="generic", layout=None)(x))
        ours(case, graph, x, equal(expected))
        case.enter("binmorph-cuda", device_system(graph, x), equal(expected))
        if self.original is not None:
            images, shape = x.astype(np.float32), same_shape(expected)
            for system, compiled in (("torch", False), ("torch-compiled", True)):
                case.enter(system, partial(self._torch, system, images, threads, compiled), shape)
        return case

    @staticmethod
    def _images(graph: ir.Graph, batch: int) -> Array:
        rng, shape = np.random.default_rng(0), (batch, *graph.input.shape)
        dtype = np.dtype(graph.input.dtype)
        if any(isinstance(node, ir.PackBinary) for node in graph.nodes):
            return rng.integers(0, 2, shape).astype(dtype)
        return (rng.random(shape) * (256 if dtype == np.uint8 else 1)).astype(dtype)

    def _torch(self, name: str, x: Array, threads: int, compiled: bool) -> System:
        from ..peers.torch_ops import module_system

        return module_system(name, self.original, x, threads, compiled)
