"""Programs of elementwise steps: equal bits on every tile of pixels and channels, nothing written beyond."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from guard_pages import PATTERN, GuardPages
from kernel_testing import every_kernel, kernels, pack_rows, reference_of, unpack_rows, words_for
from shapes import CHANNELS

F32 = np.float32


def values(rng, *shape):
    """Magnitudes far apart, zeros of both signs and infinities, so that every rounding shows."""
    v = rng.standard_normal(shape) * 2.0 ** rng.integers(-20, 20, shape)
    return np.where(rng.random(shape) < 0.1, rng.choice([0.0, -0.0, np.inf, -np.inf], shape), v).astype(F32)


def tables(rng, count, channels):
    return [values(rng, channels) for _ in range(count)]


def two_value_arguments(rng, pixels, channels):
    groups = int(rng.choice([g for g in (1, 2, 3, channels) if channels % g == 0]))
    return [*tables(rng, 2, channels), rng.integers(-5000, 5000, pixels * groups, np.int32), groups]


# Programs for which a kernel may have code of their own.
COMMON = [
    ("pack",),
    ("affine", "clamp", "store"),
    ("affine", "store"),
    ("affine", "add", "pack", "store"),
    ("affine", "add", "clamp", "store"),
]


def random_program(rng, pixels, channels, common):
    """Steps whose outputs are filled with a pattern."""
    untouched = lambda size, dtype: np.full(size * dtype().nbytes, PATTERN, np.uint8).view(dtype)  # noqa: E731
    make = {
        "affine": lambda: tables(rng, 2, channels),
        "two_value": lambda: two_value_arguments(rng, pixels, channels),
        "add": lambda: [values(rng, pixels * channels)],
        "prelu": lambda: tables(rng, 1, channels),
        "clamp": lambda: sorted(rng.choice([-np.inf, -1.0, -0.0, 0.0, 0.5, 1.0, np.inf], 2).tolist()),
        "store": lambda: [untouched(pixels * channels, np.float32)],
        "pack": lambda: [values(rng, channels), untouched(pixels * words_for(channels), np.uint64)],
    }
    names = (
        COMMON[rng.integers(len(COMMON))]
        if common
        else ["affine", *rng.choice(list(make), 5), "pack", "store"]
    )
    return [(name, *make[name]()) for name in names]


def map_arrays(steps, function):
    return [tuple(function(a) if isinstance(a, np.ndarray) else a for a in step) for step in steps]


def comparable(array):
    """The bytes, with every NaN alike: which NaN an operation of two gives is not part of the meaning."""
    if array.dtype == F32:
        array = np.where(np.isnan(array), F32(np.nan), array)
    return array.tobytes()


def check(op, kernel, edge, rng, channels, pixels, whole, common):
    blocks = (
        [0, words_for(channels)] if whole else sorted(rng.choice(words_for(channels) + 1, 2, False).tolist())
    )
    pixel_range = [0, pixels] if whole else sorted(rng.choice(pixels + 1, 2, False).tolist())
    row = min(64 * blocks[1], channels) - 64 * blocks[0]
    pitch = row + int(rng.integers(0, 3))
    size = (pixel_range[1] - pixel_range[0] - 1) * pitch + row
    src = {
        "elementwise_f32": lambda: values(rng, size),
        "elementwise_i16": lambda: rng.integers(-(2**15), 2**15, size, np.int16),
        "elementwise_i32": lambda: rng.integers(-(2**24), 2**24, size, np.int32),
    }[op]()
    steps = random_program(rng, pixels, channels, common)
    scalars = {"src_pitch": pitch, "channels": channels, "pixels": pixels, "pixel_range": pixel_range}
    run = getattr(kernels, op)
    expected = map_arrays(steps, np.copy)
    run(reference_of(op), src, steps=expected, blocks=blocks, **scalars)
    with GuardPages(edge) as pages:
        actual = map_arrays(steps, pages.place)
        run(kernel, pages.place(src), steps=actual, blocks=blocks, **scalars)
        pages.assert_intact()
        for (name, *left), (_, *right) in zip(actual, expected, strict=True):
            for a, b in zip(left, right, strict=True):
                if isinstance(a, np.ndarray):
                    assert comparable(a) == comparable(b), (kernel, name, scalars, blocks)


@pytest.mark.parametrize("op", ["elementwise_f32", "elementwise_i16", "elementwise_i32"])
@pytest.mark.parametrize("isa", ["generic", "x86_avx2", "x86_avx512"])
@pytest.mark.parametrize("edge", ["end", "start"])
def test_elementwise_equals_reference(op, isa, edge):
    kernel = f"{op}__{isa}"
    if kernel not in [name for _, name, _, supported in kernels.list_kernels() if supported]:
        pytest.skip(f"this machine cannot run {kernel}: it is NOT tested")
    rng = np.random.default_rng(1)
    for channels in CHANNELS:
        for whole, common in product((True, False), repeat=2):
            check(op, kernel, edge, rng, channels, int(rng.integers(1, 20)), whole, common)


def test_elementwise_reference_equals_numpy():
    rng = np.random.default_rng(2)
    pixels, channels = 7, 70
    x, other = rng.standard_normal((2, pixels, channels)).astype(F32)
    scale, shift, slope, first, second = rng.standard_normal((5, channels)).astype(F32)
    bits, again = (np.zeros((pixels, words_for(channels)), np.uint64) for _ in range(2))
    groups = rng.integers(-9, 9, (pixels, 2), np.int32)
    stored = np.zeros((pixels, channels), F32)
    steps = [
        ("affine", scale, shift),
        ("pack", first, bits),
        ("two_value", slope, scale, groups, 2),
        ("add", other),
        ("prelu", slope),
        ("clamp", -0.5, 1.0),
        ("store", stored),
        ("pack", second, again),
    ]
    kernels.elementwise_f32(
        reference_of("elementwise_f32"), x, channels, channels, steps, pixels, (0, pixels), (0, 2)
    )
    v = (x.astype(np.float64) * scale + shift).astype(F32)  # exact product: one rounding but for rare ties
    np.testing.assert_array_equal(unpack_rows(bits, channels), v >= first)
    v = (v * slope.astype(np.float64) + scale * np.repeat(groups, 35, 1).astype(F32)).astype(F32)
    v = v + other
    v = np.minimum(np.maximum(np.where(v > 0, v, v * slope), F32(-0.5)), F32(1.0))
    np.testing.assert_array_equal(stored, v)
    np.testing.assert_array_equal(again, pack_rows(v >= second))


@every_kernel("elementwise_f32")
def test_nan_and_signed_zeros(kernel, edge):
    x = np.array([np.nan, -0.0, 0.0, -np.inf], F32)
    n = len(x)
    clamped, rectified, bits = np.empty(n, F32), np.empty(n, F32), np.zeros(1, np.uint64)
    run = lambda *steps: kernels.elementwise_f32(kernel, x, n, n, steps, 1, (0, 1), (0, 1))  # noqa: E731
    run(("pack", np.zeros(n, F32), bits), ("clamp", 0.0, 6.0), ("store", clamped))
    run(("prelu", np.full(n, 0.25, F32)), ("store", rectified))
    assert bits[0] == 0b0110
    assert np.isnan(clamped[0])
    assert np.signbit(clamped[1:]).tolist() == [True, False, False]
    assert np.isnan(rectified[0])
    assert np.signbit(rectified[1:]).tolist() == [True, False, True]


def test_elementwise_refuses_what_does_not_fit():
    kernel, x = reference_of("elementwise_f32"), np.zeros(6, F32)
    run = lambda steps, **changes: kernels.elementwise_f32(  # noqa: E731
        kernel,
        **{"src": x, "src_pitch": 3, "channels": 3, "pixels": 2, "pixel_range": (0, 2), "blocks": (0, 1)}
        | changes,
        steps=steps,
    )
    run([])
    for steps, changes, message in [
        ([("affine", x)], {}, "expected 3"),
        ([("affine", x[:3])], {}, "too few"),
        ([("store", x[:5])], {}, "expected 6"),
        ([("sqrt",)], {}, "unknown step"),
        ([("two_value", x[:3], x[:3], np.zeros(4, np.int32), 2)], {}, "divide"),
        ([], {"pixel_range": (0, 3)}, "ranges"),
        ([], {"blocks": (0, 2)}, "ranges"),
        ([], {"src_pitch": 2}, "src_pitch"),
    ]:
        with pytest.raises(ValueError, match=message):
            run(steps, **changes)
