"""Concatenation and slices of channels: kept apart as parts until a reader needs them as one."""

from __future__ import annotations

import operator

from torch import fx

from . import match
from .state import Lowering, Stop
from .streams import numbers
from .values import Value


def concatenate(low: Lowering, node: fx.Node) -> None:
    """torch.cat of channels: of bits, of signs, or of numbers."""
    args = match.bound(node)
    rank = len(match.shape_of(node))
    if int(args["dim"]) % rank != 1 or rank not in (2, 4):
        raise Stop("only channels are concatenated")
    read = list(args["tensors"])
    binary = [None if _parts(low, n) else low.binary(n) for n in read]
    kinds = {None if v is None or v.pad is not None else v.kind for v in binary}
    parts: list[tuple[int, Value]] = []
    for source, value in zip(read, binary, strict=True):
        channels = int(match.shape_of(source)[1])
        if kinds in ({"bits"}, {"signs"}) and value is not None:
            parts.append((channels, value))
        else:
            parts += _parts(low, source) or [(channels, numbers(low, source))]
    if any(part.kind in ("bits", "signs") for _, part in parts) and kinds not in ({"bits"}, {"signs"}):
        raise Stop("it joins bits that were concatenated already with numbers; concatenate them at once")
    low.values[node] = Value("", "concat", parts=tuple(parts))


def _parts(low: Lowering, node: fx.Node) -> list[tuple[int, Value]]:
    value = low.known(node)
    return list(value.parts) if value.kind == "concat" else []


def cut(low: Lowering, node: fx.Node) -> None:
    """x[:, start:stop], where a concatenation has its seams."""
    args = match.bound(node)
    source = args["self"]
    shape = match.shape_of(source)
    axis = int(args["dim"]) % len(shape)
    if args["step"] != 1:
        raise Stop("slices are packed with step 1 only")
    if axis == 0 and not args["start"] and (args["end"] is None or args["end"] >= 1 << 62):
        low.known(source)
        low.values[node] = low.values[source]
        return
    if axis != 1:
        raise Stop("only channels are sliced")
    count = int(shape[1])
    ends = [
        0 if args["start"] is None else int(args["start"]),
        count if args["end"] is None else int(args["end"]),
    ]
    start, stop = (min(max(e + count if e < 0 else e, 0), count) for e in ends)
    low.values[node] = slice_of(low, source, start, stop)


def slice_of(low: Lowering, source: fx.Node, start: int, stop: int) -> Value:
    """Channels ``start`` to ``stop`` of the value of ``source``."""
    count = int(match.shape_of(source)[1])
    if (start, stop) == (0, count):
        return low.known(source)
    chosen, at = [], 0
    for channels, part in _parts(low, source):
        if start <= at and at + channels <= stop:
            chosen.append((channels, part))
        at += channels
    if sum(channels for channels, _ in chosen) != stop - start:
        raise Stop("channels are sliced only where they were concatenated")
    return chosen[0][1] if len(chosen) == 1 else Value("", "concat", parts=tuple(chosen))


def split(low: Lowering, node: fx.Node) -> None:
    """torch.split and torch.chunk along the channels; their results are picked by :func:`pick`."""
    low.values[node] = low.known(node.all_input_nodes[0])


def pick(low: Lowering, node: fx.Node) -> None:
    """One result of an operator with several."""
    source, index = node.args
    assert isinstance(source, fx.Node)
    assert isinstance(index, int)
    if match.base_name(source) not in ("aten.split", "aten.chunk", "aten.split_with_sizes"):
        low.values[node] = low.known(source)  # the only result that is packed
        return
    if int(source.args[2] if len(source.args) > 2 else source.kwargs.get("dim", 0)) != 1:
        raise Stop("only channels are split")
    sizes = [int(v.shape[1]) for v in source.meta["val"]]
    start = sum(sizes[:index])
    low.values[node] = slice_of(low, source.all_input_nodes[0], start, start + sizes[index])


PICK = operator.getitem
