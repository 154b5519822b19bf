"""The state of one walk over a traced graph, and the questions that handlers ask it."""

from __future__ import annotations

from collections import Counter
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
from .values import Array, Reading, Reference, Rounded, Value


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


class NotAThreshold(Stop):
    """Ends one search: the bit behind a number is not one comparison of it."""


class Misfit(Stop):
    """Ends one handler: its node could be packed in another form, so what reads it is not to be blamed."""


class Blameless(Exception):
    """Ends one handler: what it reads has been reported already."""


@dataclass
class Lowering:
    """State of one walk over the graph; handlers live in HANDLERS.

    ``resolved`` and ``numbers`` hold what pending values became, as bits and as streams. ``uses`` counts the
    packed nodes that a binary layer became; those in ``shared`` become one stream of sums, since an earlier
    walk found several readers. ``flipped`` are signs whose complements had to be undone; those in ``plain``
    are stored as they are, where that is possible. ``closed_forms`` counts the channels whose threshold was
    also derived, and those of them where this gave another.
    """

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
    resolved: dict[fx.Node, Value | None] = field(default_factory=dict)
    numbers: dict[fx.Node, Value] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)
    floated: dict[str, str] = field(default_factory=dict)
    rounded: dict[str, Rounded] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    uses: Counter[str] = field(default_factory=Counter)
    shared: frozenset[str] = frozenset()
    flipped: set[str] = field(default_factory=set)
    plain: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)
    closed_forms: Counter[str] = field(default_factory=Counter)

    def name_for(self, node: fx.Node) -> str:
        """The module path, made unique: the traced name for functions, a "#2" for the second call of a
        module."""
        where = match.site(node)
        # A function called in a container's forward() has the container's path, which names no single layer.
        module = self.modules.get(where.path)
        leaf = module is not None and (
            not list(module.children())
            or where.op.startswith("binmorph.")
            or bool(getattr(module, "packs_as_one", False))
        )
        return self.unique(
            where.path if where.path and leaf else ".".join(filter(None, (where.path, node.name)))
        )

    def unique(self, base: str) -> str:
        """``base``, or with a "#2" ... if that is taken."""
        taken = {self.input.name, *self.sites}
        name, call = base, 2
        while name in taken:
            name, call = f"{base}#{call}", call + 1
        return name

    def put(self, node: fx.Node, build: Callable[[str], ir.AnyNode]) -> str:
        """Append the IR node that ``build`` makes for a name, and return the name; its shape rules are
        checked by ir.Graph at the end."""
        name = self.name_for(node)
        self.nodes.append(build(name))
        self.sites[name] = match.site(node)
        self.traced_nodes[name] = node.name
        return name

    def reads(self, name: str, node: fx.Node, value: Value) -> None:
        """Note what the packed layer ``name`` of the traced ``node`` reads: ``value``, in front of any
        padding."""
        start = next(n for n in node.all_input_nodes if n not in self.constants)
        while match.base_name(start) in match.PADS:
            start = next(n for n in start.all_input_nodes if n not in self.constants)
        self.readings[name] = Reading(start, value)

    def helper(self, base: str, op: str, build: Callable[[str], ir.AnyNode]) -> str:
        """Append an IR node that no traced value is equal to; its name."""
        name = self.unique(base)
        self.nodes.append(build(name))
        self.sites[name] = Site(name, "", f"binmorph.{op}", "")
        return name

    def add(self, node: fx.Node, build: Callable[[str], ir.AnyNode], kind: str) -> None:
        """:meth:`put`, and the node's value is what was put."""
        self.values[node] = Value(self.put(node, build), kind)

    def constant(self, node: Any, what: str) -> Array:
        """The numpy value of a constant argument."""
        if isinstance(node, fx.Node) and node in self.constants:
            return np.ascontiguousarray(self.constants[node].detach().cpu().numpy())
        raise Stop(f"its {what} depends on the input")

    def known(self, node: Any) -> Value:
        """The value of ``node``; ends the handler if there is none, or if it was reported already."""
        value = self.values.get(node) if isinstance(node, fx.Node) else None
        if value is None:
            raise Stop("it reads a value that is not the output of an earlier layer")
        if value.kind in ("unresolved", "unknown"):
            raise Blameless
        return value

    def binary(self, node: Any) -> Value | None:
        """The value of ``node`` as bits, signs or an image; None if it is a number."""
        value = self.known(node)
        from .resolve import resolve  # builds on this module
        from .signs import joined

        if value.kind == "pending":
            found = resolve(self, node)
            if found is not None and found.kind == "unresolved":
                raise Blameless
            return found
        if value.kind == "concat":
            return joined(self, node, value)
        return None if value.kind in ("int", "float") else value

    def read(self, node: Any, op: str) -> Value:
        """The value that ``node`` became, as the input of a layer of bits."""
        value = self.binary(node)
        if value is None:
            from .resolve import record_not_binary

            record_not_binary(self, node, op)
            raise Blameless
        return value

    def read_bits(self, node: Any, op: str, *, signs: bool = False) -> Value:
        """As :meth:`read`; an image is packed as it is, if the example is binary. With ``signs`` the reader
        also takes signs, complemented channels and padding."""
        value = self.read(node, op)
        if value.kind != "image":
            return value if signs else self._plain(node, value, op)
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

    def _plain(self, node: fx.Node, value: Value, op: str) -> Value:
        """``value`` for a reader of {0, 1} only."""
        if value.kind == "signs":
            raise Stop(
                f"{op} reads {{0, 1}}, but its input {value.name!r} is -1 and +1; put (x + 1) / 2 in between"
            )
        if value.pad is not None:
            raise Stop("padding is packed only in front of a convolution")
        from .resolve import settle  # builds on this module

        return settle(self, node, value)

    def _made(self, name: str) -> ir.AnyNode:
        return next(n for n in self.nodes if n.name == name)
