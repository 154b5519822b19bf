"""Reads a traced graph: where a node comes from, what its constants are, whether it changes any value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')

IDENTITY = {
    "aten.dropout",
    "aten.feature_dropout",
    "aten.alpha_dropout",
    "aten.contiguous",
    "aten.clone",
    "aten.detach",
    "aten.alias",
    "aten.lift_fresh_copy",
}
"""Operators that leave every value as it is (dropout, because the network is in eval mode)."""

CASTS = {"aten.to", "aten._to_copy", "aten.type_as"}
RESHAPES = {"aten.flatten", "aten.view", "aten.reshape", "aten._unsafe_view"}
PADS = {"aten.pad", "aten.constant_pad_nd", "aten.replication_pad2d"}
GUARDS = {"aten._assert_tensor_metadata", "aten._assert_scalar", "aten.sym_constrain_range_for_size"}


@dataclass(frozen=True)
class Site:
    """Where a traced operator comes from: ``path`` is the module path, ``source`` "file:line" or ""."""

    path: str
    module_class: str
    op: str
    source: str

    def __str__(self) -> str:
        module = f"{self.path or '(the network itself)'} ({self.module_class or 'function'})"
        return f"{module}: {self.op}" + (f", {self.source}" if self.source else "")


def op_name(node: fx.Node) -> str:
    """Full name of the operator, for example "aten.max_pool2d.default"."""
    return str(node.target) if node.op == "call_function" else f"{node.op} {node.target}"


def base_name(node: fx.Node) -> str:
    """Name without the overload, for example "aten.max_pool2d"."""
    return (
        op_name(node).rsplit(".", 1)[0] if isinstance(node.target, torch._ops.OpOverload) else op_name(node)
    )


def site(node: fx.Node) -> Site:
    """The innermost user module around ``node`` and the last line of the user's code that led to it."""
    path, module_class = "", ""
    for entry_path, entry_class in (node.meta.get("nn_module_stack") or {}).values():
        path = str(entry_path)
        module_class = entry_class if isinstance(entry_class, str) else entry_class.__qualname__
    frames = _FRAME.findall(node.meta.get("stack_trace") or "")
    # Frames inside installed packages do not help; the caller's own line does.
    own = [f"{file}:{line}" for file, line in frames if "site-packages" not in file and "<" not in file]
    return Site(path, module_class.rsplit(".", 1)[-1], op_name(node), own[-1] if own else "")


def tensor_constants(program: torch.export.ExportedProgram) -> dict[str, torch.Tensor]:
    """Parameters, buffers and lifted constants by the name of their placeholder."""
    signature = program.graph_signature
    lifted: dict[str, str] = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    found: dict[str, torch.Tensor] = {}
    for placeholder, target in lifted.items():
        value = program.state_dict.get(target, program.constants.get(target))
        if isinstance(value, torch.Tensor):
            found[placeholder] = value.detach()
    return found


def fold(node: fx.Node, constants: dict[fx.Node, Any]) -> bool:
    """Evaluate ``node`` if it reads constants only or nothing (weights prepared in forward()); True if it
    did."""
    if node.op != "call_function" or any(i not in constants for i in node.all_input_nodes):
        return False
    if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
        return False
    args = fx.node.map_arg(node.args, lambda n: constants[n])
    kwargs = fx.node.map_arg(node.kwargs, lambda n: constants[n])
    with torch.no_grad():
        constants[node] = node.target(*args, **kwargs)
    return True


def shape_of(node: fx.Node) -> tuple[Any, ...]:
    """Shape with the (symbolic) batch first; () when the tracer left none."""
    value = node.meta.get("val")
    return tuple(value.shape) if isinstance(value, torch.Tensor) else ()


def dtype_of(node: fx.Node) -> torch.dtype | None:
    """Dtype of the traced value, or None."""
    value = node.meta.get("val")
    return value.dtype if isinstance(value, torch.Tensor) else None


def pair(value: Any) -> tuple[int, int]:
    """(rows, columns) from an int or a list of one or two."""
    items = [int(v) for v in value] if isinstance(value, (list, tuple)) else [int(value)]
    return (items[0], items[-1])


def pool_window(node: fx.Node) -> tuple[tuple[int, int], tuple[int, int]]:
    """(kernel, stride) of a max-pool."""
    args = bound(node)
    kernel = pair(args["kernel_size"])
    return kernel, pair(args["stride"]) if args["stride"] else kernel


def bound(node: fx.Node) -> dict[str, Any]:
    """The operator's arguments by name, defaults filled in, nodes left as nodes."""
    schema = node.target._schema
    found = {a.name: a.default_value for a in schema.arguments if a.has_default_value()}
    found.update(zip((a.name for a in schema.arguments), node.args, strict=False))
    found.update(node.kwargs)
    return found
