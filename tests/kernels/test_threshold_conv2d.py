"""Convolution by threshold neurons: every kernel against the definition, on memory with guard pages."""

from __future__ import annotations

import numpy as np
import pytest
from convolutions import Conv, check
from kernel_testing import every_kernel, kernels, pack_rows, reference_of, unpack_rows
from shapes import threshold_convolutions

FORMS = ["mask", "sign", "ternary"]


SETS = threshold_convolutions()


def convs_of(shapes: str, seed: int, form: str, **more: bool) -> list[Conv]:
    rng = np.random.default_rng([seed, FORMS.index(form)])
    return [Conv(rng, **shape, form=form, **more) for shape in SETS[shapes]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shapes", SETS)
@every_kernel("threshold_conv2d")
def test_threshold_conv2d_equals_reference(kernel, edge, shapes, form):
    for conv in convs_of(shapes, 5, form):
        if kernels.Conv2d.supports(kernel, conv.plus.shape[1]):
            check(kernel, edge, conv)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shapes", SETS)
@every_kernel("accumulate_conv2d")
def test_accumulate_conv2d_equals_reference(kernel, edge, shapes, form):
    for conv in convs_of(shapes, 6, form):
        check(kernel, edge, conv)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shapes", ["shapes", "networks"])
@every_kernel("accumulate_conv2d_i16")
def test_accumulate_conv2d_i16_equals_reference(kernel, edge, shapes, form):
    """Counted as above, stored otherwise."""
    for conv in convs_of(shapes, 6, form, int16=True):
        check(kernel, edge, conv)


def test_int16_sums_equal_int32_ones_up_to_the_limits():
    """The least and the greatest sum there can be just fit; constants one further are refused."""
    i16, i32 = (reference_of(f"accumulate_conv2d{end}") for end in ("_i16", ""))
    conv = Conv(np.random.default_rng(11), (64, 1, 1), 2, int16=True)
    conv.bits[:] = conv.plus[1] = conv.minus[0] = True
    conv.plus[0] = conv.minus[1] = False
    limit = 64 * conv.factor
    fitting = [limit - 2**15, 2**15 - 1 - limit]
    conv.constant = np.array([fitting], np.int32)
    for op, name, _, supported in kernels.list_kernels():
        if op == "accumulate_conv2d_i16" and supported:
            sums = conv.packed(name).run(conv.x)
            assert sums.dtype == np.int16
            assert sums.tolist() == [-(2**15), 2**15 - 1], name
    for constant in ([fitting[0] - 1, 0], [0, fitting[1] + 1]):
        conv.constant = np.array([constant], np.int32)
        conv.packed(i32)
        with pytest.raises(ValueError, match="16 bits"):
            conv.packed(i16)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shapes", ["channels", "shapes", "networks"])
def test_conv2d_reference_equals_numpy(shapes, form):
    for conv in convs_of(shapes, 7, form)[::3]:
        shape = (conv.out_height, conv.out_width, -1)
        out = conv.packed(reference_of("threshold_conv2d")).run(conv.x).reshape(shape)
        bits = unpack_rows(out, conv.out_channels)
        np.testing.assert_array_equal(bits, conv.expected_bits(), err_msg=conv.describe())
        np.testing.assert_array_equal(out, pack_rows(bits), err_msg="tail bits")
        counts = conv.packed(reference_of("accumulate_conv2d")).run(conv.x).reshape(shape)
        constant = conv.constant[np.add.outer(conv.row_class, conv.column_class)]
        sums = conv.factor * conv.accumulators() + constant
        np.testing.assert_array_equal(counts, sums, err_msg=conv.describe())


def test_true_zero_padding_by_classes_equals_torch():
    """+-1 data padded by zeros: threshold + what the padding bits (as -1) have added, per class of pixel."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(8)
    channels, height, width, outputs, pad = 70, 6, 7, 33, 2
    conv = Conv(rng, (channels, height, width), outputs, (5, 5), padding=(pad,) * 4)
    weight = torch.from_numpy(np.where(conv.plus, 1.0, -1.0).reshape(outputs, channels, 5, 5))
    x = torch.from_numpy(np.where(conv.bits, 1.0, -1.0).transpose(2, 0, 1)[None].copy())
    threshold = rng.integers(-20, 20, outputs)
    expected = torch.nn.functional.conv2d(x, weight, padding=pad)[0].numpy() >= threshold[:, None, None]

    # Sum of +-1 products = 2 accumulator - sum of weights inside, where padding bits of 0 add nothing.
    inside = lambda n: [[0 <= p + t - pad < n for t in range(5)] for p in range(n)]  # noqa: E731
    rows, columns = inside(height), inside(width)
    row_kinds, column_kinds = [sorted({tuple(r) for r in kind}) for kind in (rows, columns)]
    table = []
    for row in row_kinds:
        for column in column_kinds:
            valid = np.outer(row, column)
            weights_inside = (weight.numpy() * valid).sum((1, 2, 3))
            table.append(np.ceil((threshold + weights_inside) / 2))
    conv.threshold = np.array(table, np.int32)
    conv.constant = np.zeros_like(conv.threshold)
    conv.row_class = [row_kinds.index(tuple(r)) * len(column_kinds) for r in rows]
    conv.column_class = [column_kinds.index(tuple(c)) for c in columns]
    conv.invert[:] = 0
    for op, name, _, supported in kernels.list_kernels():
        if op == "threshold_conv2d" and supported and kernels.Conv2d.supports(name, conv.plus.shape[1]):
            out = conv.packed(name).run(conv.x).reshape(height, width, -1)
            np.testing.assert_array_equal(
                unpack_rows(out, outputs), expected.transpose(1, 2, 0), err_msg=name
            )


def test_estimated_cycles_grow_with_the_work():
    """Twice the outputs, and twice the rows of the image, cost about twice as much in every layout."""
    rng = np.random.default_rng(10)
    small, wide, tall = (  # with outputs enough for the tables that they share to weigh little
        Conv(rng, (128, height, 16), outputs, (3, 3), padding=(1, 1, 1, 1))
        for height, outputs in ((16, 256), (16, 512), (32, 256))
    )
    for op, name, _, supported in kernels.list_kernels():
        if op == "threshold_conv2d" and supported and kernels.Conv2d.supports(name, small.plus.shape[1]):
            cycles = [conv.packed(name).cycles for conv in (small, wide, tall)]
            assert 1.8 < cycles[1] / cycles[0] < 2.2, name
            assert 1.8 < cycles[2] / cycles[0] < 2.2, name


def test_conv2d_refuses_what_it_cannot_run():
    rng = np.random.default_rng(9)
    reference = reference_of("threshold_conv2d")
    conv = Conv(rng, (4, 3, 3), 4, (3, 3))
    for change, message in [
        ({"kernel_size": (4, 3)}, "larger than the padded image"),
        ({"stride": (0, 1)}, "positive"),
        ({"groups": 3}, "groups"),
        ({"row_class": [1]}, "class"),
    ]:
        broken = Conv(rng, (4, 3, 3), 4, (3, 3))
        for name, value in change.items():
            setattr(broken, name, value)
        with pytest.raises(ValueError, match=message):
            broken.packed(reference)
    packed = conv.packed(reference)
    with pytest.raises(ValueError, match="rows"):
        packed.run(conv.x, rows=(0, 2))
    with pytest.raises(ValueError, match="expected 9"):
        packed.run(conv.x[1:])
