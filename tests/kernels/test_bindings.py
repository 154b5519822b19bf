"""The bindings refuse every array that a kernel could overrun."""

from __future__ import annotations

import re

import numpy as np
import pytest
from kernel_testing import kernels, reference_of

RUN_BY = {  # weights are packed once, run often
    "threshold_conv2d": "Conv2d",
    "accumulate_conv2d": "Conv2d",
    "accumulate_conv2d_i16": "Conv2d",
    "conv2d_f32": "FloatConv2d",
    "pixel_conv2d": "PixelConv2d",
    "sparse_conv2d": "SparseConv2d",
    "sparse_threshold": "SparseConv2d",
    "threshold_dense": "Dense",
}
OPS = sorted({op for op, *_ in kernels.list_kernels()})


def u64(n):
    return np.zeros(n, np.uint64)


def test_every_operation_has_a_reference_a_generic_kernel_and_a_function():
    for op in OPS:
        isas = [isa for o, _, isa, _ in kernels.list_kernels() if o == op]
        assert isas[:2] == ["reference", "generic"]
        assert callable(getattr(kernels, RUN_BY.get(op, op)))


def test_kernel_names_are_unique_and_end_with_their_isa_and_method():
    names = [name for _, name, _, _ in kernels.list_kernels()]
    assert len(set(names)) == len(names)
    for _, name, isa, _ in kernels.list_kernels():
        assert re.fullmatch(rf"[a-z0-9_]+__{isa}(_[a-z0-9]+)?", name)


def test_unknown_kernel_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown kernel 'x'.*flatten_u64_u64__generic"):
        kernels.flatten("x", u64(1), 1, 1)


BAD_CALLS = {
    "src too small": ("flatten", (u64(1), 1, 65), {}),
    "src too large": ("flatten", (u64(3), 1, 65), {}),
    "src dtype": ("flatten", (np.zeros(1, np.int64), 1, 1), {}),
    "src byte order": ("flatten", (np.zeros(1, ">u8"), 1, 1), {}),
    "src strides": ("flatten", (u64(4)[::2], 2, 64), {}),
    "src alignment": ("flatten", (np.zeros(17, np.uint8)[1:].view(np.uint64), 2, 64), {}),
    "extent overflow": ("flatten", (u64(1), 2**63, 2**63), {}),
    "out too small": ("flatten", (u64(2), 2, 64), {"out": u64(1)}),
    "out read-only": ("flatten", (u64(1), 1, 64), {"out": np.frombuffer(bytes(8), np.uint64)}),
    "NaN level": ("level_set_u8", (np.zeros(1, np.uint8), 1, 1, float("nan")), {}),
    "image_words": ("images_to_planes", (u64(1), 1, 1, 65, 1), {}),
    "lane_words": ("images_to_planes", (u64(65), 65, 1, 1, 1), {}),
    "unpadded outputs": ("linear_bits", (u64(1), 1, np.zeros(15, np.float32), np.zeros(15, np.float32)), {}),
    "bits past the end": (
        "linear_bits",
        (u64(1) + np.uint64(2), 1, np.zeros(16, np.float32), np.zeros(16, np.float32)),
        {},
    ),
    "pool window": ("max_pool_rows", (u64(2), (1, 2, 2), (3, 2), (1, 1)), {}),
    "pool stride": ("max_pool_rows", (u64(2), (1, 2, 2), (1, 1), (0, 1)), {}),
    "border": ("window_rows", (u64(2), (1, 2, 2), (1, 1), "mirror"), {}),
    "valid window": ("window_rows", (u64(2), (1, 2, 2), (3, 1), "valid"), {}),
    "empty image": ("window_planes", (u64(0), (1, 0, 2), (1, 1), "zeros", 1), {}),
    "negative extent": ("flatten", (u64(0), -1, 1), {}),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_arrays_raise(case):
    op, args, options = BAD_CALLS[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(kernels, op)(reference_of(op), *args, **options)
    assert isinstance(caught.value, ValueError) == (case != "negative extent")


PLANES = {
    "taps": np.array([0, 1], np.uint32),
    "terms": np.array([[0, 2, 0, 1, 1, 2, 0]], np.uint32),
    "neurons": np.array([[0, 1, 0, 0, 0, 0, 0, 0, 0]], np.uint32),
    "src": u64(3),
    "rows": 1,
    "row_words": 2,
    "src_row_pitch": 2,
    "dst_plane_pitch": 2,
    "begin": 0,
    "end": 1,
}

BAD_PLANES = {
    "a tap reads past": {"taps": np.array([0, 2], np.uint32)},
    "past the end of taps": {"terms": np.array([[1, 2, 0, 1, 1, 2, 0]], np.uint32)},
    "op must be": {"terms": np.array([[0, 2, 0, 1, 1, 3, 0]], np.uint32)},
    "1 <= threshold": {"terms": np.array([[0, 2, 0, 0, 1, 2, 0]], np.uint32)},
    "threshold <= positive": {"terms": np.array([[0, 2, 0, 3, 2, 2, 0]], np.uint32)},
    "counter_bits >=": {"terms": np.array([[0, 2, 0, 1, 0, 2, 0]], np.uint32)},
    "needs 2.counter_bits": {"terms": np.array([[0, 2, 0, 1, 40, 2, 0]], np.uint32)},
    "at least one term": {"neurons": np.array([[0, 0, 0, 0, 0, 0, 0, 0, 0]], np.uint32)},
    "only terms that exist": {"neurons": np.array([[1, 1, 0, 0, 0, 0, 0, 0, 0]], np.uint32)},
    "src is smaller": {"src": u64(1)},
    "dst_plane_pitch": {"dst_plane_pitch": 1},
    "existing neurons": {"end": 2},
    "select existing": {"begin": 1, "end": 0},
    "scratch has 1 elements": {"scratch": u64(1)},
}


@pytest.mark.parametrize("message", BAD_PLANES)
def test_bad_plane_programs_raise(message):
    name = reference_of("threshold_planes")
    assert kernels.threshold_planes(name, **PLANES).shape == (2,)
    with pytest.raises(ValueError, match=message):
        kernels.threshold_planes(name, **{**PLANES, **BAD_PLANES[message]})
