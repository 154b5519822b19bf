"""Threshold neurons: what every packed layer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, ShapeError


class Status(IntEnum):
    """What is known of one neuron: how its packed form relates to the float neuron it came from."""

    CONSTANT = 0  # never, or always, fires: proved
    DILATION = 1  # OR over a structuring element (maybe complemented): proved
    EROSION = 2  # AND over a structuring element (maybe complemented): proved
    LITERAL = 3  # AND or OR of signed literals (hit-or-miss and its dual): proved
    POPCOUNT = 4  # integer threshold on a (signed) popcount: proved
    LOSSLESS = 5  # proved by exhaustion or by integer bit planes
    APPROXIMATED = 6  # projected onto the nearest operator of the family; `distance` says how far
    CALIBRATED = 7  # integer weights of few bits, tried on data; `distance` bounds the error of their sum


@dataclass(frozen=True, eq=False)
class Neurons:
    """An array of threshold neurons that share one window size n.

    Attributes (``...`` is any leading shape, for example (O, C) for the BiSE part of a BiSEL):
        plus:      bool [..., n], inputs counted positively.
        minus:     bool [..., n], inputs counted negatively; disjoint from ``plus``.
        threshold: int32 [...], in [-|minus|, |plus| + 1].
        invert:    bool [...], complements the output.
        status:    uint8 [...], a :class:`Status`.
        margin:    float64 [...], distance of the bias from the nearest bound of its exactness interval, in
                   units of the (float) accumulator; NaN when the neuron is approximated or calibrated, and
                   only then.
        distance:  float64 [...], Euclidean distance moved by the projection; of calibrated neurons how far a
                   float sum from its threshold may be and still be decided otherwise; 0 when exact.
    """

    plus: npt.NDArray[np.bool_]
    minus: npt.NDArray[np.bool_]
    threshold: npt.NDArray[np.int32]
    invert: npt.NDArray[np.bool_]
    status: npt.NDArray[np.uint8]
    margin: npt.NDArray[np.float64]
    distance: npt.NDArray[np.float64]

    FIELDS: ClassVar[dict[str, str]] = {
        "plus": "bool",
        "minus": "bool",
        "threshold": "int32",
        "invert": "bool",
        "status": "uint8",
        "margin": "float64",
        "distance": "float64",
    }

    def __post_init__(self) -> None:
        for name, dtype in self.FIELDS.items():
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.dtype != np.dtype(dtype):
                got = getattr(array, "dtype", type(array).__name__)
                raise FormatError(f"neurons.{name}: expected a {dtype} array, got {got}")
            expected = self.plus.shape if name == "minus" else self.plus.shape[:-1]
            if name != "plus" and array.shape != expected:
                raise ShapeError(f"neurons.{name}: expected shape {expected}, got {array.shape}")
        if self.plus.ndim < 2 or self.plus.size == 0:
            raise ShapeError(
                f"neurons.plus: expected a non-empty [..., n] array, got shape {self.plus.shape}"
            )
        if bool(np.any(self.plus & self.minus)):
            raise FormatError("neurons: an input is in both plus and minus; remove it from both")
        low = -self.minus.sum(-1, dtype=np.int64)
        high = self.plus.sum(-1, dtype=np.int64) + 1
        outside = (self.threshold < low) | (self.threshold > high)
        if bool(np.any(outside)):
            at = tuple(int(i) for i in np.argwhere(outside)[0])
            raise FormatError(
                f"neurons.threshold{list(at)} = {int(self.threshold[at])} lies outside "
                f"[-|minus|, |plus| + 1] = [{int(low[at])}, {int(high[at])}]"
            )
        if bool(np.any(self.status > max(Status))):
            raise FormatError(f"neurons.status: {int(self.status.max())} is not a known status")
        if bool(np.any(np.isnan(self.margin) & (self.status < Status.APPROXIMATED))):
            raise FormatError(
                "neurons.margin: NaN is only for approximated and calibrated neurons; others have a margin"
            )
        if bool(np.any(~(self.distance >= 0))):
            raise FormatError("neurons.distance: must be zero or positive, and never NaN")

    @property
    def shape(self) -> tuple[int, ...]:
        """Leading shape: one entry per neuron."""
        return self.plus.shape[:-1]

    @property
    def n(self) -> int:
        """Inputs per neuron."""
        return int(self.plus.shape[-1])

    def evaluate(self, bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Fire on windows ``bits``, bool [..., n] broadcast against the masks; the definition spelled out."""
        count = (bits & self.plus).sum(-1, dtype=np.int64) - (bits & self.minus).sum(-1, dtype=np.int64)
        fired: npt.NDArray[np.bool_] = (count >= self.threshold) ^ self.invert
        return fired
