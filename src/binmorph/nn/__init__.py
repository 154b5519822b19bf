"""Training layers for binary morphological and sign networks. Needs torch; ``pip install binmorph[train]``.

Morphological layers: train in smooth mode, :func:`harden`, then export. Sign layers (:class:`BinaryConv2d`,
:class:`BinaryLinear`) are hard in every forward pass. Either way the packed network equals the hard one bit
for bit.
"""

from __future__ import annotations

from .activations import RPReLU, RSign, Shift
from .annealing import Annealing, set_annealing
from .batch_norm import BinaryBatchNorm, harden_network, settle_batch_norms
from .binary import BinaryConv2d, BinaryLinear, BitsToSigns, initialize
from .binary_networks import BinaryCNV, BinaryConvNet, BinaryMLP, BinaryStages, TernaryMLP, binary_weights
from .certify import BankCertificate, Certificate, certify
from .conntra import CoordinateDescent
from .float_neurons import CastLayer, CastReport, cast, cast_layer
from .gradient_clipping import clip_gradients_adaptively
from .hardening import BankReport, HardenReport, harden, hardened, morphological_layers, set_mode
from .layers import LUI, BiSE, BiSEL, DenseLUI, MorphologicalLayer
from .level_sets import LevelSets
from .losses import Regularizer, activable_loss, bound_loss, constant_loss
from .lossless_layers import lossless
from .lossless_report import ExactForm, LosslessLayer, LosslessReport
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
from .sharpness import Sharpness, sharpness
from .two_value import TwoValue, clamp_latent, density, density_penalty, two_means
from .weight_quantizers import (
    MagnitudeSign,
    ScaledQuantizer,
    StandardizedConv2d,
    StandardizedSign,
    TernarySign,
)

__all__ = [
    "LUI",
    "Annealing",
    "ApproxSign",
    "BankCertificate",
    "BankReport",
    "BiSE",
    "BiSEL",
    "BinaryBatchNorm",
    "BinaryCNV",
    "BinaryConv2d",
    "BinaryConvNet",
    "BinaryLinear",
    "BinaryMLP",
    "BinaryStages",
    "BitsToSigns",
    "CastLayer",
    "CastReport",
    "Certificate",
    "CoordinateDescent",
    "DenseLUI",
    "EDESign",
    "ExactForm",
    "HardNeurons",
    "HardenReport",
    "LevelSets",
    "LosslessLayer",
    "LosslessReport",
    "MagnitudeSign",
    "Mode",
    "MorphologicalClassifier",
    "MorphologicalLayer",
    "ProgressiveSign",
    "Quantizer",
    "RPReLU",
    "RSign",
    "Regularizer",
    "STESign",
    "ScaledQuantizer",
    "SelfBinarizingTanh",
    "Sharpness",
    "Shift",
    "StandardizedConv2d",
    "StandardizedSign",
    "SwishSign",
    "TernaryMLP",
    "TernarySign",
    "ThresholdNeurons",
    "TwoValue",
    "activable_loss",
    "binary_weights",
    "bound_loss",
    "cast",
    "cast_layer",
    "certify",
    "clamp_latent",
    "clip_gradients_adaptively",
    "constant_loss",
    "density",
    "density_penalty",
    "harden",
    "harden_network",
    "harden_signs",
    "hardened",
    "initialize",
    "lossless",
    "morphological_layers",
    "popcount_projection",
    "set_annealing",
    "set_mode",
    "set_progress",
    "settle_batch_norms",
    "sharpness",
    "two_means",
]
