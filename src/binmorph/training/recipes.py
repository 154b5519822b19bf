"""The recipes by name: NETWORK_DATA.

Those on CIFAR-10 have the hyper-parameters of their papers, as far as these are known; where a paper trains
in two steps or from a teacher, one step without a teacher stands for it. Those on digits are small networks
of the same kind, trained in a minute or so without any files.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from ..nn import architectures
from ..nn.architectures import SelfBinarizingMLP
from ..nn.binary_networks import BinaryConvNet, BinaryMLP, BinaryStages, TernaryMLP
from ..nn.float_networks import FloatConvNet
from ..nn.level_sets import LevelSets
from .data import Data
from .recipe import Recipe


def levels(data: Data, count: int) -> LevelSets:
    """``count`` equally spaced levels between 0 and the largest value of a pixel."""
    top = float(data.x_train.max())
    row = torch.arange(1, count + 1) * top / (count + 1)
    return LevelSets(row.repeat(data.image[0], 1))


def _named(data: Data, name: str, **options: Any) -> nn.Module:
    return architectures.build(name, data.image, data.classes, **options)


def _on_levels(data: Data, make: Any, count: int, **options: Any) -> nn.Module:
    network: nn.Module = make(levels(data, count), data.image, data.classes, **options)
    return network


def _recipe(summary: str, data: str, network: Any, epochs: int, **options: Any) -> Recipe:
    return Recipe(summary, (data,), network, epochs, **options)


CIFAR: dict[str, Any] = {"shift": 4, "flip": True}
BETHGE: dict[str, Any] = {
    **CIFAR,
    "rate": 1e-2,
    "schedule": "steps",
    "milestones": (75 / 150, 100 / 150, 125 / 150),
    "drop": 0.3,
}
SBNN: dict[str, Any] = {**CIFAR, "batch": 512, "rate": 1e-3, "mixup": 1.0, "clip_latent": 1.5}
NORM_FREE: dict[str, Any] = {"rate": 5e-4, "schedule": "linear", "clip_gradients": 0.02}
BYTES: dict[str, Any] = {"rate": 3e-3, "warmup": 0.1, "clip_latent": 1.0, "bytes": True}
DIGITS: dict[str, Any] = {"batch": 64, "rate": 5e-3, "warmup": 0.1}
SMALL: dict[str, Any] = {"stages": (2, 2), "widths": (32, 64)}


def _sbnn(density: float, gamma: float) -> Recipe:
    network = partial(_named, name="resnet18_two_value", density=density, sparsity="penalty")
    summary = f"{{alpha, beta}} ResNet-18, at most {density:.0%} ones, by penalty (arXiv 2306.13515)"
    return _recipe(summary, "cifar10", network, 500, density=density, gamma=gamma, **SBNN)


def _two_value_digits(density: float) -> Recipe:
    network = partial(_named, name="resnet18_two_value", stages=(1, 1), widths=(32, 64), density=density)
    summary = f"{{alpha, beta}} residual network, {density:.0%} ones, by quantile"
    return _recipe(summary, "digits", network, 40, clip_latent=1.5, **DIGITS)


def _bethge(name: str) -> Recipe:
    summary = f"{name} of Bethge et al. (arXiv 1812.01965, 1906.08637, 2001.05936)"
    return _recipe(summary, "cifar10", partial(_named, name=name), 150, **BETHGE)


RECIPES: dict[str, Recipe] = {
    "binary_mnist": _recipe(
        "chain of bits: three binary convolutions, two dense layers, four level sets",
        "mnist",
        partial(
            _on_levels,
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
    "binary_fashion_mnist": _recipe(
        "chain of bits: four binary convolutions, one dense layer, eight level sets",
        "fashion_mnist",
        partial(_on_levels, make=BinaryStages, count=8, input_quantizer="approx_sign"),
        24,
        batch=64,
        flip=True,
        settle=True,
        schedule="late",
        **{**BYTES, "warmup": 0.0},
    ),
    "float_fashion_mnist": _recipe(
        "float convolutions: a teacher for binary_fashion_mnist",
        "fashion_mnist",
        lambda data: FloatConvNet(data.image, data.classes),
        5,
        rate=3e-3,
        warmup=0.1,
        weight_decay=1e-4,
        flip=True,
    ),
    "sfc_mnist": _recipe("FINN's SFC (arXiv 1612.07119)", "mnist", partial(_named, name="sfc"), 100, **BYTES),
    "lfc_mnist": _recipe("FINN's LFC (arXiv 1612.07119)", "mnist", partial(_named, name="lfc"), 100, **BYTES),
    "cnv_fashion_mnist": _recipe(
        "FINN's CNV (arXiv 1612.07119) at a quarter of its width",
        "fashion_mnist",
        partial(_named, name="cnv", width=16),
        10,
        batch=64,
        flip=True,
        **BYTES,
    ),
    "cnv_cifar10": _recipe(
        "FINN's CNV (arXiv 1612.07119)", "cifar10", partial(_named, name="cnv"), 200, **{**BYTES, **CIFAR}
    ),
    **{
        f"{name}_cifar10": _bethge(name)
        for name in architectures.ARCHITECTURES
        if name.startswith(("resnete", "binarydensenet", "meliusnet"))
    },
    "vgg_small_cifar10": _recipe(
        "self-binarizing VGG-small (arXiv 1902.00730)",
        "cifar10",
        partial(_named, name="vgg_small"),
        200,
        rate=1e-3,
        settle=True,
        **CIFAR,
    ),
    "resnet18_two_value_50_cifar10": _sbnn(0.50, 0.0),
    "resnet18_two_value_10_cifar10": _sbnn(0.10, 0.04),
    "resnet18_two_value_05_cifar10": _sbnn(0.05, 0.07),
    "reactnet18_cifar10": _recipe(
        "ReActNet-18 (arXiv 2003.03488)",
        "cifar10",
        partial(_named, name="reactnet18"),
        256,
        batch=256,
        rate=5e-4,
        schedule="linear",
        **CIFAR,
    ),
    "reactnet18_norm_free_cifar10": _recipe(
        "ReActNet-18 without batch normalisation (arXiv 2104.08215)",
        "cifar10",
        partial(_named, name="reactnet18_norm_free"),
        256,
        batch=256,
        **NORM_FREE,
        **CIFAR,
    ),
    "binary_digits": _recipe(
        "chain of bits: two binary convolutions, two dense layers, three level sets",
        "digits",
        partial(
            _on_levels,
            make=BinaryConvNet,
            count=3,
            widths=(32, 64),
            hidden=(128,),
            input_quantizer="approx_sign",
        ),
        30,
        **{**BYTES, **DIGITS},
    ),
    "sfc_digits": _recipe(
        "the shape of FINN's SFC (arXiv 1612.07119), three level sets",
        "digits",
        partial(_on_levels, make=BinaryMLP, count=3, hidden=(256, 256, 256)),
        30,
        **{**BYTES, **DIGITS},
    ),
    "resnete_digits": _recipe(
        "ResNetE with two stages of two convolutions",
        "digits",
        partial(_named, name="resnete18", **SMALL),
        15,
        **DIGITS,
    ),
    "binarydensenet_digits": _recipe(
        "BinaryDenseNet with two stages of two layers",
        "digits",
        partial(_named, name="binarydensenet28", layers=(2, 2), widths=(64,), growth=32),
        15,
        **DIGITS,
    ),
    "meliusnet_digits": _recipe(
        "MeliusNet with two stages of one block",
        "digits",
        partial(_named, name="meliusnet22", layers=(1, 1), widths=(64,), growth=32),
        15,
        **DIGITS,
    ),
    "self_binarizing_digits": _recipe(
        "self-binarizing dense network: tanh sharpens into sign (arXiv 1902.00730)",
        "digits",
        partial(_on_levels, make=SelfBinarizingMLP, count=3, hidden=(256, 256)),
        100,
        **{**DIGITS, "rate": 2e-3, "settle": True, "bytes": True},
    ),
    "two_value_50_digits": _two_value_digits(0.50),
    "two_value_05_digits": _two_value_digits(0.05),
    "reactnet_digits": _recipe(
        "ReActNet with two stages of two convolutions",
        "digits",
        partial(_named, name="reactnet18", **SMALL),
        15,
        **DIGITS,
    ),
    "norm_free_digits": _recipe(
        "ReActNet without batch normalisation, two stages of two convolutions",
        "digits",
        partial(_named, name="reactnet18_norm_free", **SMALL),
        40,
        **{**DIGITS, **NORM_FREE, "rate": 2e-3},
    ),
    "ternary_digits": _recipe(
        "ternary dense network by coordinate descent (arXiv 2009.00540)",
        "digits",
        partial(_on_levels, make=TernaryMLP, count=3, hidden=(64,)),
        4,
        descent=True,
        bytes=True,
    ),
}
"""Every recipe that ``binmorph train`` knows beside ``digits``."""
