"""Training layers for binary morphological and sign networks. Needs torch; ``pip install binmorph[train]``.

Morphological layers: train in smooth mode, :func:`harden`, then export. Sign layers (:class:`BinaryConv2d`,
:class:`BinaryLinear`) are hard in every forward pass. Either way the packed network equals the hard one bit
for bit.
"""

from __future__ import annotations

from .annealing import Annealing, set_annealing
from .binary import BinaryConv2d, BinaryLinear, BitsToSigns
from .binary_networks import BinaryCNV, BinaryMLP, binary_weights
from .certify import BankCertificate, Certificate, certify
from .hardening import BankReport, HardenReport, harden, hardened, morphological_layers, set_mode
from .layers import LUI, BiSE, BiSEL, DenseLUI, MorphologicalLayer
from .level_sets import LevelSets
from .networks import MorphologicalClassifier
from .neurons import HardNeurons, Mode, ThresholdNeurons
from .projection import popcount_projection
from .quantizers import (
    ApproxSign,
    EDESign,
    ProgressiveSign,
    Quantizer,
    SelfBinarizingTanh,
    STESign,
    SwishSign,
    harden_signs,
    set_progress,
)

__all__ = [
    "LUI",
    "Annealing",
    "ApproxSign",
    "BankCertificate",
    "BankReport",
    "BiSE",
    "BiSEL",
    "BinaryCNV",
    "BinaryConv2d",
    "BinaryLinear",
    "BinaryMLP",
    "BitsToSigns",
    "Certificate",
    "DenseLUI",
    "EDESign",
    "HardNeurons",
    "HardenReport",
    "LevelSets",
    "Mode",
    "MorphologicalClassifier",
    "MorphologicalLayer",
    "ProgressiveSign",
    "Quantizer",
    "STESign",
    "SelfBinarizingTanh",
    "SwishSign",
    "ThresholdNeurons",
    "binary_weights",
    "certify",
    "harden",
    "harden_signs",
    "hardened",
    "morphological_layers",
    "popcount_projection",
    "set_annealing",
    "set_mode",
    "set_progress",
]
