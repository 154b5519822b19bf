"""Exactness of binarization (numpy, float64): Aouad & Talbot's theorem, projections, certificates,
generalised.

- :func:`binarize`: float threshold neurons to packed ones, with a status, a margin and a distance for each;
- :func:`project_constant`, :func:`project_signed`: the nearest constant-weight neurons;
- :func:`propagate`: the certificate that a soft network, thresholded at 1/2, equals its packed form.
"""

from .binarize import FAMILIES, binarize
from .certificate import STEPS, Propagation, propagate
from .projection import ConstantProjection, SignedProjection, project_constant, project_signed

__all__ = [
    "FAMILIES",
    "STEPS",
    "ConstantProjection",
    "Propagation",
    "SignedProjection",
    "binarize",
    "project_constant",
    "project_signed",
    "propagate",
]
