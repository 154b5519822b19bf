"""Erosion and dilation of packed rows by compiled elements."""

from __future__ import annotations

import numpy as np
from kernel_testing import (
    assert_tails_zero,
    equals_reference,
    every_kernel,
    kernels,
    random_rows,
    reference_of,
    unpack_rows,
    words_for,
)
from shapes import WIDTHS

ELEMENTS = {
    "empty": np.zeros((1, 1)),
    "point": np.ones((1, 1)),
    "box3": np.ones((3, 3)),
    "cross3": np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]),
    "disk5": np.add.outer(np.arange(-2, 3) ** 2, np.arange(-2, 3) ** 2) <= 4,
    "even": np.ones((2, 4)),
    "line": np.ones((1, 67)),
    "column": np.ones((19, 1)),
    "disk13": np.add.outer(np.arange(-6, 7) ** 2, np.arange(-6, 7) ** 2) <= 36,
    "gaps": np.array([[1, 0, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1]]),
}


def points_of(cells, shift=(0, 0)):
    offsets = np.argwhere(cells) - np.array(np.shape(cells)) // 2 + np.array(shift)
    return np.ascontiguousarray(offsets, np.int32).reshape(-1, 2)


def density_for(points, dilate):
    """Of ones: so that about half of the result is one."""
    keep = 0.5 ** (1 / max(1, len(points)))
    return 1 - keep if dilate else keep


def check_whole(rng, kernel, edge, points, height, width):
    """One random image, all of its rows."""
    dilate, border = bool(rng.integers(2)), bool(rng.integers(2))
    src = random_rows(rng, height, width, density_for(points, dilate))
    args = {"shape": (height, width, 0), "dilate": dilate, "border": border, "src_first": 0}
    out = (height * words_for(width), np.uint64)
    result = equals_reference(
        "morphology2d", kernel, edge, {"points": points, "src": src}, out, **args, begin=0, end=height
    )
    assert_tails_zero(result, width)


@every_kernel("morphology2d")
def test_morphology2d_equals_reference(kernel, edge):
    rng = np.random.default_rng(1)
    names = list(ELEMENTS)
    for case, width in enumerate(WIDTHS):
        for height, name in ((1, names[case % 10]), (7, names[(case + 3) % 10]), (9, names[(case + 7) % 10])):
            points = points_of(ELEMENTS[name], rng.integers(-2, 3, 2))
            check_whole(rng, kernel, edge, points, height, width)


COLUMNS = {  # elements that are folded column by column, straight from the image
    "disk7": np.add.outer(np.arange(-3, 4) ** 2, np.arange(-3, 4) ** 2) <= 9,
    "box5": np.ones((5, 5)),
    "scattered": np.random.default_rng(0).random((7, 7)) < 0.5,
    "line21": np.ones((1, 21)),
    "column21": np.ones((21, 1)),
    "farthest": np.array([[1] * 64 + [0] * 60 + [1, 0, 1]]),
    "growing": np.triu(np.ones((9, 9))),
    "runs": np.array([[1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1]]),
}


@every_kernel("morphology2d")
def test_morphology2d_equals_reference_on_columns(kernel, edge):
    """Rows of one block, of several and of overlapping ones; as many rows as a block has, and others."""
    rng = np.random.default_rng(4)
    widths = (250, 256, 300, 449, 512, 513, 1000, 1024, 1100, 2047, 2048, 2300)
    for case, width in enumerate(widths):
        for name in (list(COLUMNS) * 3)[case : case + 3]:
            points = points_of(COLUMNS[name], (rng.integers(-1, 2), 0))
            check_whole(rng, kernel, edge, points, int(rng.choice([1, 3, 4, 6, 9])), width)


@every_kernel("morphology2d")
def test_morphology2d_equals_reference_on_bands_that_read_only_their_rows(kernel, edge):
    rng = np.random.default_rng(2)
    height, width = 70, 600
    for name in ("box3", "cross3", "disk5", "disk13", "gaps"):
        points = points_of(ELEMENTS[name])
        src = random_rows(rng, height, width, density_for(points, False))
        for begin, end in ((0, 1), (0, 40), (33, 34), (20, 61), (69, 70), (5, 5)):
            low = max(0, begin + int(points[:, 0].min()))
            high = min(height, end + int(points[:, 0].max()))
            args = {"shape": (height, width, 0), "dilate": False, "border": False, "src_first": low}
            out = ((end - begin) * words_for(width), np.uint64)
            arrays = {"points": points, "src": src[low:high]}
            equals_reference("morphology2d", kernel, edge, arrays, out, **args, begin=begin, end=end)


@every_kernel("morphology2d")
def test_morphology2d_equals_reference_on_planes(kernel, edge):
    rng = np.random.default_rng(3)
    for lanes in (1, 3, 4, 5, 8, 16):
        for height, width in ((1, 1), (5, 3), (11, 14)):
            for name in ("box3", "disk5", "even", "gaps", "column"):
                points = points_of(ELEMENTS[name])
                dilate, border = bool(rng.integers(2)), bool(rng.integers(2))
                shape = (height, width, lanes)
                full = height * width * lanes
                src = random_rows(rng, 1, 64 * full, density_for(points, dilate))
                args = {"shape": shape, "dilate": dilate, "border": border, "src_first": 0}
                arrays = {"points": points, "src": src}
                equals_reference(
                    "morphology2d", kernel, edge, arrays, (full, np.uint64), **args, begin=0, end=height
                )


@every_kernel("morphology2d")
def test_morphology2d_equals_reference_on_planes_of_unrolled_elements(kernel, edge):
    """More pixels in a row than a block has, planes that are no multiple of a vector, bands of rows."""
    rng = np.random.default_rng(5)
    width, height = 66, 9
    for lanes in (4, 8, 12):
        for name in ("box3", "cross3", "disk5", "box5"):
            points = points_of({**ELEMENTS, **COLUMNS}[name])
            for begin, end in ((0, 9), (3, 4), (2, 7), (9, 9)):
                dilate, border = bool(rng.integers(2)), bool(rng.integers(2))
                low, high = max(0, begin - 2), min(height, end + 2)
                src = random_rows(rng, 1, 64 * lanes * width * (high - low), density_for(points, dilate))
                args = {"shape": (height, width, lanes), "dilate": dilate, "border": border, "src_first": low}
                out = ((end - begin) * width * lanes, np.uint64)
                arrays = {"points": points, "src": src}
                equals_reference("morphology2d", kernel, edge, arrays, out, **args, begin=begin, end=end)


def test_morphology2d_reference_equals_its_definition():
    rng = np.random.default_rng(4)
    for name, cells in ELEMENTS.items():
        for dilate in (False, True):
            for border in (False, True):
                height, width = rng.integers(1, 12), rng.integers(1, 90)
                points = points_of(cells)
                src = random_rows(rng, height, width, density_for(points, dilate))
                bits = unpack_rows(src, width)
                reach = 70
                padded = np.pad(bits, reach, constant_values=border)
                expected = np.full(bits.shape, not dilate)
                for dy, dx in points:
                    moved = padded[reach + dy : reach + dy + height, reach + dx : reach + dx + width]
                    expected = expected | moved if dilate else expected & moved
                shape = (int(height), int(width), 0)
                words = kernels.morphology2d(
                    reference_of("morphology2d"), points, shape, dilate, border, src, 0, 0, int(height)
                )
                found = unpack_rows(words.reshape(height, -1), width)
                np.testing.assert_array_equal(found, expected, err_msg=f"{name} {dilate} {border}")
