"""The oracle's half for integer and float32 streams, and random graphs of them.

Written from the docstrings of ``binmorph.ir`` alone, tap by tap and rounding by rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from binmorph import ir

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


def fma(a: Array, b: Array, c: Array) -> Floats:
    """a * b + c in float32 with one rounding: the float64 sum is rounded to odd, then to float32."""
    product = a.astype(np.float64) * b.astype(np.float64)  # exact: 24 + 24 bits
    addend = np.broadcast_to(c, product.shape).astype(np.float64)
    total = product + addend
    back = total - product
    error = (product - (total - back)) + (addend - back)
    even = (total.view(np.int64) & 1) == 0
    toward = np.where(error > 0, np.inf, -np.inf)
    odd = np.where((error != 0) & even & np.isfinite(total), np.nextafter(total, toward), total)
    with np.errstate(over="ignore"):
        return odd.astype(np.float32)


def per_channel(values: Array, rank: int) -> Array:
    """[C] to [C, 1, 1], or as it is for features."""
    return values.reshape(-1, *[1] * (rank - 2))


def taps_inside(size: int, kernel: int, stride: int, dilation: int, padding: int) -> list[tuple[bool, ...]]:
    """Per output position along an axis, which taps see the image."""
    positions = range((size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)
    return [tuple(0 <= p * stride + k * dilation - padding < size for k in range(kernel)) for p in positions]


def by_class(node: ir.WindowNode, x: Array, table: Array) -> Array:
    """int32 [classes, O] as [O, H', W'] for an input [N, C, H, W]."""
    axes = zip(x.shape[2:], node.kernel, node.stride, node.dilation, node.padding, strict=True)
    rows, columns = (taps_inside(*axis) for axis in axes)
    row_classes, column_classes = list(dict.fromkeys(rows)), list(dict.fromkeys(columns))
    of = [
        [row_classes.index(r) * len(column_classes) + column_classes.index(c) for c in columns] for r in rows
    ]
    number = np.array(of) if len(table) > 1 else np.zeros((len(rows), len(columns)), np.int64)
    return np.moveaxis(table[number], -1, 0)


def patches(node: ir.WindowNode, x: Array, value: Any = 0) -> Array:
    """[N, C, H, W] to [N, groups, C / groups, kh, kw, H', W'], ``value`` (or the nearest pixel) outside."""
    (kh, kw), (sh, sw), (dh, dw), (ph, pw) = node.kernel, node.stride, node.dilation, node.padding
    around = ((0, 0), (0, 0), (ph, ph), (pw, pw))
    if node.border == "replicate":
        x = np.pad(x, around, mode="edge")
    else:
        x = np.pad(x, around, constant_values=node.border == "ones" if x.dtype == np.bool_ else value)
    height = (x.shape[2] - dh * (kh - 1) - 1) // sh + 1
    width = (x.shape[3] - dw * (kw - 1) - 1) // sw + 1
    rows = np.arange(kh)[:, None] * dh + np.arange(height) * sh
    columns = np.arange(kw)[:, None] * dw + np.arange(width) * sw
    windows = x[:, :, rows[:, None, :, None], columns[None, :, None, :]]
    return windows.reshape(len(x), node.groups, x.shape[1] // node.groups, *windows.shape[2:])


def _correlate(node: ir.WindowNode, windows: Array, weight: Array) -> Array:
    """Integer sums [N, O, H', W'] of ``weight`` [O, n] over the windows."""
    outputs = len(weight) // node.groups
    grouped = weight.astype(np.int64).reshape(node.groups, outputs, *windows.shape[2:5])
    sums = np.einsum("ngcijyx,gocij->ngoyx", windows.astype(np.int64), grouped)
    return sums.reshape(len(windows), len(weight), *windows.shape[5:])


def _count(node: ir.CountConv2d, x: Array) -> Array:
    image = x[..., None, None] if x.ndim == 2 else x
    signs = node.plus_weights.astype(np.int64) - node.minus_weights
    y = node.factor * _correlate(node, patches(node, image), signs) + by_class(node, image, node.constant)
    return y.astype(np.int32).reshape(*y.shape[: x.ndim])


def _two_value(node: ir.TwoValueConv2d, x: Array) -> Array:
    image = x[..., None, None] if x.ndim == 2 else x
    windows = patches(node, image)
    marked = node.factor * _correlate(node, windows, node.plus_weights) + by_class(node, image, node.constant)
    whole = node.factor * _correlate(node, windows, np.ones_like(node.plus_weights)) + by_class(
        node, image, node.total
    )
    low = node.low[:, None, None] * whole.astype(np.float32)
    y = fma(np.broadcast_to(node.difference[:, None, None], marked.shape), marked.astype(np.float32), low)
    return y.reshape(*y.shape[: x.ndim])


def _conv2d(node: ir.Conv2d, x: Array) -> Floats:
    windows = patches(node, x.astype(np.float32))
    outputs = len(node.weight) // node.groups
    weight = node.weight.reshape(node.groups, outputs, *node.weight.shape[1:])
    shape = (len(x), node.groups, outputs, *windows.shape[5:])
    y = np.broadcast_to(node.bias.reshape(node.groups, outputs, 1, 1), shape).astype(np.float32)
    for i in range(node.kernel[0]):
        for j in range(node.kernel[1]):
            for c in range(node.weight.shape[1]):
                tap = np.broadcast_to(windows[:, :, None, c, i, j], shape)
                y = fma(np.broadcast_to(weight[:, :, c, i, j, None, None], shape), tap, y)
    return y.reshape(len(x), len(node.weight), *shape[3:])


def _pool(node: ir.MaxPool | ir.AvgPool, x: Floats) -> Floats:
    (kh, kw), (sh, sw) = node.kernel, node.stride
    if isinstance(node, ir.MaxPool):
        (ph, pw) = node.padding
        x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=-np.inf)
    height, width = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    y = x[:, :, : height * sh : sh, : width * sw : sw][:, :, :height, :width]
    for k in range(1, kh * kw):
        i, j = divmod(k, kw)
        tap = x[:, :, i : i + height * sh : sh, j : j + width * sw : sw][:, :, :height, :width]
        y = np.maximum(y, tap) if isinstance(node, ir.MaxPool) else y + tap
    return y if isinstance(node, ir.MaxPool) else y / np.float32(kh * kw)


def linear(node: ir.Linear, x: Array) -> Floats:
    """y = bias; then, k ascending, + weight[:, k] for each set bit, or fma(weight[:, k], x[:, k], y)."""
    y = np.repeat(node.bias[None], len(x), axis=0)
    for k in range(x.shape[1]):
        if x.dtype == np.bool_:
            y = np.where(x[:, k, None], y + node.weight[None, :, k], y)
        else:
            weight = np.broadcast_to(node.weight[None, :, k], y.shape)
            y = fma(weight, np.broadcast_to(x[:, k, None], y.shape), y)
    return y


def evaluate_stream(node: ir.AnyNode, x: Array, others: list[Array]) -> Array | None:
    """The value of a node that reads or writes numbers; None if it is not one of them."""
    if isinstance(node, ir.CountConv2d):
        return _count(node, x)
    if isinstance(node, ir.TwoValueConv2d):
        return _two_value(node, x)
    if isinstance(node, ir.PixelConv2d):
        sums = _correlate(node, patches(node, x), node.weight.reshape(len(node.weight), -1))
        return (sums + by_class(node, x, node.constant)).astype(np.int32)
    if isinstance(node, ir.Conv2d):
        return _conv2d(node, x)
    if isinstance(node, ir.Affine):
        scale, shift = (np.broadcast_to(per_channel(a, x.ndim), x.shape) for a in (node.scale, node.shift))
        return fma(x.astype(np.float32), scale, shift)
    if isinstance(node, ir.Add):
        return x + others[0]
    if isinstance(node, ir.PRelu):
        return np.where(x > 0, x, per_channel(node.slope, x.ndim) * x)
    if isinstance(node, ir.Clamp):
        low = np.where(x < node.limits[0], node.limits[0], x)
        return np.where(low > node.limits[1], node.limits[1], low)
    if isinstance(node, ir.AvgPool) or (isinstance(node, ir.MaxPool) and x.dtype != np.bool_):
        return _pool(node, x)
    if isinstance(node, ir.Concat):
        return np.concatenate([x, *others], axis=1)
    if isinstance(node, ir.Linear):
        return linear(node, x)
    return None


# --- random graphs ---


def _floats(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Floats:
    """Values of which some are whole: ties happen."""
    values = rng.normal(scale=scale, size=shape).astype(np.float32)
    return np.where(rng.random(shape) < 0.3, np.rint(values), values).astype(np.float32)


def _geometry(rng: np.random.Generator, x: ir.ValueType, borders: tuple[str, ...]) -> dict[str, Any]:
    if len(x.shape) == 1:
        return dict.fromkeys(("kernel", "stride", "dilation"), (1, 1)) | {
            "padding": (0, 0),
            "groups": 1,
            "border": borders[0],
        }
    padding = tuple(int(p) for p in rng.integers(0, 3, 2))
    dilation = tuple(int(d) for d in rng.integers(1, 3, 2))
    fits = [(s + 2 * p - 1) // d + 1 for s, p, d in zip(x.shape[1:], padding, dilation, strict=True)]
    return {
        "kernel": tuple(int(rng.integers(1, min(3, fit) + 1)) for fit in fits),
        "stride": tuple(int(s) for s in rng.integers(1, 3, 2)),
        "dilation": dilation,
        "padding": padding,
        "groups": int(rng.choice([g for g in range(1, x.shape[0] + 1) if x.shape[0] % g == 0])),
        "border": str(rng.choice(borders)),
    }


def _classes(rng: np.random.Generator, geometry: dict[str, Any], x: ir.ValueType) -> int:
    if len(x.shape) == 1 or rng.random() < 0.5:
        return 1
    names = ("kernel", "stride", "dilation", "padding")
    axes = zip(x.shape[1:], *(geometry[name] for name in names), strict=True)
    return int(np.prod([len(set(taps_inside(*axis))) for axis in axes]))


def _random_conv(
    rng: np.random.Generator, name: str, source: str, x: ir.ValueType, outputs: int | None = None
) -> ir.AnyNode:
    """A convolution that writes sums, of a sort that reads ``x``."""
    binary = x.kind == "bits"
    borders = ("zeros", "ones", "replicate") if binary else ("zeros",)
    geometry = _geometry(rng, x, borders)
    groups = geometry["groups"]
    outputs = groups * int(rng.choice([1, 2, 5, 40 // groups + 1])) if outputs is None else outputs
    depth = x.shape[0] // groups
    n = depth * int(np.prod(geometry["kernel"]))
    constant = rng.integers(-9, 9, (_classes(rng, geometry, x), outputs)).astype(np.int32)
    if x.kind == "uint8" and rng.random() < 0.6:
        weight = rng.integers(-128, 128, (outputs, depth, *geometry["kernel"])).astype(np.int8)
        return ir.PixelConv2d(name, source, **geometry, weight=weight, constant=constant)
    if not binary:
        weight = _floats(rng, outputs, depth, *geometry["kernel"])
        return ir.Conv2d(name, source, **geometry, weight=weight, bias=_floats(rng, outputs))
    factor = int(rng.integers(1, 3))
    plus = rng.random((outputs, n)) < rng.choice([0.03, 0.5])
    if rng.random() < 0.3:
        total = rng.integers(-9, 9, (len(constant), 1)).astype(np.int32)
        floats = {"difference": _floats(rng, outputs), "low": _floats(rng, outputs)}
        return ir.TwoValueConv2d(
            name,
            source,
            **geometry,
            factor=factor,
            plus_weights=plus,
            constant=constant,
            total=total,
            **floats,
        )
    minus = ~plus if rng.random() < 0.5 else (rng.random(plus.shape) < rng.choice([0, 0.4])) & ~plus
    return ir.CountConv2d(
        name, source, **geometry, factor=factor, plus_weights=plus, minus_weights=minus, constant=constant
    )


def random_stream_graph(rng: np.random.Generator, *, steps: int = 14, side: int = 9) -> ir.Graph:
    """A network of sums, residual streams, signs, pooling and concatenation, with branches; then a head."""
    dtype = str(rng.choice(["uint8", "float32"]))
    size = rng.integers(1, side + 1, 2)
    spec = ir.InputSpec(dtype, (int(rng.integers(1, 5)), int(size[0]), int(size[1])))
    types = {spec.name: ir.ValueType(dtype, spec.shape)}
    nodes: list[ir.AnyNode] = []

    def add(node: ir.AnyNode) -> None:
        types[node.name] = node.infer(*(types[name] for name in node.inputs))
        nodes.append(node)

    add(_random_conv(rng, "stem", spec.name, types[spec.name]))
    for i in range(steps):
        name, source = f"n{i}", str(rng.choice(list(types)[1:])) if rng.random() < 0.3 else nodes[-1].name
        x = types[source]
        channels, image = x.shape[0], len(x.shape) == 3
        same = [k for k, t in types.items() if t.kind == x.kind and t.shape[1:] == x.shape[1:]]
        choice = rng.random()
        if x.kind == "bits" and choice < 0.75:
            add(_random_conv(rng, name, source, x))
        elif x.kind == "int32" and choice < 0.5:
            add(ir.Affine(name, source, _floats(rng, channels), _floats(rng, channels)))
        elif x.kind == "float32" and choice < 0.55:
            partners = [k for k, t in types.items() if t == x]
            kernel = (int(rng.integers(1, min(3, x.shape[1]) + 1)), 1) if image else (1, 1)
            options: list[ir.AnyNode] = [
                ir.Affine(name, source, _floats(rng, channels), _floats(rng, channels)),
                ir.PRelu(name, source, _floats(rng, channels)),
                ir.Clamp(name, source, np.sort(_floats(rng, 2, scale=3.0))),
                ir.Add(name, source, str(rng.choice(partners))),
                ir.Add(name, source, str(rng.choice(partners))),
            ]
            if image:
                padding = (int(rng.integers(0, kernel[0] // 2 + 1)), 0)
                options += [
                    ir.AvgPool(name, source, kernel, (1, 2)),
                    ir.MaxPool(name, source, kernel, (2, 1), padding),
                    _random_conv(rng, name, source, x),
                ]
            add(options[int(rng.integers(len(options)))])
        elif choice < 0.68 and channels < 200:
            chosen = rng.choice(same, int(rng.integers(1, 3)))
            add(ir.Concat(name, source, tuple(str(k) for k in chosen)))
        elif x.kind != "bits" and channels < 100:
            levels = 1 if rng.random() < 0.7 else int(rng.integers(2, 4))
            add(ir.LevelSets(name, source, _floats(rng, channels, levels, scale=4.0)))
        elif image:
            add(ir.Flatten(name, source))
    last = nodes[-1].name
    if len(types[last].shape) == 3 and rng.random() < 0.6:
        add(ir.Flatten("flat", last))
    last = nodes[-1].name
    if len(types[last].shape) == 1 and types[last].kind != "int32":
        weight = _floats(rng, int(rng.integers(1, 20)), types[last].shape[0])
        add(ir.Linear("head", last, weight, _floats(rng, len(weight))))
    return ir.Graph(spec, tuple(nodes), nodes[-1].name)
