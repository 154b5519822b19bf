"""What kernels do otherwise than the reference form: tables that replace population counts.

From ``kernels/threshold_conv2d/README.md``, per binary multiply-add, their inner loops alone (making the
tables and comparing are left out):

- ``lutp``: a look-up of four inputs in a byte that serves two pixels is 1/8 look-up; nine operations go with
  three look-ups of 256 bits, which are 768 multiply-adds, so 6 * 4 word operations besides them are 1/32;
- ``permb``: a look-up of six inputs for 8 pixels and one bit of the count, three of them, is 1/16 look-up;
  six additions of 512 bits for 512 * 6 multiply-adds are 1/64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .counts import Counts

LOOKUPS_AND_WORD_OPS = {"lutp": (8, 32), "permb": (16, 64)}  # multiply-adds for one of each


def as_run(work: Counts, kernels: Sequence[str]) -> Counts:
    """``work`` of a node in the reference form, as kernels of these names do it."""
    for method, (per_lookup, per_word) in LOOKUPS_AND_WORD_OPS.items():
        if any(kernel.endswith(f"_{method}") for kernel in kernels):
            macs = work.binary_macs
            return replace(work, popcounts=0, table_lookups=macs // per_lookup, word_ops=macs // per_word)
    return work
