"""The published networks by name: ``build("resnete18", (3, 224, 224), 1000)``, and ``table()`` of their
costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import nn

from ..binary_networks import BinaryCNV, BinaryMLP
from ..level_sets import LevelSets
from .counts import Counts, count
from .dense import BinaryDenseNet, reduced
from .react import ReActNet
from .resnete import ResNetE
from .two_value_resnet import TwoValueResNet
from .vgg import SelfBinarizingMLP, SelfBinarizingVGG

Image = tuple[int, int, int]
Builder = Callable[..., nn.Module]

DILATED = (1, 1, 2, 4)


def _on_one_level(make: Callable[..., nn.Module], image: Image, classes: int, **options: Any) -> nn.Module:
    """One level, at the middle of a byte."""
    with torch.device("cpu"):  # its values are looked at
        middle = LevelSets(torch.full((image[0], 1), 127.5))
    return make(middle, image=image, classes=classes, **options)


ARCHITECTURES: dict[str, Builder] = {
    "resnete18": ResNetE,
    "resnete34": partial(ResNetE, stages=(6, 8, 12, 6)),
    "binarydensenet28": partial(BinaryDenseNet, layers=(6, 6, 6, 5), widths=(160, 192, 256)),
    "binarydensenet37": partial(BinaryDenseNet, layers=(6, 8, 12, 6), widths=(128, 192, 256)),
    "binarydensenet37_dilated": partial(
        BinaryDenseNet, layers=(6, 8, 12, 6), widths=(128, 192, 256), dilations=DILATED
    ),
    "binarydensenet45": partial(BinaryDenseNet, layers=(6, 12, 14, 8), widths=(160, 288, 288)),
    "meliusnet22": partial(BinaryDenseNet, layers=(4, 5, 4, 4), widths=(160, 224, 256), improve=True),
    "meliusnet29": partial(BinaryDenseNet, layers=(4, 6, 8, 6), widths=(128, 192, 256), improve=True),
    "vgg_small": SelfBinarizingVGG,
    "self_binarizing_mlp": partial(_on_one_level, SelfBinarizingMLP, hidden=(1024, 1024)),
    "resnet18_two_value": TwoValueResNet,
    "reactnet18": ReActNet,
    "reactnet18_norm_free": partial(ReActNet, norm_free=True),
    "sfc": partial(_on_one_level, BinaryMLP, hidden=(256, 256, 256)),
    "lfc": partial(_on_one_level, BinaryMLP, hidden=(1024, 1024, 1024)),
    "cnv": partial(_on_one_level, BinaryCNV),
}
"""Builders by name: (image (C, H, W), classes, further options) to a network."""


def build(name: str, image: Image, classes: int, **options: Any) -> nn.Module:
    """The network ``name`` for ``image`` (C, H, W); ValueError for an unknown name."""
    if name not in ARCHITECTURES:
        raise ValueError(f"network {name!r} is not one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name](image=image, classes=classes, **options)


def counts(name: str, image: Image, classes: int) -> Counts:
    """What ``name`` costs, without memory for its weights."""
    with torch.device("meta"):
        return count(build(name, image, classes).to("meta"), image)


LARGE, SMALL, GRAY = (3, 224, 224), (3, 32, 32), (1, 28, 28)
FAMILIES = ("resnete", "binarydensenet", "meliusnet", "reactnet")
PUBLISHED: tuple[tuple[str, Image, int], ...] = (
    *((name, LARGE, 1000) for name in ARCHITECTURES if name.startswith(FAMILIES)),
    *((name, SMALL, 10) for name in ("resnete18", "resnet18_two_value", "reactnet18", "vgg_small")),
    *(("cnv", SMALL, 10), ("sfc", GRAY, 10), ("lfc", GRAY, 10)),
    ("self_binarizing_mlp", GRAY, 10),
)
"""Each network as (name, image, classes) of its paper."""

HEADER = (
    "network",
    "image",
    "binary MACs",
    "float MACs",
    "operations",
    "binary weights",
    "float params",
    "MiB",
)


def table(rows: Iterable[tuple[str, Image, int]] = PUBLISHED) -> str:
    """One line per (name, image, classes)."""
    lines: list[tuple[str, ...]] = [HEADER]
    for name, image, classes in rows:
        c = counts(name, image, classes)
        size, numbers = "x".join(map(str, image)), (c.binary_macs, c.float_macs, c.operations)
        costs = (f"{n:.3e}" for n in numbers)
        lines.append((name, size, *costs, f"{c.binary_weights}", f"{c.float_params}", f"{c.mebibytes:.3f}"))
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


__all__ = [
    "ARCHITECTURES",
    "PUBLISHED",
    "BinaryDenseNet",
    "Counts",
    "ReActNet",
    "ResNetE",
    "SelfBinarizingMLP",
    "SelfBinarizingVGG",
    "TwoValueResNet",
    "build",
    "count",
    "counts",
    "reduced",
    "table",
]
