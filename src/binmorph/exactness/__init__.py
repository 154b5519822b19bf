"""Exactness of binarization (numpy, float64): Aouad & Talbot's theorem, projections, certificates,
generalised.

- :func:`binarize`: float threshold neurons to packed ones, with a status, a margin and a distance for each;
- :func:`project_constant`, :func:`project_signed`: the nearest constant-weight neurons;
- :func:`project_activable`: the nearest erosion or dilation, weights and bias together;
- :func:`truth_tables`, :func:`lossless`, :func:`calibrated`: tables and small integer weights for neurons
  that are no count;
- :func:`propagate`: the certificate that a soft network, thresholded at 1/2, equals its packed form.
"""

from .activable import METRICS, ActivableProjection, project_activable
from .binarize import FAMILIES, PROJECTIONS, binarize
from .certificate import STEPS, Propagation, propagate
from .integer_weights import CalibratedNeurons, IntegerNeurons, calibrated, lossless, truth_tables
from .projection import SUPPORTS, ConstantProjection, SignedProjection, project_constant, project_signed

__all__ = [
    "FAMILIES",
    "METRICS",
    "PROJECTIONS",
    "STEPS",
    "SUPPORTS",
    "ActivableProjection",
    "CalibratedNeurons",
    "ConstantProjection",
    "IntegerNeurons",
    "Propagation",
    "SignedProjection",
    "binarize",
    "calibrated",
    "lossless",
    "project_activable",
    "project_constant",
    "project_signed",
    "propagate",
    "truth_tables",
]
