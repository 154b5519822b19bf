"""DeviceModel: a network that runs on packed bits on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core, ir
from ..bits import BitArray
from ..device_bits import DeviceBitArray
from ..device_libraries import Library, device_number, view
from ..errors import DTypeError, IsaError, ShapeError
from .arrays import as_network_input, to_numpy
from .build import build_core_graph
from .device_arrays import as_device_input, library_on
from .model import PackedModel
from .plan import LayoutPlan, Plan, PlanStep

DTYPES = {"bits": "bool", "float32": "float32", "int32": "int32"}  # of values, for the caller
KERNELS = {None: 2, "cuda_wgmma": 3, "cuda_mma": 1, "cuda_simt": 0, "cuda_persistent": 4, "cuda_cluster": 5}


class DeviceModel(PackedModel):
    """A validated network, planned for one GPU: weights uploaded once, a whole batch one graph of kernels.

    Calls are re-entrant: many threads and streams may share one model. The bits are those of the CPU.

    Args:
        graph: the network.
        device: "cuda" or "cuda:N".
        isa: None for the best kernels of the device; "cuda_wgmma" (those of Hopper's warpgroups wherever they
            run), "cuda_mma" (tensor cores without them), "cuda_persistent" (the same, and layers of bits that
            follow one another in one launch, for small batches), "cuda_cluster" (such layers in one cluster
            of blocks whose shared memory holds all values; batches that do not fit it run as with None) or
            "cuda_simt" (plain kernels only).
        max_memory: upper bound in bytes for one call's working memory on the device; larger batches are cut.

    Raises:
        DeviceError: no driver, no such device, no kernels for it; the message says why.
        IsaError: ``isa`` is none of these.
        MemoryLimitError: one image needs more than ``max_memory``, or the weights do not fit.
        UnsupportedOpError: there is no kernel for a node on the device.
    """

    def __init__(
        self,
        graph: ir.Graph,
        device: str = "cuda",
        *,
        isa: str | None = None,
        max_memory: int | None = None,
    ) -> None:
        if isa not in KERNELS:
            raise IsaError(f"isa {isa!r}: a GPU has {', '.join(map(repr, filter(None, KERNELS)))}")
        if max_memory is not None and (
            isinstance(max_memory, bool) or not isinstance(max_memory, int) or not 0 <= max_memory < 2**63
        ):
            raise ShapeError(f"max_memory must be a number of bytes, 0 or more, got {max_memory!r}")
        self.graph = graph
        self._number = device_number(device)
        self._output = graph.type_of(graph.output)
        limit = {} if max_memory is None else {"max_memory": max_memory}
        self._model = _core.cuda.Model(build_core_graph(graph), self._number, KERNELS[isa], **limit)

    _packed_layouts = ("row-packed",)

    @property
    def device(self) -> str:
        """Where the model runs: "cuda:N"."""
        return f"cuda:{self._number}"

    @property
    def isa(self) -> str:
        """The compute capability of the device, as "sm_90"."""
        return f"sm_{self._model.sm}"

    @property
    def threads(self) -> int:
        """1: a call keeps no thread of the host busy but the caller's."""
        return 1

    def __call__(self, x: Any) -> Any:
        """The network's output for a batch ``x`` [N, *input shape]: float32 or bool [N, ...].

        Arrays of torch and CuPy on the model's device are read where they lie, on their library's current
        stream, and the result is one of the same kind, ready on that stream. The call waits for the device
        only if the network reads {0, 1} and the input's dtype is not bool. Arrays of the host are copied.
        A row-packed BitArray or DeviceBitArray gives one of its kind, if the network reads and makes bits.

        Raises:
            DTypeError: wrong dtype, or an array on another device.
            ShapeError: wrong shape.
            DomainError: the network reads only {0, 1} and ``x`` holds something else.
            DeviceError: work on the device failed.
            MemoryLimitError: the device's memory is spent.
        """
        if isinstance(x, BitArray):
            return self._run_packed(x)
        if isinstance(x, DeviceBitArray):
            return self._run_packed_on_device(x)
        library = library_on(x, self._number)
        if library is not None:
            return self._run_on_device(x, library)
        array, back = to_numpy(x)
        y = np.empty((len(array) if array.ndim else 0, *self._output.shape), DTYPES[self._output.kind])
        binary = array.dtype == np.bool_
        self._model.run(as_network_input(array, self.graph.input), len(y), False, binary, y)
        return back(y)

    def _run_on_device(self, x: Any, library: Library) -> Any:
        stream = library.stream()
        source, binary = as_device_input(x, library, self.graph.input, stream)
        images = source.shape[0]
        y = library.empty((images, *self._output.shape), DTYPES[self._output.kind])
        if images > 0:
            self._model.run_on(stream, source.address, images, binary, view(y, stream).address)
        return y

    def _run_packed(self, x: BitArray) -> BitArray:
        self._check_packed(x)
        shape = (x.shape[0], *self._output.shape)
        words = np.empty((*shape[:-1], -(-shape[-1] // 64)), np.uint64)
        self._model.run(x._words, x.shape[0], True, True, words)
        return BitArray(words, shape, "row-packed")

    def _run_packed_on_device(self, x: DeviceBitArray) -> DeviceBitArray:
        if x.device != self.device:
            raise DTypeError(
                f"input: the model runs on {self.device}, the bits lie on {x.device}; move one of them"
            )
        self._check_packed(x)
        return x.through(self._model, (x.shape[0], *self._output.shape))

    def trace(self, x: Any) -> dict[str, npt.NDArray[Any]]:
        """Every node's value for a batch ``x`` of the host, image by image: name -> array [N, ...]."""
        array, _ = to_numpy(x)
        source = as_network_input(array, self.graph.input)
        types = {node.name: self.graph.type_of(node.name) for node in self.graph.nodes}
        values = {name: np.empty((len(source), *t.shape), DTYPES[t.kind]) for name, t in types.items()}
        self._model.trace(source, len(source), list(values.values()))
        return values

    def profile(self, x: Any, rounds: int = 20) -> dict[str, tuple[float, ...]]:
        """Milliseconds by the device's clock for a batch ``x`` of the host, one per round.

        The keys are "node: kernel" for each launch by itself, "launch after launch" for the whole network
        where each waits for the end of the one before, and "" for the network as it runs, with launches that
        overlap where the device can; input and output lie on the device.
        """
        source = as_network_input(to_numpy(x)[0], self.graph.input)
        times = self._model.profile(source, len(source), rounds)
        names = [f"{step['nodes'][0]}: {step['kernel']}" for step in self._model.plan(len(source))["steps"]]
        names += ["launch after launch", ""]
        return {name: tuple(part) for name, part in zip(names, times, strict=True)}

    def plan(self, batch: int = 1) -> Plan:
        """Which kernels run for each node, and where in the device's memory their values lie."""
        entry = self._model.plan(batch)
        ops = {node.name: node.op for node in self.graph.nodes}
        steps = tuple(
            PlanStep(
                node=step["nodes"][0],
                op=ops[step["nodes"][0]],
                fused=tuple(step["nodes"][1:]),
                output=self.graph.type_of(step["nodes"][-1]).shape,
                kernels=(step["kernel"],),
                bytes=step["bytes"],
                offset=step["offset"],
                scratch_bytes=0,
                cost=0.0,
            )
            for step in entry["steps"]
        )
        return Plan(self.isa, 1, (LayoutPlan("device", batch, entry["arena_bytes"], steps),))

    def _layout_of(self, batch: int) -> None:
        return None  # its memories are not this machine's caches: the cost is that of the reference form

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.graph.input.shape))
        return (
            f"DeviceModel({len(self.graph.nodes)} nodes, {self.graph.input.dtype} {shape}, "
            f"{self.device} {self._model.device_name!r})"
        )
