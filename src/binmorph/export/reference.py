"""The hard network as a traced graph, in torch's own operators, with the value of every packed layer.

Float sums whose order is the library's own would spread their roundings over all later layers. So the graph
can also be *led*: after each such operator it goes on with the packed network's value, once that lies within
the rounding error that n additions may make. Every other layer then reads the same input in both networks,
and must agree on every bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from .. import ir
from ..errors import VerificationError
from .checks import FloatCheck
from .lower import Lowered
from .match import base_name, tensor_constants
from .trace import Traced
from .values import Rounded

Array = npt.NDArray[Any]
ROUNDING = 2.0**-24  # half a unit in the last place of float32


class _Recorder(fx.Interpreter):
    """Runs a traced graph and keeps the value of every node in ``wanted``; with ``packed``, led by it."""

    def __init__(
        self,
        module: fx.GraphModule,
        wanted: set[str],
        rounded: Mapping[str, Rounded],
        packed: Mapping[str, Array] | None,
    ) -> None:
        super().__init__(module)
        self.wanted, self.seen = wanted, dict[str, torch.Tensor]()
        self.rounded, self.packed = rounded, packed
        self.checks: list[FloatCheck] = []

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if self.packed is not None and n.name in self.rounded:
            result = self._lead(n, result, self.rounded[n.name], self.packed)
        if n.name in self.wanted:
            # A copy: an operator in place may change the value later.
            self.seen[n.name] = result.detach().cpu().clone()
        return result

    def _lead(
        self, n: fx.Node, own: torch.Tensor, rounded: Rounded, packed: Mapping[str, Array]
    ) -> torch.Tensor:
        """The packed value of ``n``, which must lie near torch's own."""
        value = own
        if rounded.layer:
            # In order: torch normalises an image that is not by another formula.
            value = torch.from_numpy(np.array(packed[rounded.layer], np.float32, order="C")).reshape(
                own.shape
            )
        if rounded.canonical is not None:
            value = rounded.canonical(value).to(own.dtype)
        gap = (own.double() - value.double()).abs()
        # Each of the two sums is off by at most one rounding per term, of the sum of the magnitudes.
        limit = (2 * rounded.terms * ROUNDING + rounded.noise) * self._magnitude(n, own) + rounded.slack
        share = float((gap / limit.clamp_min(1e-30)).nan_to_num(torch.inf).max())
        self.checks.append(
            FloatCheck(rounded.layer or n.name, base_name(n), own.numel(), float(gap.max()), share)
        )
        return value

    def _magnitude(self, n: fx.Node, own: torch.Tensor) -> torch.Tensor:
        if base_name(n).endswith("_"):
            return own.abs().double()
        args, kwargs = fx.node.map_aggregate(self.fetch_args_kwargs_from_env(n), _absolute)
        return n.target(*args, **kwargs).double()


def _absolute(value: Any) -> Any:
    return value.abs() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def hard_values(
    traced: Traced, lowered: Lowered, x: torch.Tensor, packed: Mapping[str, Array] | None = None
) -> tuple[dict[str, Array], list[FloatCheck]]:
    """Values in the hard network by IR name (bits as bool, numbers as float32), and the float layers checked
    on the way; ``packed``, the packed network's values, leads it.

    Layers that no traced value is equal to are left out.

    Raises:
        VerificationError: a layer that should give bits gave another value.
    """
    graph = lowered.graph
    assert graph is not None
    constants = tensor_constants(traced.program)
    placeholders = [n for n in traced.program.graph.nodes if n.op == "placeholder"]
    arguments = [constants.get(n.name, x) for n in placeholders]
    wanted = {*lowered.traced_nodes.values(), *(name for name, _ in lowered.references.values())}
    recorder = _Recorder(traced.program.graph_module, wanted, lowered.rounded, packed)
    with torch.inference_mode():
        recorder.run(*arguments, enable_io_processing=False)
    values: dict[str, Array] = {}
    for node in graph.nodes:
        traced_name = lowered.traced_nodes.get(node.name)
        if node.name in lowered.references:
            values[node.name] = _referred(node.name, *lowered.references[node.name], recorder)
        elif isinstance(node, ir.PackBinary):
            values[node.name] = x.numpy() != 0
        elif traced_name is not None:
            value = recorder.seen[traced_name].numpy()
            type_ = graph.type_of(node.name)
            values[node.name] = _bits(node.name, value) if type_.kind == "bits" else value
            if value.shape[1:] != type_.shape and value.size == len(value) * type_.size:
                values[node.name] = value.reshape(len(value), *type_.shape)
    return values, recorder.checks


def _bits(name: str, value: Array) -> Array:
    if bool((value < 0).any()):
        value = (value + 1) / 2  # signs are stored as bits
    if not bool(np.all((value == 0) | (value == 1))):
        raise VerificationError(f"layer {name!r}: the hard network gives values other than 0 and 1")
    stored: Array = value != 0
    return stored


def _referred(
    name: str, traced_name: str, stored: Callable[[torch.Tensor], Array], recorder: _Recorder
) -> Array:
    """The stored bits of a layer whose value in torch is a sum, or holds complemented channels."""
    try:
        return stored(recorder.seen[traced_name])
    except ValueError as error:
        raise VerificationError(f"layer {name!r}: the hard network gives {error}") from error
