"""Recipes for MNIST, Fashion-MNIST and CIFAR-10.

Those on CIFAR-10 have the hyper-parameters of their papers, as far as these are known. Where a paper trains
in two steps, binary activations first and then binary weights too, these are two recipes, and ``--start``
hands the network over; the second may as well be trained alone. Any recipe's network can be the teacher that
a paper asks for (``--teacher``).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ...nn import STESign, architectures
from ...nn.binary_networks import BinaryConvNet, BinaryStages
from ...nn.float_networks import FloatConvNet
from ..recipe import Recipe
from .parts import BYTES, NORM_FREE, named, on_levels, recipe, two_steps

CIFAR: dict[str, Any] = {"shift": 4, "flip": True}
BETHGE: dict[str, Any] = {
    **CIFAR,
    "rate": 1e-2,
    "schedule": "steps",
    "milestones": (75 / 150, 100 / 150, 125 / 150),
    "drop": 0.3,
}
SBNN: dict[str, Any] = {**CIFAR, "batch": 512, "rate": 1e-3, "mixup": 1.0, "clip_latent": 1.5}
SBNN_DENSITIES = (
    (0.50, 0.0),
    (0.25, 0.02),
    (0.10, 0.04),
    (0.05, 0.07),
    (0.04, 0.07),
    (0.03, 0.08),
    (0.02, 0.08),
    (0.01, 0.10),
)
REACT: dict[str, Any] = {**CIFAR, "batch": 256, "rate": 5e-4, "schedule": "linear"}


def _sbnn(density: float, gamma: float) -> Recipe:
    network = partial(named, name="resnet18_two_value", density=density, sparsity="penalty")
    summary = f"{{alpha, beta}} ResNet-18, at most {density:.0%} ones, by penalty (arXiv 2306.13515)"
    return recipe(summary, "cifar10", network, 500, density=density, gamma=gamma, **SBNN)


def _bethge(name: str) -> Recipe:
    summary = f"{name} of Bethge et al. (arXiv 1812.01965, 1906.08637, 2001.05936)"
    return recipe(summary, "cifar10", partial(named, name=name), 150, **BETHGE)


RECIPES: dict[str, Recipe] = {
    "binary_mnist": recipe(
        "chain of bits: three binary convolutions, two dense layers, four level sets",
        "mnist",
        partial(
            on_levels,
            make=BinaryConvNet,
            count=4,
            widths=(32, 64, 128),
            hidden=(256,),
            input_quantizer="approx_sign",
        ),
        6,
        batch=64,
        shift=1,
        **BYTES,
    ),
    "binary_fashion_mnist": recipe(
        "chain of bits: four binary convolutions, one dense layer, eight level sets",
        "fashion_mnist",
        partial(on_levels, make=BinaryStages, count=8, input_quantizer="approx_sign"),
        24,
        batch=64,
        flip=True,
        settle=True,
        schedule="late",
        **{**BYTES, "warmup": 0.0},
    ),
    "float_fashion_mnist": recipe(
        "float convolutions: a teacher for binary_fashion_mnist",
        "fashion_mnist",
        lambda data: FloatConvNet(data.image, data.classes),
        5,
        rate=3e-3,
        warmup=0.1,
        weight_decay=1e-4,
        flip=True,
    ),
    "sfc_mnist": recipe("FINN's SFC (arXiv 1612.07119)", "mnist", partial(named, name="sfc"), 100, **BYTES),
    "lfc_mnist": recipe("FINN's LFC (arXiv 1612.07119)", "mnist", partial(named, name="lfc"), 100, **BYTES),
    "cnv_fashion_mnist": recipe(
        "FINN's CNV (arXiv 1612.07119) at a quarter of its width",
        "fashion_mnist",
        partial(named, name="cnv", width=16),
        10,
        batch=64,
        flip=True,
        **BYTES,
    ),
    "cnv_cifar10": recipe(
        "FINN's CNV (arXiv 1612.07119)", "cifar10", partial(named, name="cnv"), 200, **{**BYTES, **CIFAR}
    ),
    **{
        f"{name}_cifar10": _bethge(name)
        for name in architectures.ARCHITECTURES
        if name.startswith(("resnete", "binarydensenet", "meliusnet"))
    },
    "resnete18_cosine_cifar10": recipe(
        "resnete18 with the later rate and clipping of Bethge et al.",
        "cifar10",
        partial(named, name="resnete18", input_quantizer=STESign(1.3)),
        150,
        rate=2e-2,
        warmup=5 / 150,
        **CIFAR,
    ),
    "self_binarizing_mnist": recipe(
        "self-binarizing dense network (arXiv 1902.00730)",
        "mnist",
        partial(named, name="self_binarizing_mlp"),
        100,
        settle=True,
        bytes=True,
    ),
    "vgg_small_cifar10": recipe(
        "self-binarizing VGG-small (arXiv 1902.00730)",
        "cifar10",
        partial(named, name="vgg_small"),
        200,
        rate=1e-3,
        settle=True,
        **CIFAR,
    ),
    **{
        f"resnet18_two_value_{round(100 * density):02d}_cifar10": _sbnn(density, gamma)
        for density, gamma in SBNN_DENSITIES
    },
    **two_steps(
        "reactnet18",
        "cifar10",
        "ReActNet-18 (arXiv 2003.03488)",
        partial(named, name="reactnet18"),
        256,
        **REACT,
    ),
    **two_steps(
        "reactnet18_norm_free",
        "cifar10",
        "ReActNet-18 without batch normalisation (arXiv 2104.08215)",
        partial(named, name="reactnet18_norm_free"),
        256,
        **{**REACT, **NORM_FREE},
    ),
}
"""By name."""
