"""One elementwise operator of torch as one node on a stream, checked against torch on values of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx

from .. import ir
from . import match
from .chain import evaluate
from .state import Lowering, Stop
from .values import Rounded, Value

Floats = npt.NDArray[np.float32]
TRIED = 1 << 17  # values tried per operator

LIMITS = {
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "hardtanh": ("min_val", "max_val"),
    "clamp": ("min", "max"),
    "clamp_min": ("min", np.inf),
    "clamp_max": (-np.inf, "max"),
}
"""Low and high of what clamps: numbers, or the argument's name."""


def one_operator(low: Lowering, node: fx.Node, source: fx.Node, x: Value) -> Value:
    """The node that computes ``node`` from the stream ``x``, the value of ``source``."""
    channels = int(match.shape_of(source)[1])
    base = match.base_name(node).removeprefix("aten.").rstrip("_")
    build = _build(low, node, source, base, channels)
    made = build("", "")
    for array in (getattr(made, name, None) for name in ("scale", "shift", "slope")):
        if array is not None and not np.isfinite(array).all():
            raise Stop("gives NaN; check its parameters and statistics")
    if not isinstance(made, ir.Affine):
        from .streams import as_float  # builds on this module

        x = Value(as_float(low, x), "float", domain=x.domain)
    values = sample(x, channels)
    expected, got = _by_torch(low, node, source, values), compute(made, values)
    rounded = base == "div" and not np.array_equal(expected, got)
    if not rounded and not np.array_equal(expected, got):
        raise Stop("torch computes it with other roundings than a stream does")
    name = low.put(node, lambda n: build(n, x.name))
    if rounded:
        low.rounded[node.name] = Rounded(name, 2)
    return Value(name, "float")


