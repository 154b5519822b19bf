"""A bank of trained neurons as neurons of integer weights: proved, or tried on data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..exactness import calibrated, truth_tables
from ..exactness import lossless as integer_neurons
from ..exactness.integer_weights import LARGEST, LIMIT
from ..ir import Neurons, Status
from .hardening import binarized_bank
from .neurons import HardNeurons, ThresholdNeurons

MOST_BITS = 4
MOST_WINDOWS = 1 << 14
"""Distinct windows of a channel that calibration tries, spread evenly over those that it is given."""


@dataclass(frozen=True, eq=False)
class Realised:
    """R neurons [weight.x >= threshold]: ``weight`` int64 [R, n], ``threshold`` int64 [R]; ``statuses`` uint8
    [R] (what the theorem proves, LOSSLESS or CALIBRATED), ``bound`` float64 [R] of calibrated ones (0
    elsewhere), ``tried`` and ``changed`` their decisions. Not ``found``: some have no such weights.
    ``table`` bool [R, 2^n] of up to 16 inputs. ``passes``: one input each, handed on."""

    weight: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.int64]
    statuses: npt.NDArray[np.uint8]
    bound: npt.NDArray[np.float64]
    tried: int = 0
    changed: int = 0
    found: bool = True
    table: npt.NDArray[np.bool_] | None = None
    passes: bool = False

    @property
    def n(self) -> int:
        """Inputs per neuron."""
        return int(self.weight.shape[1])

    @property
    def largest(self) -> int:
        """The largest weight, at least 1."""
        return max(1, int(np.abs(self.weight).max()))


def realise(bank: HardNeurons, x: npt.NDArray[np.bool_] | None = None, largest: int = LARGEST) -> Realised:
    """Integer weights for every neuron of ``bank``, in flat order; of up to 16 inputs none above ``largest``.

    ``x`` bool [N, n], or [last axis of the bank, N, n] where its neurons read different inputs, is needed for
    more than 16 inputs.
    """
    if not isinstance(bank, ThresholdNeurons):  # the identity
        rows = int(np.prod(bank.shape))
        one, status = np.ones(rows, np.int64), np.full(rows, Status.DILATION, np.uint8)
        return Realised(one[:, None], one, status, np.zeros(rows), passes=True)
    weight, bias, scale = (t.detach().cpu().double().numpy() for t in bank.effective_parameters())
    weight, bias, scale = weight.reshape(-1, bank.n), bias.ravel(), scale.ravel()
    counts = binarized_bank(bank, "popcount")
    statuses = counts.status.ravel().copy()
    inexact = np.flatnonzero(statuses == Status.APPROXIMATED)
    if bank.n <= LIMIT:
        statuses[inexact] = Status.LOSSLESS
        found, none = integer_neurons(weight, bias, scale, largest), np.zeros(len(statuses))
        table = truth_tables(weight, bias, scale)
        every = bool(found.proved.all())
        return Realised(found.weight, found.threshold, statuses, none, found=every, table=table)
    if x is None:
        raise ValueError("more than 16 inputs need data")
    statuses[inexact] = Status.CALIBRATED
    windows = [_distinct(seen) for seen in (x if x.ndim == 3 else x[None])]
    for bits in range(1, MOST_BITS + 1):
        result = Realised(*_as_integers(counts), statuses, np.zeros(len(statuses)))
        tried = changed = 0
        for group, seen in enumerate(windows):
            rows = inexact[inexact % len(windows) == group]
            if rows.size:
                near = calibrated(weight[rows], bias[rows], scale[rows], seen, bits)
                result.weight[rows], result.threshold[rows] = near.weight, near.threshold
                result.bound[rows] = near.bound
                tried, changed = tried + int(near.tried.sum()), changed + int(near.changed.sum())
        if changed == 0:
            break
    return replace(result, tried=tried, changed=changed)


def _as_integers(counts: Neurons) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """A complemented count is the count of the opposite signs: NOT (c >= t) iff -c >= 1 - t."""
    sign = np.where(counts.invert, -1, 1)
    weight = sign[..., None] * (counts.plus.astype(np.int64) - counts.minus)
    threshold = np.where(counts.invert, 1 - counts.threshold.astype(np.int64), counts.threshold)
    return weight.reshape(-1, counts.n), threshold.ravel()


def _distinct(x: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """At most MOST_WINDOWS different rows."""
    _, first = np.unique(np.packbits(x, axis=1), axis=0, return_index=True)
    first.sort()
    return x[first[:: -(-len(first) // MOST_WINDOWS)]]
