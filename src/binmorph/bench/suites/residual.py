"""A ResNet-18-shaped residual network at 224 x 224, batch 1, with random weights.

Float stem, shortcuts and head, sixteen binary 3x3 convolutions with a float residual stream around each: the
ResNetE-18 of Bethge et al. "openvino-binary" is the same network, its BinaryConvolution between float
operators; "openvino-int8", "openvino-float" and "torch-float" have ordinary convolutions and ReLU in the
places of the binary ones; "torch-simulated" is the binary network as people run it today, float operators on
-1 and +1. Scores of the binary ones are compared before anything is timed: they agree up to the roundings of
the float layers, which may turn a sign.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator

import numpy as np
import torch

import binmorph
from binmorph.runtime import PackedModel

from ..case import Case, System
from ..shapes.openvino_network import OpenVinoNetwork
from ..shapes.packed_network import PackedNetwork
from ..shapes.resnet import resnet18
from ..shapes.torch_network import TorchNetwork

SIZE = 224


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.reshape(-1), b.reshape(-1))[0, 1])


def cases(threads: int) -> Iterator[Case]:
    """One case; every system runs on ``threads`` threads."""
    torch.set_num_threads(threads)
    image = np.random.default_rng(0).normal(size=(1, 3, SIZE, SIZE)).astype(np.float32)
    packed = PackedNetwork((3, SIZE, SIZE))
    model = PackedModel(packed.graph(resnet18(packed)), threads=threads)
    scores = model(image)
    systems = [System("binmorph", f"{binmorph.__version__} {model.isa}", lambda: model(image))]

    def peer(name: str, version: str, network: TorchNetwork | OpenVinoNetwork, same: bool) -> None:
        call = network.compiled(resnet18(network), image, threads)
        if same and _correlation(scores, call()) < 0.98:
            raise AssertionError(f"{name}: its scores are not those of the packed network")
        systems.append(System(name, version, call))

    peer("torch-simulated", torch.__version__, TorchNetwork(binary=True), True)
    peer("torch-float", torch.__version__, TorchNetwork(binary=False), False)
    if importlib.util.find_spec("openvino") is None:
        print("openvino is NOT installed: its networks are not measured", file=sys.stderr)
    else:
        for mode in ("binary", "int8", "float"):
            network = OpenVinoNetwork(image.shape, mode)
            peer(f"openvino-{mode}", network.version, network, mode == "binary")
    yield Case(f"ResNetE-18 {SIZE}x{SIZE} batch 1", tuple(systems), "openvino-binary", threads)