def sample(x: Value, channels: int) -> Floats:
    """Values [M, C] of a stream: every integer of its domain (or so many of them), or floats of all sizes."""
    if x.domain is not None:
        least, most, step = x.domain
        count = int((most - least).max()) // step + 1
        rows = np.unique(np.linspace(0, count - 1, min(count, TRIED // channels + 64)).astype(np.int64))
        return np.minimum(least + step * rows[:, None], most).astype(np.float32)
    rng = np.random.default_rng(0)
    size = (TRIED // 4 // channels + 64, channels)
    wide = rng.normal(size=size) * 2.0 ** rng.integers(-20, 21, size)
    whole = np.rint(rng.normal(size=size) * 20)
    return np.concatenate([wide, whole, rng.normal(size=size) * 3, np.zeros((1, channels))]).astype(
        np.float32
    )


def compute(node: ir.AnyNode, x: Floats) -> Floats:
    """What ``node`` makes of values [M, C], in torch's operators of one rounding each."""
    from ..nn.two_value_ops import fma

    if isinstance(node, ir.Affine):
        parts = (torch.from_numpy(np.broadcast_to(a, x.shape).copy()) for a in (x, node.scale, node.shift))
        return fma(*parts).numpy()
    if isinstance(node, ir.PRelu):
        return np.where(x > 0, x, node.slope * x)
    assert isinstance(node, ir.Clamp)
    raised = np.where(x < node.limits[0], node.limits[0], x)
    return np.where(raised > node.limits[1], node.limits[1], raised)


def _by_torch(low: Lowering, node: fx.Node, source: fx.Node, values: Floats) -> Floats:
    x = torch.from_numpy(values)
    flat = len(match.shape_of(source)) == 2
    known = {source: x if flat else x.T[None, :, :, None].contiguous()}
    y = evaluate(node, known, low.constants, lambda _, value: value)
    return (y if flat else y[0, :, :, 0].T).numpy()


def _per_channel(low: Lowering, value: Any, channels: int) -> Floats:
    """A constant argument as float32 [C]."""
    array = low.constants[value].numpy() if isinstance(value, fx.Node) else np.asarray(value)
    if array.size not in (1, channels):
        raise Stop("its constants differ within a channel")
    return np.broadcast_to(array.reshape(-1), channels).astype(np.float32)


def _build(low: Lowering, node: fx.Node, source: fx.Node, base: str, channels: int) -> Any:
    """The node as a function of its name and of what it reads."""
    args = match.bound(node)

    def number(key: Any, default: float = np.inf) -> float:
        found = args[key] if isinstance(key, str) else key
        if isinstance(found, fx.Node):
            raise Stop("its limits are tensors")
        return default if found is None else float(found)

    def affine(scale: Any, shift: Any) -> Any:
        wide = [np.broadcast_to(np.asarray(a, np.float32), channels).copy() for a in (scale, shift)]
        return partial(ir.Affine, scale=wide[0], shift=wide[1])

    if base == "batch_norm":
        return affine(*batch_norm_affine(node, low, channels))
    if base in LIMITS:
        ends = LIMITS[base]
        limits = np.array([number(ends[0], -np.inf), number(ends[1], np.inf)], np.float32)
        return partial(ir.Clamp, limits=limits)
    if base == "prelu":
        return partial(ir.PRelu, slope=_per_channel(low, args["weight"], channels))
    if base == "leaky_relu":
        return partial(ir.PRelu, slope=np.full(channels, number("negative_slope"), np.float32))
    if base == "neg":
        return affine(-1.0, -0.0)
    if base in ("add", "sub", "rsub", "mul", "div"):
        first = args["self"] is source
        other = args["other"] if first else args["self"]
        if other is source:
            if base == "add":
                return affine(2.0, -0.0)
            raise Stop("it joins a value with itself")
        c = _per_channel(low, other, channels)
        if base == "mul":
            return affine(c, -0.0)
        if base == "div" and first and args.get("rounding_mode") is None:
            return affine(np.float32(1) / c, -0.0)
        alpha = float(args.get("alpha", 1))
        if base == "add":
            return affine(1.0, np.float32(alpha) * c) if first else affine(alpha, c)
        if base in ("sub", "rsub"):
            minuend = first == (base == "sub")  # x - alpha c, or c - alpha x
            return affine(1.0, -np.float32(alpha) * c) if minuend else affine(-alpha, c)
    raise Stop("it works on a stream of numbers, which is not packed")


def batch_norm_affine(node: fx.Node, low: Lowering, channels: int) -> tuple[Floats, Floats]:
    """(a, b) of y = fma(x, a, b), read out of the operator itself by evaluating it at 0, and at 1 without
    mean and shift."""
    args = match.bound(node)
    given = {
        name: low.constants[value] if isinstance(value, fx.Node) else value
        for name, value in args.items()
        if name != "input"
    }
    if given["running_mean"] is None or given["training"]:
        raise Stop("it normalises with the statistics of the batch; track running statistics")
    with torch.no_grad():
        shift = node.target(torch.zeros(1, channels), **given)
        given["running_mean"] = torch.zeros(channels)
        given["bias"] = None if given["bias"] is None else torch.zeros(channels)
        scale = node.target(torch.ones(1, channels), **given)
    return scale[0].numpy(), shift[0].numpy()


def joined_by(low: Lowering, node: fx.Node, names: list[str], read: list[fx.Node]) -> str:
    """The sum or difference of two streams of one shape."""
    base = match.base_name(node).removeprefix("aten.").rstrip("_")
    args = match.bound(node)
    shapes = [match.shape_of(n) for n in read]
    if base not in ("add", "sub") or len(read) != 2 or float(args.get("alpha", 1)) != 1:
        raise Stop("it joins the values of two layers; only their sum or difference is packed")
    if [str(s) for s in shapes[0]] != [str(s) for s in shapes[1]]:
        raise Stop(f"it adds values of unlike shapes, {shapes[0][1:]} and {shapes[1][1:]}")
    first, second = (names[read.index(args[key])] for key in ("self", "other"))
    if base == "sub":
        one = np.ones(int(shapes[0][1]), np.float32)
        subtrahend = second
        second = low.helper(
            f"{subtrahend}.negative",
            "negative",
            lambda n: ir.Affine(n, subtrahend, -one, -0.0 * one),
        )
    return low.put(node, lambda n: ir.Add(n, first, second))
