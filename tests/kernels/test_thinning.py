"""Passes of thinning algorithms."""

from __future__ import annotations

import numpy as np
from kernel_testing import assert_tails_zero, equals_reference, every_kernel, random_rows, words_for
from shapes import WIDTHS


@every_kernel("thin_pass")
def test_thin_pass_equals_reference(kernel, edge):
    rng = np.random.default_rng(1)
    for case, width in enumerate([*WIDTHS, 4096 + 65]):
        height = 1 + case % 5
        src = random_rows(rng, height, width, (0.3, 0.6, 0.8)[case % 3])
        begin, end = ((0, height), (height // 2, height), (0, height - height // 2))[case % 3]
        out = (height * words_for(width), np.uint64)
        for rule in range(4):
            args = {"rule": rule, "height": height, "width": width, "begin": begin, "end": end}
            result = equals_reference("thin_pass", kernel, edge, {"src": src}, out, **args)
            rows = result.reshape(height, -1)[begin:end]
            assert_tails_zero(rows, width)
