"""Behind the training: harden, pack, and measure the network in each of its forms."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import BinmorphError
from ..nn.batch_norm import harden_network
from ..nn.binary import BinaryLayer
from ..nn.sharpness import Sharpness, sharpness
from ..nn.two_value import TwoValue
from .data import Data
from .loop import accuracy
from .recipe import Recipe

SETTLING = 100  # batches that the statistics of a hardened network are taken from
LOOKED_AT = 200  # test images on which hardening is looked at


@dataclass(frozen=True)
class Finished:
    """``hard`` is in evaluation mode on the CPU; accuracies are fractions of the test set; ``packed`` is None
    where ``problem`` says why the network was not packed; ``density`` is the fraction of weights that are +1,
    of {alpha, beta} weights those that are alpha, and of ternary ones those that are not 0; ``sharpness``:
    what hardening changed in a self-binarizing network."""

    hard: nn.Module
    accuracy_smooth: float
    accuracy_hard: float
    accuracy_packed: float | None
    problem: str
    density: float
    file_bytes: int
    sharpness: Sharpness | None = None

    def to_json(self) -> dict[str, Any]:
        parts = ("accuracy_smooth", "accuracy_hard", "accuracy_packed", "problem", "density", "file_bytes")
        hardening = {"hardening": asdict(self.sharpness)} if self.sharpness else {}
        return {name: getattr(self, name) for name in parts} | hardening


def finish(recipe: Recipe, network: nn.Module, data: Data, target: Path | None) -> Finished:
    """Harden a copy of ``network``, pack it to ``target`` if given, and measure both on the test set."""
    smooth = copy.deepcopy(network).cpu().to(memory_format=torch.contiguous_format).eval()
    hard = copy.deepcopy(smooth)
    count = min(len(data.x_train), SETTLING * recipe.batch)
    settling = [recipe.inputs(x) for x in data.x_train[:count].split(recipe.batch)] if recipe.settle else None
    harden_network(hard, settling)
    packed, problem, size = None, "not asked for", 0
    if target is not None:
        packed, problem, size = pack(hard, recipe, data, target)
    return Finished(
        hard,
        accuracy(smooth, recipe, data.x_test, data.y_test),
        accuracy(hard, recipe, data.x_test, data.y_test),
        packed,
        problem,
        density_of(hard),
        size,
        sharpness(smooth, hard, recipe.inputs(data.x_test[:LOOKED_AT])),
    )


def pack(hard: nn.Module, recipe: Recipe, data: Data, target: Path) -> tuple[float | None, str, int]:
    """(accuracy of the packed network, "", bytes of its file), or (None, why not, 0)."""
    from .. import runtime
    from ..export import export

    try:
        export(hard, recipe.inputs(data.x_test[:64]).numpy(), target)
    except BinmorphError as error:
        return None, str(error), 0
    scores = np.asarray(runtime.load(target)(recipe.inputs(data.x_test).numpy()))
    right = float((scores.argmax(1) == data.y_test.numpy()).mean())
    return right, "", target.stat().st_size


def density_of(network: nn.Module) -> float:
    """See :class:`Finished`; NaN without binary layers."""
    ones, total = 0, 0
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, BinaryLayer) and layer.binarizes:
                core: Tensor = layer.binary_weight
                ternary = not isinstance(layer.weight_quantizer, TwoValue) and bool((core == 0).any())
                ones += int(((core != 0) if ternary else (core > 0)).sum())
                total += core.numel()
    return ones / total if total else float("nan")
