"""Decision diagrams on planes."""

from __future__ import annotations

import numpy as np
import pytest
from guard_pages import GuardPages
from kernel_testing import equals_reference, every_kernel, kernels, reference_of

FLAG, BLOCK = 1 << 31, kernels.DECISION_BLOCK_WORDS
ROW_WORDS = [*range(1, 21), 31, 32, 33, 63, 64, 65, 130]


def random_program(rng: np.random.Generator, reach: int, slots: int, outputs: int) -> np.ndarray:
    """Decisions that read the source up to its last word and every kind of slot, some in place; outputs last
    and in between."""
    written, rows = [FLAG, FLAG | BLOCK], []

    def reference() -> int:
        return int(rng.choice([rng.integers(reach), reach - 1, rng.choice(written)]))

    for slot in range(2 * BLOCK, slots * BLOCK, BLOCK):
        rows.append([reference(), reference(), reference(), slot])
        written.append(FLAG | slot)
    for _ in range(slots):
        slot = int(rng.integers(2, slots)) * BLOCK
        rows.append([FLAG | slot, reference(), reference(), slot])
    for output in rng.permutation(outputs).tolist():
        rows.append([reference(), reference(), reference(), FLAG | output])
        slot = int(rng.integers(2, slots)) * BLOCK
        rows.append([reference(), FLAG | slot, reference(), slot])
    return np.array(rows, np.uint32)


@every_kernel("decision_planes")
def test_decision_planes_equals_reference(kernel, edge):
    rng = np.random.default_rng(1)
    for row_words in ROW_WORDS:
        rows, reach, slots, outputs = 1 + row_words % 3, *rng.integers([1, 3, 1], [40, 30, 9]).tolist()
        pitch, plane = row_words + int(rng.integers(0, 4)), rows * row_words + int(rng.integers(0, 3))
        src = rng.integers(0, 2**64, (rows - 1) * pitch + row_words + reach - 1, np.uint64)
        decisions = random_program(rng, reach, slots, outputs)
        with GuardPages(edge) as pages:
            args = {
                "slots": slots,
                "outputs": outputs,
                "rows": rows,
                "row_words": row_words,
                "src_row_pitch": pitch,
                "dst_plane_pitch": plane,
                "scratch": pages.empty(BLOCK * slots, np.uint64),
            }
            arrays = {"decisions": decisions, "src": src}
            equals_reference("decision_planes", kernel, edge, arrays, (plane * outputs, np.uint64), **args)
            pages.assert_intact()


def test_reference_equals_python():
    rng = np.random.default_rng(2)
    decisions = random_program(rng, 7, 12, 5)
    src = rng.integers(0, 2**64, 2 + 6, np.uint64)
    out = kernels.decision_planes(
        reference_of("decision_planes"), decisions.ravel(), 12, 5, src, 1, 2, 2, 2
    ).reshape(5, 2)
    words = [int(w) for w in src]
    for word in range(2):
        slot = {0: 0, BLOCK: 2**64 - 1}
        for select, high, low, target in decisions.tolist():
            s, h, w = (slot[r ^ FLAG] if r & FLAG else words[word + r] for r in (select, high, low))
            value = (s & h) | (~s & w & (2**64 - 1))
            if target & FLAG:
                assert int(out[target ^ FLAG, word]) == value
            else:
                slot[target] = value


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        ([2, 0, 0, 2 * BLOCK], "past the end"),
        ([FLAG | 3 * BLOCK, 0, 0, 2 * BLOCK], "no slot"),
        ([FLAG | 1, 0, 0, 2 * BLOCK], "no slot"),
        ([0, 0, 0, BLOCK], "no slot"),
        ([0, 0, 0, FLAG | 1], "no output"),
    ],
)
def test_bindings_refuse_what_would_overrun(decision, message):
    with pytest.raises(ValueError, match=message):
        kernels.decision_planes(
            reference_of("decision_planes"),
            np.array(decision, np.uint32),
            3,
            1,
            np.zeros(2, np.uint64),
            1,
            1,
            1,
            1,
        )
