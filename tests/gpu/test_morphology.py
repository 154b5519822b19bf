"""Packed morphology on the device against the CPU's: odd sizes, borders, origins, iterations, masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from binmorph import BitArray, DeviceBitArray, _core, morphology

SIZES = [(1, 1), (3, 5), (9, 64), (20, 131), (2, 7, 65), (40,)]
ELEMENTS = {
    "box": np.ones((3, 3), bool),
    "cross": morphology.disk(1),
    "corner": np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1]], bool),
    "row": np.ones((1, 5), bool),
    "disk": morphology.disk(4),
    "ring": morphology.disk(6) ^ np.pad(morphology.disk(3), 3),
    "even": np.ones((4, 6), bool),
    "far": np.eye(3, 140, dtype=bool) | (np.arange(140) == 139),
    "empty": np.zeros((3, 3), bool),
}


def image_of(shape: tuple[int, ...], ones: float = 0.6) -> np.ndarray:
    return np.random.default_rng([*shape, 7]).random(shape) < ones


def assert_same(function: str, x: np.ndarray, *arguments: Any, **options: Any) -> None:
    """The function gives the same bits on the device and on the host."""
    operation = getattr(morphology, function)
    bits = BitArray.pack(x)
    on_host = {k: BitArray.pack(v) if k == "mask" else v for k, v in options.items()}
    on_device = {k: BitArray.pack(v).to("cuda") if k == "mask" else v for k, v in options.items()}
    result = operation(bits.to("cuda"), *arguments, **on_device)
    assert isinstance(result, DeviceBitArray)
    assert result.cpu() == operation(bits, *arguments, **on_host)


def fitted(element: str, x: np.ndarray) -> np.ndarray:
    """The element with the image's number of axes."""
    cells = ELEMENTS[element]
    return cells.any(0) if x.ndim == 1 else cells.reshape((1,) * (x.ndim - 2) + cells.shape)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("operation", ["erosion", "dilation", "opening", "closing"])
def test_operations(size, element, operation):
    x = image_of(size)
    for border in (0, 1):
        assert_same(f"binary_{operation}", x, fitted(element, x), border_value=border)


@pytest.mark.parametrize("iterations", [2, 3, 4, 5, 7, 9])
@pytest.mark.parametrize("element", ["box", "cross", "corner", "disk"])
def test_iterations_in_one_pass(iterations, element):
    x = image_of((37, 200), 0.9)
    for border in (0, 1):
        for operation in ("erosion", "dilation", "opening", "closing"):
            assert_same(f"binary_{operation}", x, ELEMENTS[element], iterations, border_value=border)


def test_several_stages_share_a_launch(emulator):
    bits = BitArray.pack(image_of((20, 131))).to("cuda")
    for operation, element, iterations, launches in (
        ("erosion", "box", 1, 1),
        ("erosion", "box", 40, 2),
        ("erosion", "cross", 7, 3),
        ("opening", "box", 1, 1),
        ("opening", "box", 8, 1),
        ("opening", "box", 40, 4),
        ("closing", "cross", 2, 1),
    ):
        before = emulator.get("launches")
        getattr(morphology, f"binary_{operation}")(bits, ELEMENTS[element], iterations)
        assert emulator.get("launches") - before == launches


