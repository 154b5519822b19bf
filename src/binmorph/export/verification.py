"""Packed file against hard torch network: every packed layer, bit for bit, on the same inputs.

The hard network runs as the traced graph, in torch's own operators, so that every layer's value is known by
name, functional calls included; the untraced module's float output is compared too. A float last layer is
recomputed in numpy in the order that the graph states, from the bits that the packed layer itself read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from .. import ir
from ..errors import UnsupportedOpError, VerificationError
from .lower import Lowered, lower
from .match import tensor_constants
from .trace import Traced, as_input, trace
from .verify_report import LayerCheck, OutputCheck, VerifyReport

Array = npt.NDArray[Any]
CHUNK_VALUES = 1 << 25  # values held at once, per network


class Runtime(Protocol):
    """What verification needs of a loaded file (:class:`binmorph.runtime.PackedModel`)."""

    @property
    def isa(self) -> str: ...

    def trace(self, x: Array) -> dict[str, Array]: ...


def _load(path: str | os.PathLike[str], device: str, threads: int | None) -> Runtime:
    from .. import runtime

    loaded: Runtime = runtime.load(path, device=device, threads=threads)
    return loaded


class _Recorder(fx.Interpreter):
    """Runs a traced graph and keeps the value of every node in ``wanted``."""

    def __init__(self, module: fx.GraphModule, wanted: set[str]) -> None:
        super().__init__(module)
        self.wanted, self.seen = wanted, dict[str, torch.Tensor]()

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if n.name in self.wanted:
            # A copy: an operator in place may change the value later.
            self.seen[n.name] = result.detach().cpu().clone()
        return result


def hard_values(traced: Traced, lowered: Lowered, x: torch.Tensor) -> dict[str, Array]:
    """Every node's value in the hard network by IR name: bits as bool, floats as float32.

    Raises:
        VerificationError: a layer that should give bits gave another value.
    """
    graph = lowered.graph
    assert graph is not None
    constants = tensor_constants(traced.program)
    placeholders = [n for n in traced.program.graph.nodes if n.op == "placeholder"]
    arguments = [constants.get(n.name, x) for n in placeholders]
    wanted = {*lowered.traced_nodes.values(), *(name for name, _ in lowered.references.values())}
    recorder = _Recorder(traced.program.graph_module, wanted)
    with torch.inference_mode():
        recorder.run(*arguments, enable_io_processing=False)
    values: dict[str, Array] = {}
    for node in graph.nodes:
        if node.name in lowered.references:
            values[node.name] = _referred(node.name, *lowered.references[node.name], recorder)
            continue
        # A PackBinary has no layer of its own in torch: its value is the input.
        traced_name = lowered.traced_nodes.get(node.name)
        value = x.numpy() if traced_name is None else recorder.seen[traced_name].numpy()
        if graph.type_of(node.name).kind == "bits":
            if bool((value < 0).any()):
                value = (value + 1) / 2  # signs are stored as bits
            if not bool(np.all((value == 0) | (value == 1))):
                raise VerificationError(
                    f"layer {node.name!r}: the hard network gives values other than 0 and 1"
                )
            value = value != 0
        values[node.name] = value
    return values


def _referred(
    name: str, traced_name: str, stored: Callable[[torch.Tensor], Array], recorder: _Recorder
) -> Array:
    """The stored bits of a layer whose value in torch is a sum, or holds complemented channels."""
    try:
        return stored(recorder.seen[traced_name])
    except ValueError as error:
        raise VerificationError(f"layer {name!r}: the hard network gives {error}") from error


def linear_in_order(node: ir.Linear, bits: Array) -> npt.NDArray[np.float32]:
    """The float last layer as the graph defines it: float32 [N, O] from bool [N, K], weights added in
    ascending k."""
    y = np.broadcast_to(node.bias, (len(bits), len(node.bias))).astype(np.float32)
    for k in range(node.weight.shape[1]):
        y = np.where(bits[:, k, None], y + node.weight[None, :, k], y)
    return y


def random_inputs(graph: ir.Graph, rng: np.random.Generator, count: int = 67) -> torch.Tensor:
    """Inputs that probe a network: bits of every density, or gray values around, at and just below its
    levels.

    ``count`` is no multiple of a word size on purpose; fewer are made of large images.
    """
    spec = graph.input
    count = max(1, min(count, (1 << 22) // int(np.prod(spec.shape))))
    shape = (count, *spec.shape)
    readers = [node for node in graph.nodes if node.input == spec.name]
    levels = [node.values for node in readers if isinstance(node, ir.LevelSets)]
    if len(levels) < len(readers):
        density = rng.uniform(0, 1, (count, *[1] * len(spec.shape)))
        return torch.from_numpy((rng.uniform(0, 1, shape) < density).astype(spec.dtype))
    values = np.concatenate(levels, axis=1)
    low, high = float(values.min()), float(values.max())
    x = rng.uniform(low - 0.25 * (high - low) - 1e-3, high + 0.25 * (high - low) + 1e-3, shape).astype(
        np.float32
    )
    channels = np.arange(spec.shape[0])[None, :, None, None]
    at = values[channels, rng.integers(0, values.shape[1], shape)]
    below = np.nextafter(at, np.float32(-np.inf))
    x = np.choose(rng.integers(0, 4, shape), [x, x, at, below]).astype(np.float32)
    return torch.from_numpy(np.clip(np.rint(x), 0, 255).astype(np.uint8) if spec.dtype == "uint8" else x)


def _first(wrong: Array, start: int) -> tuple[int, ...] | None:
    if not wrong.any():
        return None
    image, *rest = (int(i) for i in np.argwhere(wrong)[0])
    return (image + start, *rest)


def _check(node: ir.AnyNode, hard: Array, got: Array, start: int) -> LayerCheck:
    if got.shape != hard.shape or got.dtype != np.bool_:
        raise VerificationError(
            f"layer {node.name!r}: the file gives {got.dtype} {got.shape[1:]}, the network bits "
            f"{hard.shape[1:]}; the file was not exported from this network"
        )
    wrong = got != hard
    return LayerCheck(node.name, node.op, int(hard.size), int(wrong.sum()), _first(wrong, start))


def _check_output(node: ir.Linear, hard: Array, eager: Array, bits: Array, got: Array) -> OutputCheck:
    if got.shape != hard.shape or got.dtype != np.float32:
        raise VerificationError(
            f"output {node.name!r}: the file gives {got.dtype} {got.shape[1:]}, the network float32 "
            f"{hard.shape[1:]}; the file was not exported from this network"
        )
    stated = linear_in_order(node, bits)
    return OutputCheck(
        node.name,
        float(np.abs(got - eager).max(initial=0.0)),
        int((got.argmax(1) == eager.argmax(1)).sum()),
        len(got),
        bool(np.array_equal(stated.view(np.int32), np.ascontiguousarray(got).view(np.int32))),
    )


def compare(
    traced: Traced,
    lowered: Lowered,
    path: str | os.PathLike[str],
    inputs: torch.Tensor,
    *,
    device: str = "cpu",
    threads: int | None = None,
    load: Callable[[str | os.PathLike[str], str, int | None], Runtime] | None = None,
) -> VerifyReport:
    """Compare a file with an already traced and lowered network; see :func:`verify`. ``load`` replaces the
    runtime."""
    graph = lowered.graph
    assert graph is not None
    net = (load or _load)(path, device, threads)
    per_image = sum(graph.type_of(node.name).size for node in graph.nodes)
    chunk = max(1, min(len(inputs), CHUNK_VALUES // per_image))
    layers: dict[str, LayerCheck] = {}
    output: OutputCheck | None = None
    for start in range(0, len(inputs), chunk):
        x = inputs[start : start + chunk]
        hard, packed = hard_values(traced, lowered, x), net.trace(x.numpy())
        missing = [node.name for node in graph.nodes if node.name not in packed]
        if missing:
            raise VerificationError(
                f"the file has no layer {missing[0]!r}; it was not exported from this network"
            )
        for node in graph.nodes:
            if isinstance(node, ir.Linear):
                with torch.inference_mode():
                    eager = traced.module(x).numpy()
                found = _check_output(node, hard[node.name], eager, packed[node.input], packed[node.name])
                output = found if output is None else output + found
            else:
                one = _check(node, hard[node.name], packed[node.name], start)
                layers[node.name] = one if node.name not in layers else layers[node.name] + one
    return VerifyReport(tuple(layers.values()), output, len(inputs), device, str(net.isa))


def verify(
    module: torch.nn.Module,
    path: str | os.PathLike[str],
    inputs: Any,
    *,
    device: str = "cpu",
    threads: int | None = None,
) -> VerifyReport:
    """Run the hard network and the packed file on ``inputs`` and compare every packed layer bit for bit.

    Arguments:
        module: in eval mode; hardened on a copy if it is smooth, as :func:`binmorph.export` does.
        inputs: tensor or array [N, C, H, W] or [N, K], of the dtype that the file reads.

    Raises:
        VerificationError: the file belongs to another network. A mismatch of bits is reported, not raised.
        UnsupportedOpError: the network has layers that cannot be packed.
        ShapeError, DTypeError: the inputs do not fit.
    """
    tensor = as_input(inputs, "inputs")
    traced = trace(module, tensor)
    lowered = lower(traced)
    if lowered.graph is None:
        problems = "\n".join(f"  - {p}" for p in lowered.problems)
        raise UnsupportedOpError(f"the network has layers that cannot be packed:\n{problems}")
    return compare(traced, lowered, path, tensor, device=device, threads=threads)
