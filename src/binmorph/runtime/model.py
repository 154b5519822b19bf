"""PackedModel: a network that runs on packed bits."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core, ir
from ..bits import BitArray
from ..device_bits import DeviceBitArray
from ..errors import DeviceError, ShapeError
from ..format import load as load_graph
from .arrays import as_network_input, to_numpy
from .build import build_core_graph
from .plan import LayoutPlan, Plan, PlanStep
from .profile import profile


@dataclass(frozen=True)
class Layer:
    """One packed layer as a reader of the network sees it.

    ``structuring_elements``: for a BiSEL bool [O, C, 2, kh, kw] (plain inputs, then complemented ones), for
    a convolution bool [O, 2, C / groups, kh, kw], for dense neurons bool [O, 2, K], otherwise None.
    ``status`` counts neurons by what is proved of them (:class:`ir.Status`).
    """

    name: str
    op: str
    output: tuple[int, ...]
    structuring_elements: npt.NDArray[np.bool_] | None
    status: dict[str, int]


def _layer(node: ir.Node, output: tuple[int, ...]) -> Layer:
    groups: list[ir.Neurons] = []
    elements = None
    if isinstance(node, ir.Bisel):
        groups = [node.bise] if node.lui.n == 1 else [node.bise, node.lui]
        both = np.stack([node.bise.plus, node.bise.minus], axis=2)
        elements = both.reshape(*both.shape[:3], *node.kernel)
    elif isinstance(node, ir.ThresholdConv2d):
        groups = [node.neurons]
        both = np.stack([node.neurons.plus, node.neurons.minus], axis=1)
        elements = both.reshape(*both.shape[:2], -1, *node.kernel)
    elif isinstance(node, ir.ThresholdDense):
        groups = [node.neurons]
        elements = np.stack([node.neurons.plus, node.neurons.minus], axis=1)
    statuses = [node.statuses] if isinstance(node, ir.TruthTable) else [n.status for n in groups]
    status: Counter[str] = Counter()
    for found in statuses:
        values, counts = np.unique(found, return_counts=True)
        for value, count in zip(values, counts, strict=True):
            status[ir.Status(int(value)).name.lower()] += int(count)
    return Layer(node.name, node.op, output, elements, dict(status))


class PackedModel:
    """A validated network, planned for this machine. Calls are re-entrant: many threads may share one model.

    Args:
        graph: the network.
        threads: worker threads of one call, at least 1; default: all cores that the process may use.
        isa: instruction set by name; default: the best one, or the one in ``BINMORPH_FORCE_ISA``.
        layout: "row-packed" or "batch-sliced" for every batch size; default: by cost.
        max_memory: upper bound in bytes for the working memory of one call; never more than the machine has.

    Raises:
        IsaError: the instruction set is unknown or missing on this machine.
        MemoryLimitError: the network needs more than ``max_memory``, or more threads than the system grants.
    """

    def __init__(
        self,
        graph: ir.Graph,
        *,
        threads: int | None = None,
        isa: str | None = None,
        layout: str | None = None,
        max_memory: int | None = None,
    ) -> None:
        if threads is None:
            threads = (
                len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
            )
        if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 1024:
            raise ShapeError(f"threads must be an integer from 1 to 1024, got {threads!r}")
        if layout not in (None, "row-packed", "batch-sliced"):
            raise ShapeError(f"layout must be 'row-packed' or 'batch-sliced', got {layout!r}")
        options: dict[str, Any] = {"threads": threads, "isa": isa or "", "layout": layout or ""}
        if max_memory is not None:
            if isinstance(max_memory, bool) or not isinstance(max_memory, int) or not 0 <= max_memory < 2**63:
                raise ShapeError(f"max_memory must be a number of bytes, 0 or more, got {max_memory!r}")
            options["max_memory"] = max_memory
        self.graph = graph
        self._output_shape = graph.type_of(graph.output).shape
        self._core = _core.Model(build_core_graph(graph), **options)

    @property
    def isa(self) -> str:
        """The instruction set that the plan was made for."""
        return self._core.isa

    @property
    def threads(self) -> int:
        """Worker threads of one call."""
        return self._core.threads

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Every node, with its structuring elements and what is proved of its neurons."""
        return tuple(_layer(node, self.graph.type_of(node.name).shape) for node in self.graph.nodes)

    def __call__(self, x: Any) -> Any:
        """The network's output for a batch ``x`` [N, *input shape]: float32 or bool [N, ...].

        What comes out is the same kind of array. A row-packed or channel-packed :class:`BitArray` goes
        through without unpacking, for networks that read {0, 1} and write bits, and one of the same layout
        comes out; convolutions work on packed channels, so these save them two transpositions.

        Raises:
            DTypeError: wrong dtype, or an array on another device.
            ShapeError: wrong shape.
            DomainError: the network reads only {0, 1} and ``x`` holds something else.
        """
        if isinstance(x, BitArray):
            return self._run_packed(x)
        array, back = to_numpy(x)
        return back(self._core.run(as_network_input(array, self.graph.input)))

    _packed_layouts: tuple[str, ...] = ("row-packed", "channel-packed")

    def _check_packed(self, x: BitArray | DeviceBitArray) -> None:
        if x.layout not in self._packed_layouts or x.shape[1:] != self.graph.input.shape:
            wanted = ", ".join(map(str, self.graph.input.shape))
            layouts = " or ".join(self._packed_layouts)
            raise ShapeError(f"input: got {x!r}, expected a {layouts} BitArray of shape (batch, {wanted})")

    def _run_packed(self, x: BitArray) -> BitArray:
        self._check_packed(x)
        words = self._core.run_packed(x._words, 1, x.layout == "channel-packed")
        return BitArray(words, x.shape[:1] + self._output_shape, x.layout)

    def trace(self, x: Any) -> dict[str, npt.NDArray[Any]]:
        """Every node's value for a batch ``x``: name -> bool, int32 or float32 array [N, ...]."""
        array, _ = to_numpy(x)
        values = self._core.trace(as_network_input(array, self.graph.input))
        return {node.name: value for node, value in zip(self.graph.nodes, values, strict=True)}

    def profile(self, x: Any, rounds: int = 20) -> dict[str, tuple[float, ...]]:
        """Milliseconds by a steady clock for a batch ``x``, one per round.

        The keys are "node: kernels" for each step of the plan that runs, "output" for handing the result
        over, and "" for the sum of all. Where a batch is cut into blocks and single images, steps of both
        layouts are there. Units of images run one after the other, so more threads than one only split large
        layers here. Reading the clock adds some 50 ns to each step.

        Raises:
            DTypeError, ShapeError, DomainError: as a call does; ShapeError also for ``rounds`` below 1.
        """
        return profile(self._core, as_network_input(to_numpy(x)[0], self.graph.input), self.plan(), rounds)

    def plan(self) -> Plan:
        """Which kernels run for each node, in each layout that this model may use."""
        layouts = []
        for entry in self._core.plans():
            steps = tuple(self._plan_step(step) for step in entry["steps"])
            layouts.append(LayoutPlan(entry["layout"], entry["images_per_unit"], entry["arena_bytes"], steps))
        return Plan(self.isa, self.threads, tuple(layouts))

    def _plan_step(self, step: dict[str, Any]) -> PlanStep:
        nodes, values = step["nodes"], step["values"]
        if nodes:
            node, op = nodes[0], next(n.op for n in self.graph.nodes if n.name == nodes[0])
        else:
            node, op = (values[0], "repack") if values else (self.graph.input.name, "load")
        return PlanStep(
            node=node,
            fused=tuple(nodes[1:]),
            op=op,
            output=self.graph.type_of(values[0] if values else node).shape,
            kernels=tuple(step["kernels"]),
            bytes=step["bytes"],
            offset=step["offset"],
            scratch_bytes=step["scratch_bytes"],
            cost=step["cost"],
            rivals=tuple(step["rivals"]),
        )

    def cost(self, batch: int = 1) -> Any:
        """Counts and energy proxies for a batch by the plan that most of its images take; a
        :class:`binmorph.cost.Cost`."""
        from ..cost import cost

        return cost(self.graph, batch, self._layout_of(batch))

    def _layout_of(self, batch: int) -> LayoutPlan | None:
        singles = self._core.schedule(max(batch, 0))[1]
        wanted = "row-packed" if 2 * singles >= batch else "batch-sliced"
        return next(layout for layout in self.plan().layouts if layout.layout == wanted)

    def summary(self) -> str:
        """A table of layers: output shape, bits of weights, statuses."""
        rows = []
        for layer in self.layers:
            status = ", ".join(f"{count} {name}" for name, count in layer.status.items())
            rows.append((layer.name, layer.op, "x".join(map(str, layer.output)), status))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        return "\n".join(
            "  ".join([*(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=False)), row[3]]).rstrip()
            for row in rows
        )

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.graph.input.shape))
        return f"PackedModel({len(self.graph.nodes)} nodes, {self.graph.input.dtype} {shape}, isa {self.isa})"


def load(
    path: str | os.PathLike[str],
    device: str = "cpu",
    threads: int | None = None,
    *,
    isa: str | None = None,
    layout: str | None = None,
    max_memory: int | None = None,
) -> PackedModel:
    """Read, validate and plan a ``.bmorph`` file.

    Args: see :class:`PackedModel`; ``device`` is "cpu", "cuda" or "cuda:N" (a :class:`.device.DeviceModel`,
    which takes no ``threads`` and no ``layout``).

    Raises:
        FormatError, VersionError, ChecksumError: the file is not a valid network.
        DeviceError: there is no such device, or it cannot be used; the message says why.
        UnsupportedOpError: the device has no kernel for a node.
        OSError: the file cannot be read.
    """
    if device == "cpu":
        return PackedModel(
            load_graph(Path(path)), threads=threads, isa=isa, layout=layout, max_memory=max_memory
        )
    from .device import DeviceModel

    if threads is not None or layout is not None:
        raise DeviceError(f"threads and layout are settings of device 'cpu'; leave them out for {device!r}")
    return DeviceModel(load_graph(Path(path)), device, isa=isa, max_memory=max_memory)
