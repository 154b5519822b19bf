"""The propagated certificate: is the soft network, thresholded at 1/2, the hard network?

A layer of soft neurons y = xi(p (weight.x - b)) reads almost-binary inputs (x in [0, v1] for bit 0, [v2, 1]
for bit 1). If a neuron equals its operator on all of them, L <= b < U, then weight.x is at most L or at least
U and its output again is almost binary, in [0, xi(p (L - b))] or [xi(p (U - b)), 1] (ends swapped for p < 0);
these bounds are by Aouad & Talbot (2022, arXiv:2203.12337). Feeding them to the next layer carries the proof
through the network.

Testing every layer on {0, 1} inputs instead, as is done there, proves a statement about the *hard* network
only: an erosion by a 5-cross (b = 4.5, p = 0.5) followed by a dilation (b = 0.5, p = 1) passes that test,
while the soft chain, thresholded at the end, is wrong in 30 % of the pixels of a random image (80 % ones).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DomainError, ShapeError
from ..ir import Neurons
from .interval import Operators, holds
from .numeric import BoolArray, FloatArray, check_bounds, check_neurons, row_blocks

Step = Callable[[FloatArray], FloatArray]
STEPS: dict[str, Step] = {
    "tanh": lambda u: np.asarray(0.5 * np.tanh(u) + 0.5),
    "sigmoid": lambda u: np.asarray(0.5 * np.tanh(0.5 * u) + 0.5),
    "arctan": lambda u: np.asarray(np.arctan(u) / np.pi + 0.5),
    "erf": lambda u: np.array([0.5 * math.erf(value) + 0.5 for value in u.flat]).reshape(u.shape),
}
"""Smooth steps xi of Aouad & Talbot: increasing from R onto (0, 1), xi(0) = 1/2."""

_STEP_ERROR = 2.0**-49
"""Absolute error allowed to the float64 evaluation of xi(p (L - b)); outputs are widened by it."""


class Propagation(NamedTuple):
    """Certificate of one layer, arrays [...] of the layer's leading shape.

    certified:   bool, the soft neuron thresholded at 1/2 equals its packed operator on all admitted inputs.
    lower:       float64, L (-inf where the accumulator has no upper class to stay below).
    upper:       float64, U (+inf likewise).
    output_low:  float64, v1 of the outputs; output_high: float64, v2. An uncertified neuron gets (1, 0),
                 "nothing is known": a later neuron that is certified all the same provably does not depend on
                 it.
    """

    certified: BoolArray
    lower: FloatArray
    upper: FloatArray
    output_low: FloatArray
    output_high: FloatArray


def propagate(
    neurons: Neurons,
    weight: npt.ArrayLike,
    bias: npt.ArrayLike,
    scale: npt.ArrayLike,
    *,
    step: str | Step = "tanh",
    input_low: npt.ArrayLike = 0.0,
    input_high: npt.ArrayLike = 1.0,
) -> Propagation:
    """Certify one soft layer against its packed form, and bound its outputs for the next layer.

    ``neurons`` is the packed form (from :func:`binmorph.exactness.binarize` or elsewhere), ``weight`` [...,
    n], ``bias`` and ``scale`` [...] the soft one. ``input_low`` and ``input_high`` are v1 and v2 per input,
    broadcast to ``weight``: 0 and 1 for binary inputs, else the outputs of the previous layer arranged as
    this layer reads them (max-pooling and flattening keep them). ``step`` names one of :data:`STEPS`, or is
    an increasing function of float64 arrays with values in [0, 1] and xi(0) = 1/2, accurate to 2^-50.

    If every neuron of a chain of layers, each fed with the previous layer's bounds, is certified, the soft
    network thresholded at 1/2 equals the packed network on every binary input. This holds for the soft
    network in real arithmetic: the decision is exact, and output bounds are rounded outward.

    Raises ShapeError, DTypeError; DomainError for non-finite parameters, bounds outside [0, 1] or an unknown
    step.
    """
    weights, biases, scales = check_neurons(weight, bias, scale)
    if neurons.plus.shape != weights.shape:
        raise ShapeError(f"neurons have masks of shape {neurons.plus.shape}, but weight is {weights.shape}")
    low = check_bounds("input_low", input_low, weights.shape)
    high = check_bounds("input_high", input_high, weights.shape)
    if isinstance(step, str) and step not in STEPS:
        raise DomainError(f"step: {step!r} is not one of {', '.join(STEPS)}")
    xi = STEPS[step] if isinstance(step, str) else step
    shape, n = weights.shape[:-1], weights.shape[-1]
    w, v1, v2 = weights.reshape(-1, n), low.reshape(-1, n), high.reshape(-1, n)
    b, p, invert = biases.reshape(-1), scales.reshape(-1), neurons.invert.reshape(-1)
    operators = Operators(
        neurons.plus.reshape(-1, n),
        neurons.minus.reshape(-1, n),
        neurons.threshold.reshape(-1).astype(np.int64),
    )
    always, never = operators.always, operators.never
    # For p < 0 the soft neuron complements weight.x >= b. A constant can be complemented either way: flip it.
    mismatch = invert != (p < 0)
    flip = mismatch & (always | never)
    operators.threshold[flip] = np.where(always, operators.plus.sum(-1) + 1, -operators.minus.sum(-1))[flip]
    blocks = [holds(w[i], b[i], p[i] > 0, operators.take(i), v1[i], v2[i]) for i in row_blocks(b.size, n)]
    certified, lower, upper, error = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    certified &= ~mismatch | flip
    with np.errstate(invalid="ignore", over="ignore"):  # p = 0 times an infinite bound is set below
        at_lower = np.asarray(xi(p * (lower + error - b)), dtype=np.float64)
        at_upper = np.asarray(xi(p * (upper - error - b)), dtype=np.float64)
    negative = p < 0
    # A certified neuron stays on its side of 1/2 even where rounding outward would leave it.
    output_low = np.clip(np.where(negative, at_upper, at_lower) + _STEP_ERROR, 0.0, 0.5)
    output_high = np.clip(np.where(negative, at_lower, at_upper) - _STEP_ERROR, 0.5, 1.0)
    # p = 0: the output is 1/2, which is not above 1/2, so the bit is 0 and no output is in the upper class.
    dead = p == 0
    certified = np.where(dead, np.where(invert, always, never), certified)
    output_low, output_high = np.where(dead, 0.5, output_low), np.where(dead, 1.0, output_high)
    output_low, output_high = np.where(certified, output_low, 1.0), np.where(certified, output_high, 0.0)
    return Propagation(
        certified.astype(np.bool_).reshape(shape),
        lower.reshape(shape),
        upper.reshape(shape),
        output_low.reshape(shape),
        output_high.reshape(shape),
    )