@pytest.mark.parametrize("extents", [(17, 17), (2, 33), (70, 3), (5, 150)])
def test_boxes_of_any_size(extents):
    x = image_of((90, 200), 1 - 0.7 / np.prod(extents))
    for border in (0, 1):
        for origin in (0, tuple(-(n // 2) for n in extents)):
            options = {"border_value": border, "origin": origin}
            assert_same("binary_erosion", x, np.ones(extents, bool), **options)
            assert_same("binary_dilation", ~x, np.ones(extents, bool), 2, **options)
            assert_same("binary_closing", ~x, np.ones(extents, bool), **options)


@pytest.mark.parametrize("origin", [(-1, 1), (1, 0), (0, -1)])
@pytest.mark.parametrize("element", ["box", "ring", "even"])
def test_origins(origin, element):
    x = image_of((23, 70))
    for operation in ("erosion", "dilation", "opening", "closing"):
        assert_same(f"binary_{operation}", x, ELEMENTS[element], origin=origin, iterations=2)


@pytest.mark.parametrize("element", ["box", "ring"])
@pytest.mark.parametrize("iterations", [1, 3])
def test_masks(element, iterations):
    x, mask = image_of((23, 70)), image_of((23, 70), 0.5)
    for operation in ("erosion", "dilation", "opening", "closing"):
        for border in (0, 1):
            assert_same(
                f"binary_{operation}", x, ELEMENTS[element], iterations, mask=mask, border_value=border
            )


@pytest.mark.parametrize("element", ["box", "cross", "disk"])
def test_until_nothing_changes(element):
    x, mask = image_of((60, 90), 0.01), image_of((60, 90), 0.7)
    assert_same("binary_dilation", x, ELEMENTS[element], -1, mask=mask)
    assert_same("binary_erosion", ~x, ELEMENTS[element], 0, border_value=1)
    assert_same("binary_propagation", x & mask, ELEMENTS[element], mask=mask)
    assert_same("binary_fill_holes", image_of((60, 90), 0.6))
    calls: list[int] = []
    assert_same("binary_dilation", x, ELEMENTS[element], -1, mask=mask, progress=calls.append)
    assert calls


@pytest.mark.parametrize("size", SIZES[:5])
def test_hit_or_miss(size):
    x = image_of(size, 0.5)
    rng = np.random.default_rng(size[-1])
    for extents in ((3, 3), (2, 5), (5, 4)):
        cells = rng.integers(0, 3, (1,) * (x.ndim - 2) + extents)
        assert_same("binary_hit_or_miss", x, cells == 1, cells == 2)
        assert_same("binary_hit_or_miss", x, cells == 1, cells == 2, origin1=-1 * (x.ndim == 2), origin2=0)
    assert_same("binary_hit_or_miss", x, ELEMENTS["box"].reshape((1,) * (x.ndim - 2) + (3, 3)))


@pytest.mark.parametrize("size", SIZES[:5])
@pytest.mark.parametrize("element", ["box", "corner", "even", "disk"])
def test_ranks(size, element):
    x = image_of(size, 0.5)
    cells = fitted(element, x)
    n = int(cells.sum())
    for place in {0, 1, n // 3, n // 2, n - 1, -2}:
        for border in (0, 1):
            assert_same("rank", x, place, cells, border_value=border)
    assert_same("majority", x, cells, origin=0)


@pytest.mark.parametrize("border", [None, 0, 1])
@pytest.mark.parametrize("function", ["white_tophat", "black_tophat", "gradient"])
def test_residues(function, border):
    x = image_of((23, 70))
    assert_same(function, x, ELEMENTS["disk"], border_value=border)
    assert_same(function, x, ELEMENTS["cross"], 2, border_value=border)


@pytest.mark.parametrize("size", [(1, 1), (17, 64), (50, 130)])
def test_thinning(size):
    x = np.repeat(np.repeat(image_of(size, 0.6), 2, 0), 2, 1)
    assert_same("thin", x)
    assert_same("skeletonize", x)
    for limit in (1, 2, 9):
        assert_same("thin", x, limit)


def test_images_without_pixels():
    for shape in ((0, 5), (5, 0), (0, 3, 7)):
        assert_same("binary_erosion", np.zeros(shape, bool), np.ones((1,) * (len(shape) - 2) + (3, 3)), 2)


def test_reversed_threads(emulator):
    emulator.set("descending", 1)
    x = image_of((70, 200), 0.9)
    for element in ("box", "disk", "ring"):
        assert_same("binary_opening", x, ELEMENTS[element], 2)


def test_times_of_stages():
    bits = BitArray.pack(image_of((20, 131))).to("cuda")
    element = _core.morphology.Element(np.zeros((1, 2), np.int32))
    times = _core.cuda.time_stages([(element, True, False, None)] * 3, (1, 20, 131), bits._words, 2, 0)
    assert len(times) == 2


@pytest.mark.parametrize("name", ["box", "cross", "corner"])
@pytest.mark.parametrize("function", ["binary_erosion", "binary_dilation"])
def test_large_images_take_the_wide_kernel(function, name):
    """Enough threads for the emulated multiprocessor, and rows of 18 words."""
    assert_same(function, image_of((1009, 1150)), ELEMENTS[name], border_value=1)


def test_a_large_image_opened_in_one_launch(emulator):
    x = image_of((1009, 1150), 0.998)
    before = emulator.get("launches")
    assert_same("binary_opening", x, np.ones((17, 17), bool), border_value=1)
    assert emulator.get("launches") - before == 1
