"""Packed file against hard torch network: every packed layer, bit for bit, on the same inputs.

The hard network runs as the traced graph (:mod:`binmorph.export.reference`), so that every layer's value is
known by name, functional calls included; the untraced module's float output is compared too. A float last
layer is recomputed in numpy in the order that the graph states, from what the packed layer itself read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from .. import format as file_format
from .. import ir
from ..errors import UnsupportedOpError, VerificationError
from .agreement import end_to_end
from .checks import LayerCheck, OutputCheck
from .lower import Lowered, lower
from .probes import probe, runner
from .reference import hard_values
from .trace import Traced, as_input, trace
from .verify_report import VerifyReport, merged

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


def linear_in_order(node: ir.Linear, x: Array) -> npt.NDArray[np.float32]:
    """A float dense layer as the graph defines it: float32 [N, O] from bool or float32 [N, K], terms added in
    ascending k."""
    from ..nn.two_value_ops import fma

    y = np.broadcast_to(node.bias, (len(x), len(node.bias))).astype(np.float32)
    for k in range(node.weight.shape[1]):
        if x.dtype == np.bool_:
            y = np.where(x[:, k, None], y + node.weight[None, :, k], y)
        else:
            weight, input_ = (np.broadcast_to(a, y.shape).copy() for a in (node.weight[:, k], x[:, k, None]))
            y = fma(*(torch.from_numpy(a) for a in (weight, input_, y))).numpy()
    return y


def random_inputs(graph: ir.Graph, rng: np.random.Generator, count: int = 67) -> torch.Tensor:
    """Inputs that probe a network: bits of every density, gray values around, at and just below its levels,
    or numbers.

    ``count`` is no multiple of a word size on purpose; fewer are made of large images.
    """
    spec = graph.input
    count = max(1, min(count, (1 << 22) // int(np.prod(spec.shape))))
    shape = (count, *spec.shape)
    readers = [node for node in graph.nodes if spec.name in node.inputs]
    levels = [node.values for node in readers if isinstance(node, ir.LevelSets)]
    if any(isinstance(node, ir.PackBinary) for node in readers):
        density = rng.uniform(0, 1, (count, *[1] * len(spec.shape)))
        return torch.from_numpy((rng.uniform(0, 1, shape) < density).astype(spec.dtype))
    if len(levels) < len(readers):
        numbers = rng.integers(0, 256, shape) if spec.dtype == "uint8" else rng.normal(size=shape)
        return torch.from_numpy(numbers.astype(spec.dtype))
    values = np.concatenate(levels, axis=1)
    low, high = float(values.min()), float(values.max())
    x = rng.uniform(low - 0.25 * (high - low) - 1e-3, high + 0.25 * (high - low) + 1e-3, shape).astype(
        np.float32
    )
    channels = np.arange(spec.shape[0]).reshape(-1, *[1] * (len(spec.shape) - 1))[None]
    at = values[channels, rng.integers(0, values.shape[1], shape)]
    below = np.nextafter(at, np.float32(-np.inf))
    x = np.choose(rng.integers(0, 4, shape), [x, x, at, below]).astype(np.float32)
    return torch.from_numpy(np.clip(np.rint(x), 0, 255).astype(np.uint8) if spec.dtype == "uint8" else x)


def _first(wrong: Array, start: int) -> tuple[int, ...] | None:
    if not wrong.any():
        return None
    image, *rest = (int(i) for i in np.argwhere(wrong)[0])
    return (image + start, *rest)


def _mismatch(name: str, got: Array, hard: Array) -> VerificationError:
    return VerificationError(
        f"layer {name!r}: the file gives {got.dtype} {got.shape[1:]}, the network {hard.dtype} "
        f"{hard.shape[1:]}; the file was not exported from this network"
    )


def _check(node: ir.AnyNode, hard: Array, got: Array, start: int) -> LayerCheck:
    bits = got.dtype == np.bool_
    if got.shape != hard.shape or bits != (hard.dtype == np.bool_):
        raise _mismatch(node.name, got, hard)
    # Numbers are compared as such: a zero may have either sign.
    wrong = got != hard if bits else ~((got == hard) | (np.isnan(got) & np.isnan(hard)))
    kind = "bits" if bits else "numbers"
    return LayerCheck(node.name, node.op, int(hard.size), int(wrong.sum()), _first(wrong, start), kind)


def _check_output(graph: ir.Graph, eager: Array, packed: dict[str, Array], equal: bool) -> OutputCheck:
    """The float output; ``equal``: the led hard network agrees with it."""
    (node,) = (n for n in graph.nodes if n.name == graph.output)
    got = packed[node.name]
    if got.shape != eager.shape or got.dtype == np.bool_:
        raise _mismatch(node.name, got, eager)
    if isinstance(node, ir.Linear):
        stated = linear_in_order(node, packed[node.input])
        equal = bool(np.array_equal(stated.view(np.int32), np.ascontiguousarray(got).view(np.int32)))
    same = (got.argmax(1) == eager.argmax(1)).reshape(len(got), -1).all(1)
    gap = float(np.abs(got - eager).max(initial=0.0))
    return OutputCheck(node.name, gap, int(same.sum()), len(got), equal)


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
    parts: list[VerifyReport] = []
    for start in range(0, len(inputs), chunk):
        x = inputs[start : start + chunk]
        packed = net.trace(x.numpy())
        missing = [node.name for node in graph.nodes if node.name not in packed]
        if missing:
            raise VerificationError(
                f"the file has no layer {missing[0]!r}; it was not exported from this network"
            )
        hard, floats = hard_values(traced, lowered, x, packed)
        near = {check.name for check in floats}
        near |= {node.name for node in graph.nodes if isinstance(node, ir.Linear)}  # checked in its order
        layers = tuple(
            _check(node, hard[node.name], packed[node.name], start)
            for node in graph.nodes
            if node.name in hard and node.name not in near
        )
        output = None
        if graph.type_of(graph.output).kind != "bits":
            with torch.inference_mode():
                eager = traced.module(x).numpy()
            equal = all(c.mismatched == 0 for c in layers if c.name == graph.output)
            output = _check_output(graph, eager, packed, equal)
        apart = None
        if floats:
            apart = end_to_end(graph, hard_values(traced, lowered, x)[0], packed)
        parts.append(VerifyReport(layers, output, len(x), device, str(net.isa), tuple(floats), apart))
    return merged(parts)


def probed(
    report: VerifyReport, traced: Traced, lowered: Lowered, graph: ir.Graph, threads: int | None = None
) -> VerifyReport:
    """``report`` with each layer of ``graph`` tried by itself, on inputs made against it."""
    run = runner(lambda path: _load(path, report.device, threads))
    return replace(report, probes=probe(traced, lowered, graph, run))


def verify(
    module: torch.nn.Module,
    path: str | os.PathLike[str],
    inputs: Any,
    *,
    device: str = "cpu",
    threads: int | None = None,
) -> VerifyReport:
    """Run the hard network and the packed file on ``inputs`` and compare every packed layer bit for bit; then
    each layer by itself, on inputs that bring its sums to their thresholds (:mod:`binmorph.export.probes`).

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
    report = compare(traced, lowered, path, tensor, device=device, threads=threads)
    return probed(report, traced, lowered, file_format.load(path), threads)
