"""The state of one walk over a traced graph, and the questions that handlers ask it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import fx

from .. import ir
from . import match
from .hints import nearest
from .match import Site
from .trace import Traced

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Value:
    """What a traced node became: ``kind`` "image", "bits", "float", or "unknown" after a problem upstream."""

    name: str
    kind: str


@dataclass(frozen=True)
class Problem:
    """A layer that cannot be packed; ``node`` is the name of the traced node."""

    site: Site
    reason: str
    node: str = ""

    def __str__(self) -> str:
        hint = nearest(self.site.module_class, self.site.op)
        return f"{self.site}: {self.reason}; nearest supported form: {hint}"


class Stop(Exception):
    """Ends one handler: its node cannot be packed."""


@dataclass
class Lowering:
    """State of one walk over the graph; handlers live in HANDLERS."""

    traced: Traced
    modules: dict[str, torch.nn.Module]
    input: ir.InputSpec
    constants: dict[fx.Node, Any] = field(default_factory=dict)
    values: dict[fx.Node, Value] = field(default_factory=dict)
    nodes: list[ir.AnyNode] = field(default_factory=list)
    sites: dict[str, Site] = field(default_factory=dict)
    traced_nodes: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    removed: list[Site] = field(default_factory=list)
    consumed: set[str] = field(default_factory=set)

    def name_for(self, node: fx.Node) -> str:
        """The module path, made unique: the traced name for functions, a "#2" for the second call of a
        module."""
        where = match.site(node)
        taken = {self.input.name, *self.sites}
        # A function called in a container's forward() has the container's path, which names no single layer.
        module = self.modules.get(where.path)
        leaf = module is not None and (not list(module.children()) or where.op.startswith("binmorph."))
        base = where.path if where.path and leaf else ".".join(filter(None, (where.path, node.name)))
        name, call = base, 2
        while name in taken:
            name, call = f"{base}#{call}", call + 1
        return name

    def add(self, node: fx.Node, build: Callable[[str], ir.AnyNode], kind: str) -> None:
        """Append the IR node that ``build`` makes for a name; its shape rules are checked by ir.Graph at the
        end."""
        name = self.name_for(node)
        self.nodes.append(build(name))
        self.sites[name] = match.site(node)
        self.traced_nodes[name] = node.name
        self.values[node] = Value(name, kind)

    def constant(self, node: Any, what: str) -> Array:
        """The numpy value of a constant argument."""
        if isinstance(node, fx.Node) and node in self.constants:
            return np.ascontiguousarray(self.constants[node].detach().cpu().numpy())
        raise Stop(f"its {what} depends on the input")

    def read(self, node: Any, op: str) -> Value:
        """The value that ``node`` became, as a layer's input; ends the handler if it is float."""
        value = self.values.get(node) if isinstance(node, fx.Node) else None
        if value is None:
            raise Stop("it reads a value that is not the output of an earlier layer")
        self.consumed.add(value.name)
        if value.kind == "float":
            raise Stop(f"{op} reads bits, but its input {value.name!r} is float")
        return value

    def read_bits(self, node: Any, op: str) -> Value:
        """As :meth:`read`; an image is packed as it is, if the example is binary."""
        value = self.read(node, op)
        if value.kind != "image":
            return value
        example = self.traced.example
        wrong = (example != 0) & (example != 1)
        if bool(wrong.any()):
            at = tuple(int(i) for i in wrong.nonzero()[0])
            raise Stop(
                f"{op} reads bits, but the example input holds {example[at].item():g} at {list(at)}: put a "
                "binmorph.nn.LevelSets in front, or pass an example of 0s and 1s"
            )
        name = "packed_input"
        while name in self.sites and not isinstance(self._made(name), ir.PackBinary):
            name += "_"
        if name not in self.sites:
            self.nodes.append(ir.PackBinary(name, value.name))
            self.sites[name] = Site(name, "", "binmorph.pack_binary", "")
        return Value(name, "bits")

    def _made(self, name: str) -> ir.AnyNode:
        return next(n for n in self.nodes if n.name == name)
