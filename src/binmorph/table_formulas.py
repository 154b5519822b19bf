"""A truth table as a formula: the union of the smallest sets of literals that make it true.

A table that no input both raises and lowers (every threshold function is one) is the union of its prime
implicants, each an AND of literals, and no smaller union is equal: on windows, the basis of erosions
(hit-or-miss transforms where literals are negated) of an operator (Matheron 1975).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


def implicants(table: Mask) -> tuple[Mask, Mask] | None:
    """(positive, negated) literals bool [k, n] of the k prime implicants of ``table`` bool [2^n], smallest
    first; None if an input raises it in one place and lowers it in another. A constant has none, or an empty
    one."""
    n = len(table).bit_length() - 1
    x = np.arange(len(table))[:, None] >> np.arange(n) & 1 == 1
    flipped = np.arange(len(table))[:, None] ^ (1 << np.arange(n))
    rises = (~table[flipped] & table[:, None] & x).any(0)
    falls = (~table[flipped] & table[:, None] & ~x).any(0)
    if bool((rises & falls).any()):
        return None
    needed = ~table[flipped] & table[:, None]  # turning this input makes it false
    literal = np.where(rises, x, ~x) & (rises | falls)
    prime = table & np.all(needed == literal, axis=1)
    chosen = np.unique(literal[prime], axis=0)
    chosen = chosen[np.argsort(chosen.sum(1), kind="stable")]
    return chosen & rises, chosen & falls
