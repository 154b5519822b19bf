"""Which operator can a neuron be? At most one, and it is found without a search.

Setting. weight.x is compared with b on x in {0, 1}^n. Replace x_i by the literal y_i = x_i where w_i >= 0
and NOT x_i elsewhere: with a = |w| and b' = b - (sum of negative weights), weight.x > b iff a.y > b'. Sort
a_1 >= ... >= a_n, let P(m) = a_1 + ... + a_m. We ask for S and k with

    (a.y > b') == [at least k of the literals of S are true].

**Theorem.** If the neuron is such an operator and not constant (1 <= k <= |S|), then

    k = the smallest number with P(k) > b',
    |S| = k + r - 1, where r is the smallest number with P(n) - P(r) <= b',
    S = the |S| largest weights,

and it is that operator iff P(k - 1) + P(n) - P(|S|) <= b' < P(|S|) - P(|S| - k).

Proof. A non-constant operator depends on exactly the inputs in S, so S and then k are unique as functions.
*S is a prefix:* let i be in S and a_j >= a_i. Some y has y_i = 0, a.y <= b' and a.y + a_i > b'. If y_j = 0,
then a.y + a_j > b', so j matters. If y_j = 1, then moving it from j to i gives a.y - a_j + a_i <= b', and
switching j on again gives a.y + a_i > b', so j matters too. Hence j is in S; equal weights enter together and
none is zero.
*k:* with the k largest literals on (all in S), the operator fires, P(k) > b'; with k - 1 it does not.
*r:* with the r largest off (all in S) |S| - r of S are on: it fires iff r <= |S| - k, so r = |S| - k + 1.
The last line is L <= b < U of :mod:`binmorph.exactness.interval` on binary inputs. QED.

k = 1 and k = |S| are the erosions and dilations of Aouad & Talbot (2023, arXiv:2401.03830), whose S is
likewise found by one threshold on the weights; signed literals (hit-or-miss and its dual) and counts in
between are added here. For the neuron weight.x >= b, complemented by a negative scale, read >= for > and <
for <= throughout.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .interval import Operators
from .numeric import BoolArray, ExactArray, FloatArray, error_bound, sums_are_exact, to_integers


def _prefix_sums(weight: ExactArray, bias: ExactArray) -> tuple[ExactArray, ExactArray, ExactArray]:
    """P(0..n) [R, n + 1], P(n) - P(0..n) [R, n + 1] and b' [R, 1]; float64 or Python integers alike."""
    descending = -np.sort(-np.abs(weight), axis=-1)
    prefix = np.concatenate([descending[:, :1] * 0, np.cumsum(descending, axis=-1)], axis=-1)
    shifted = bias - np.minimum(weight, 0).sum(-1)
    return prefix, prefix[:, -1:] - prefix, shifted[:, None]


def _counts(
    prefix: ExactArray, suffix: ExactArray, shifted: ExactArray, strict: BoolArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The k and r of the theorem, int64 [R]; k = 0: always fires, k = n + 1: never does."""
    k = np.where(strict, (prefix <= shifted).sum(-1), (prefix < shifted).sum(-1))
    r = np.where(strict, (suffix > shifted).sum(-1), (suffix >= shifted).sum(-1))
    return k.astype(np.int64), r.astype(np.int64)


def candidate(weight: FloatArray, bias: FloatArray, strict: BoolArray) -> tuple[Operators, BoolArray]:
    """The one operator each neuron can be on binary inputs, and whether there is one to test.

    ``weight`` float64 [R, n], ``bias`` float64 [R]; ``strict`` bool [R]: the neuron is weight.x > b, else >=
    b. Constants come out as empty masks with threshold 0 or 1 and are proved; any other candidate remains to
    be tested with :func:`binmorph.exactness.interval.holds`. k and r are decided exactly, ties included.
    """
    n = weight.shape[-1]
    prefix, suffix, shifted = _prefix_sums(weight, bias)
    k, r = _counts(prefix, suffix, shifted, strict)
    nearest = np.minimum(np.abs(prefix - shifted).min(-1), np.abs(suffix - shifted).min(-1))
    doubtful = np.flatnonzero(nearest <= error_bound(weight, bias))
    if doubtful.size:
        doubtful = doubtful[~sums_are_exact(weight[doubtful], bias[doubtful])]
    if doubtful.size:
        integers = to_integers(weight[doubtful], bias[doubtful], spare_bits=n.bit_length() + 2)
        exact = _prefix_sums(*integers)
        k[doubtful], r[doubtful] = _counts(*exact, strict[doubtful])
    constant = (k == 0) | (k == n + 1)
    size = k + r - 1
    found = constant | (size <= n)
    magnitude = np.abs(weight)
    last = np.clip(n - size, 0, n - 1)
    smallest_member = np.take_along_axis(np.sort(magnitude, axis=-1), last[:, None], axis=-1)
    member = (magnitude >= smallest_member) & (magnitude > 0) & (found & ~constant)[:, None]
    minus = member & (weight < 0)
    threshold = np.where(constant, (k > 0).astype(np.int64), k - minus.sum(-1))
    return Operators(member & (weight > 0), minus, threshold), found
