"""Recipes on scikit-learn's digits: small networks of every kind, trained in a minute without any files."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...nn.architectures import SelfBinarizingMLP
from ...nn.binary_networks import BinaryConvNet, BinaryMLP, TernaryMLP
from ..recipe import Recipe
from .parts import BYTES, NORM_FREE, named, on_levels, recipe, two_steps

DIGITS: dict[str, Any] = {"batch": 64, "rate": 5e-3, "warmup": 0.1}
SMALL: dict[str, Any] = {"stages": (2, 2), "widths": (32, 64)}


def _two_value_digits(density: float) -> Recipe:
    network = partial(named, name="resnet18_two_value", stages=(1, 1), widths=(32, 64), density=density)
    summary = f"{{alpha, beta}} residual network, {density:.0%} ones, by quantile"
    return recipe(summary, "digits", network, 40, clip_latent=1.5, **DIGITS)


RECIPES: dict[str, Recipe] = {
    "binary_digits": recipe(
        "chain of bits: two binary convolutions, two dense layers, three level sets",
        "digits",
        partial(
            on_levels,
            make=BinaryConvNet,
            count=3,
            widths=(32, 64),
            hidden=(128,),
            input_quantizer="approx_sign",
        ),
        30,
        **{**BYTES, **DIGITS},
    ),
    "sfc_digits": recipe(
        "the shape of FINN's SFC (arXiv 1612.07119), three level sets",
        "digits",
        partial(on_levels, make=BinaryMLP, count=3, hidden=(256, 256, 256)),
        30,
        **{**BYTES, **DIGITS},
    ),
    "resnete_digits": recipe(
        "ResNetE with two stages of two convolutions",
        "digits",
        partial(named, name="resnete18", **SMALL),
        15,
        **DIGITS,
    ),
    "binarydensenet_digits": recipe(
        "BinaryDenseNet with two stages of two layers",
        "digits",
        partial(named, name="binarydensenet28", layers=(2, 2), widths=(64,), growth=32),
        15,
        **DIGITS,
    ),
    "meliusnet_digits": recipe(
        "MeliusNet with two stages of one block",
        "digits",
        partial(named, name="meliusnet22", layers=(1, 1), widths=(64,), growth=32),
        15,
        **DIGITS,
    ),
    "self_binarizing_digits": recipe(
        "self-binarizing dense network: tanh sharpens into sign (arXiv 1902.00730)",
        "digits",
        partial(on_levels, make=SelfBinarizingMLP, count=3, hidden=(256, 256)),
        100,
        **{**DIGITS, "rate": 2e-3, "settle": True, "bytes": True},
    ),
    "self_binarizing_vgg_digits": recipe(
        "self-binarizing VGG with two convolutions (arXiv 1902.00730)",
        "digits",
        partial(named, name="vgg_small", widths=(48,), hidden=(128,)),
        60,
        **{**DIGITS, "rate": 2e-3, "settle": True},
    ),
    "two_value_50_digits": _two_value_digits(0.50),
    "two_value_05_digits": _two_value_digits(0.05),
    "reactnet_digits": recipe(
        "ReActNet with two stages of two convolutions",
        "digits",
        partial(named, name="reactnet18", **SMALL),
        15,
        **DIGITS,
    ),
    **two_steps(
        "norm_free",
        "digits",
        "ReActNet without batch normalisation, two stages of two convolutions",
        partial(named, name="reactnet18_norm_free", **SMALL),
        40,
        **{**DIGITS, **NORM_FREE, "rate": 2e-3},
    ),
    "ternary_digits": recipe(
        "ternary dense network by coordinate descent (arXiv 2009.00540)",
        "digits",
        partial(on_levels, make=TernaryMLP, count=3, hidden=(64,)),
        4,
        descent=True,
        bytes=True,
    ),
}
"""By name."""
