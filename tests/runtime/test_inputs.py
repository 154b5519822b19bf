"""What the runtime reads: every dtype, memory layout and special value; and what it says about the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import evaluate, random_graph, random_input
from runtime_testing import assert_equals_oracle, assert_same_bits, bisel_graph, models, random_bits

from binmorph import BinmorphError, ir
from binmorph.errors import DomainError, DTypeError, ShapeError
from binmorph.runtime import PackedModel

Array = np.ndarray[Any, Any]
SPECIAL = np.array(
    [np.nan, np.inf, -np.inf, -0.0, 0.0, 0.5, np.nextafter(np.float32(0.5), np.float32(0)), 1e-45, -1e-45],
    np.float32,
)


def level_set_graph(values: list[float], shape: tuple[int, int, int], dtype: str = "float32") -> ir.Graph:
    levels = np.array([values] * shape[0], np.float32)
    return ir.Graph(ir.InputSpec(dtype, shape), (ir.LevelSets("levels", "input", levels),), "levels")


def unaligned(x: Array) -> Array:
    """The same array one byte off."""
    memory = np.zeros(x.nbytes + 1, np.uint8)
    memory[1:] = np.frombuffer(x.tobytes(), np.uint8)
    result = np.frombuffer(memory.data, x.dtype, offset=1).reshape(x.shape)
    assert x.itemsize == 1 or not result.flags.aligned
    return result


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


SAME_VALUES = {
    "read-only": read_only,
    "every second image": lambda x: np.repeat(x, 2, axis=0)[::2],
    "reversed twice": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "Fortran order": np.asfortranarray,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "unaligned": unaligned,
}


@pytest.mark.parametrize("name", SAME_VALUES)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_memory_layout_of_the_input_changes_nothing(name: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        graph = random_graph(rng, side=9, input_dtype=dtype)
        x = random_input(rng, graph, 3)
        before, same = x.tobytes(), SAME_VALUES[name](x)
        np.testing.assert_array_equal(same, x)
        for layout in ("row-packed", "batch-sliced"):
            model = PackedModel(graph, threads=1, layout=layout)
            assert_same_bits(model(same), model(x), name)
        assert x.tobytes() == before


def test_alignment_of_the_input_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    graph = bisel_graph(rng, (2, 7, 65), (3, 3), "replicate")
    x = random_bits(rng, graph, 5)
    for model in models(graph):
        expected = model(x).tobytes()
        memory = np.zeros(x.nbytes + 64, np.uint8)
        for offset in range(64):
            at = memory[offset : offset + x.nbytes].reshape(x.shape)
            at[:] = x
            assert model(at).tobytes() == expected


def test_bool_and_bytes_stand_for_floats() -> None:
    rng = np.random.default_rng(3)
    for dtype in ("uint8", "float32"):
        graph = bisel_graph(rng, (2, 5, 9), (3, 2), "ones", dtype=dtype)
        x = random_bits(rng, graph, 4)
        expected = evaluate(graph, x)["dense"]
        for other in (np.bool_, np.uint8):
            assert_same_bits(PackedModel(graph, threads=1)(x.astype(other)), expected)


def test_special_floats_in_level_sets() -> None:
    """NaN is below every level, infinities are not; both zeros are equal; equality counts; subnormals too."""
    graph = level_set_graph([-1.0, 0.0, 0.5, 1.0], (1, 3, 67))
    x = np.random.default_rng(4).choice(SPECIAL, (5, 1, 3, 67))
    expected = evaluate(graph, x)
    assert not expected["levels"][np.repeat(np.isnan(x), 4, axis=1)].any()
    for model in models(graph):
        assert_equals_oracle(model, x, expected)


def test_every_byte_against_every_kind_of_level() -> None:
    values = [-1.0, 0.0, 0.25, 1.0, 127.5, 128.0, 254.99, 255.0, 255.5, 256.0, 1e30]
    graph = level_set_graph(values, (1, 4, 64), "uint8")
    x = np.arange(256, dtype=np.uint8).reshape(1, 1, 4, 64)
    for model in models(graph):
        assert_equals_oracle(model, x)


def test_binary_floats_take_either_zero() -> None:
    graph = ir.Graph(ir.InputSpec("float32", (70,)), (ir.PackBinary("pack", "input"),), "pack")
    x = np.tile(np.array([0.0, -0.0, 1.0, -0.0, 1.0], np.float32), 14)[None]
    for model in models(graph):
        assert_equals_oracle(model, x)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        *((value, "uint8") for value in (2, 128, 255)),
        *((value, "float32") for value in (0.5, 2.0, -1.0, np.nan, np.inf, 1.0000001, 1e-45)),
    ],
)
def test_other_values_are_refused_where_they_are(value: float, dtype: str) -> None:
    rng = np.random.default_rng(5)
    for shape in [(1, 1, 1), (2, 3, 67), (90,)]:
        graph = ir.Graph(ir.InputSpec(dtype, shape), (ir.PackBinary("pack", "input"),), "pack")
        x = random_bits(rng, graph, 300)
        bad = np.sort(rng.permutation(300)[:3])
        x.reshape(300, -1)[bad, -1] = value
        where = rf"input\[{bad[0]}\]: element {x[0].size - 1} is .* reads only 0 and 1; threshold"
        for model in models(graph, threads=5):
            for call in (model, model.trace):
                with pytest.raises(DomainError, match=where):
                    call(x)
            assert model(x[: bad[0]]).shape[0] == bad[0]  # an error leaves the model as it was


@pytest.mark.parametrize(
    "dtype", ["float64", "float16", "int8", "int64", "uint64", "complex64", "O", "U1", "M8[s]"]
)
def test_other_dtypes_are_refused_with_a_hint(dtype: str) -> None:
    model = PackedModel(level_set_graph([0.5], (1, 2, 3)), threads=1)
    x = np.zeros((1, 1, 2, 3), dtype)
    for call in (model, model.trace):
        with pytest.raises(DTypeError, match=r"this network reads float32; .*x.astype\('float32'\)"):
            call(x)
    with pytest.raises(DTypeError, match="got dtype float32, this network reads uint8"):
        PackedModel(level_set_graph([0.5], (1, 2, 3), "uint8"), threads=1)(np.zeros((1, 1, 2, 3), np.float32))


@pytest.mark.parametrize("shape", [(), (0,), (1, 2, 3), (1, 1, 2, 4), (1, 2, 1, 3), (1, 1, 2, 3, 1), (6,)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    model = PackedModel(level_set_graph([0.5], (1, 2, 3)), threads=1)
    hint = "; add a batch axis" if shape == (1, 2, 3) else ""
    with pytest.raises(ShapeError, match=rf"expected \(batch, 1, 2, 3\){hint}"):
        model(np.zeros(shape, np.float32))


def test_what_is_not_an_array_is_refused() -> None:
    model = PackedModel(level_set_graph([0.5], (1, 2, 3)), threads=1)
    for x in (None, "image", [[1.0, 2.0]], [[1.0], [1.0, 2.0]], object(), {"x": 1}):
        with pytest.raises(BinmorphError):
            model(x)


def test_the_core_refuses_what_the_package_would_have_converted() -> None:
    core = PackedModel(level_set_graph([0.5], (1, 2, 3)), threads=1)._core
    good = np.zeros((4, 1, 2, 3), np.float32)
    assert core.run(good).shape == (4, 1, 2, 3)
    with pytest.raises(DTypeError):
        core.run(good.astype(np.float64))
    for bad in (
        good[::2],
        good[..., ::-1],
        np.asfortranarray(good),
        unaligned(good),
        good[0],
        good[:, :, :1],
    ):
        with pytest.raises(ShapeError):
            core.run(bad)
        with pytest.raises(ShapeError):
            core.trace(bad)


@pytest.mark.parametrize(
    "options",
    [
        {"threads": 0},
        {"threads": -1},
        {"threads": 1025},
        {"threads": True},
        {"threads": 2.0},
        {"layout": "planes"},
        {"max_memory": -1},
        {"max_memory": 1.5},
        {"max_memory": 2**70},
    ],
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ShapeError, match=next(iter(options))):
        PackedModel(level_set_graph([0.5], (1, 2, 3)), **options)
