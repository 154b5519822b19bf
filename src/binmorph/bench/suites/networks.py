"""Whole sign networks, images in, scores out: packed beside torch.

"torch-simulated" is the same network as people run it today, float operators on -1 and +1; "torch-float" is a
network of the same shapes with float weights and ReLU. Both are in evaluation mode without gradients. The
packed network is exported with its full verification, and its classes are compared with torch's, before
anything is timed. Weights are random: only the shapes matter for time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

import binmorph
from binmorph.nn import BinaryCNV, BinaryConv2d, BinaryLinear, BinaryMLP, BitsToSigns, LevelSets

from ..case import Case, System

BATCHES = (1, 64)


def _settled(network: nn.Module, images: torch.Tensor) -> nn.Module:
    """Batch statistics of real sums, so that thresholds lie where sums do."""
    torch.manual_seed(0)
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(images)
    return network.eval()


def _float_twin(network: nn.Module) -> nn.Module:
    """The same shapes: float convolutions and dense layers, ReLU behind each batch normalisation."""

    def twin(module: nn.Module) -> list[nn.Module]:
        if isinstance(module, BinaryConv2d):
            padding, stride = module.padding, module.stride
            shape = (module.weight.shape[1], module.weight.shape[0], module.weight.shape[2:])
            return [nn.Conv2d(*shape, stride=stride, padding=padding, bias=False)]
        if isinstance(module, BinaryLinear):
            return [nn.Linear(module.weight.shape[1], module.weight.shape[0], bias=False)]
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            return [type(module)(module.num_features), nn.ReLU()]
        if isinstance(module, (LevelSets, BitsToSigns, nn.MaxPool2d, nn.Flatten)):
            return [module]
        return [layer for child in module.children() for layer in twin(child)]

    order = ("levels", "signs", "features", "flatten", "layers", "classifier")
    parts = [getattr(network, name) for name in order if hasattr(network, name)]
    return nn.Sequential(*(layer for part in parts for layer in twin(part)))[:-1].eval()


def _networks() -> Iterator[tuple[str, nn.Module, tuple[int, int, int]]]:
    one = LevelSets(torch.tensor([[0.5]]))
    torch.manual_seed(0)
    yield "MLP 784-1024-1024-10", BinaryMLP(one, (1, 28, 28), 10, (1024, 1024)), (1, 28, 28)
    yield "LFC 784-1024-1024-1024-10", BinaryMLP(one, (1, 28, 28), 10, (1024,) * 3), (1, 28, 28)
    four = LevelSets(torch.tensor([[0.2, 0.4, 0.6, 0.8]] * 3))
    yield "CNV 3x32x32", BinaryCNV(four), (3, 32, 32)


def _case(
    name: str, network: nn.Module, shape: tuple[int, int, int], file: Path, batch: int, threads: int
) -> Case:
    x = torch.rand((batch, *shape), generator=torch.Generator().manual_seed(batch))
    model, twin, array = binmorph.load(file, threads=threads), _float_twin(network), x.numpy()

    def inference(module: nn.Module) -> torch.Tensor:
        with torch.inference_mode():
            return module(x)

    if not (model(array).argmax(1) == inference(network).numpy().argmax(1)).all():
        raise AssertionError(f"{name}: the packed network and torch choose other classes")
    if inference(twin).shape != inference(network).shape:
        raise AssertionError(f"{name}: the float network has another shape")
    systems = (
        System("binmorph", f"{binmorph.__version__} {model.isa}", lambda: model(array)),
        System("torch-simulated", torch.__version__, lambda: inference(network)),
        System("torch-float", torch.__version__, lambda: inference(twin)),
    )
    return Case(f"{name} batch {batch}", systems, "torch-float", threads)


def cases(threads: int) -> Iterator[Case]:
    """Each network at each batch size."""
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        for name, network, shape in _networks():
            images = torch.rand((64, *shape), generator=torch.Generator().manual_seed(1))
            file = Path(folder) / "network.bmorph"
            binmorph.export(_settled(network, images), images[:4], file)
            for batch in BATCHES:
                yield _case(name, network, shape, file, batch, threads)
