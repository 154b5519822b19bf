"""Training layers for binary morphological networks. Needs torch; ``pip install binmorph[train]``.

Train in smooth mode, :func:`harden`, then export: the packed network equals the hard one bit for bit.
"""

from __future__ import annotations

from .annealing import Annealing, set_annealing
from .certify import BankCertificate, Certificate, certify
from .hardening import BankReport, HardenReport, harden, hardened, morphological_layers, set_mode
from .layers import LUI, BiSE, BiSEL, DenseLUI, MorphologicalLayer
from .level_sets import LevelSets
from .networks import MorphologicalClassifier
from .neurons import HardNeurons, Mode, ThresholdNeurons
from .projection import popcount_projection

__all__ = [
    "LUI",
    "Annealing",
    "BankCertificate",
    "BankReport",
    "BiSE",
    "BiSEL",
    "Certificate",
    "DenseLUI",
    "HardNeurons",
    "HardenReport",
    "LevelSets",
    "Mode",
    "MorphologicalClassifier",
    "MorphologicalLayer",
    "ThresholdNeurons",
    "certify",
    "harden",
    "hardened",
    "morphological_layers",
    "popcount_projection",
    "set_annealing",
    "set_mode",
]
