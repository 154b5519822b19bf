"""binmorph.export: packed networks equal hard ones, reports say what happened, refusals are complete."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from export_networks import classifier, fill, random_network
from oracle import evaluate
from torch import nn

import binmorph.export
import binmorph.nn as bnn
from binmorph import format as file_format
from binmorph import ir
from binmorph.errors import VerificationError
from binmorph.export import export, verification, verify


@pytest.mark.parametrize("seed", range(8))
def test_random_networks_equal_their_hard_reference(seed: int, target: Path) -> None:
    network, example = random_network(np.random.default_rng(seed))
    report = export(network, example, target)
    assert report.verified > len(example)
    result = verify(network, target, example)
    assert result.equal, str(result)
    assert result.bits_compared > 0


def test_report_of_a_classifier(images: torch.Tensor, target: Path) -> None:
    network = classifier(images)
    report = export(network, images, target)
    names = [layer.name for layer in report.layers]
    assert names == ["levels", "bisel", "pool", "flatten", "dense", "classifier"]
    packed = {layer.name: layer.packed for layer in report.layers}
    assert not packed.pop("classifier")
    assert all(packed.values())
    assert report.file_bytes == target.stat().st_size
    dense = report.layers[4]
    assert sum(dense.statuses.values()) == 70
    assert dense.bits >= 70 * dense_inputs(network)
    assert json.loads(json.dumps(report.to_json()))["totals"]["packed_bits"] == report.packed_bits
    assert "classifier" in str(report)
    assert "verified bit for bit" in str(report)


def dense_inputs(network: nn.Module) -> int:
    return int(network.dense.lui.n)


def test_certificates_come_from_the_layers(images: torch.Tensor, target: Path) -> None:
    network = classifier(images)
    expected = network.dense.neurons()
    export(network, images, target, simplify=False)
    node = next(n for n in file_format.load(target).nodes if isinstance(n, ir.ThresholdDense))
    for name in ir.Neurons.FIELDS:
        np.testing.assert_array_equal(getattr(node.neurons, name), getattr(expected, name))


def test_smooth_network_is_hardened_on_a_copy(images: torch.Tensor, target: Path) -> None:
    network = bnn.MorphologicalClassifier(bnn.LevelSets.from_quantiles(images, 2), (1, 8, 8), 10).eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    report = export(network, images, target)
    assert report.hardened == ("bisel", "dense")
    assert network.bisel.mode is bnn.Mode.SMOOTH
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert verify(network, target, images).equal


def test_batch_of_one_and_numpy_and_uint8(images: torch.Tensor, target: Path) -> None:
    example = images[:1].to(torch.uint8).numpy()
    network = classifier(images)
    export(network, example, target)
    graph = file_format.load(target)
    assert graph.input.dtype == "uint8"
    result = verify(network, target, images.to(torch.uint8))
    assert result.equal
    assert result.images == 6


class Functional(nn.Module):
    """Functional calls, harmless operators, a reused layer and a hand-written linear."""

    def __init__(self) -> None:
        super().__init__()
        self.first = bnn.BiSEL(2, 2, 3)
        self.weight = nn.Parameter(torch.randn(2 * 3 * 4, 5))
        self.bias = nn.Parameter(torch.randn(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(self.first(x.to(torch.float32)).contiguous())
        y = torch.nn.functional.max_pool2d(torch.nn.functional.dropout(y, training=False), 2)
        return torch.addmm(self.bias, y.view(x.shape[0], -1), self.weight)


def test_functional_calls_and_reused_layers(target: Path) -> None:
    network = fill(Functional(), np.random.default_rng(3))
    example = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (3, 2, 6, 8)).astype(np.uint8))
    report = export(network, example, target)
    assert [layer.name for layer in report.layers] == [
        "packed_input", "first", "first#2", "max_pool2d", "view", "addmm",
    ]  # fmt: skip
    assert verify(network, target, example).equal


def test_linear_without_bias_in_three_spellings(target: Path) -> None:
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (4, 9)).astype(np.float32))
    weight = torch.randn(3, 9)

    class Spelled(nn.Module):
        def __init__(self, how: str) -> None:
            super().__init__()
            self.how = how
            self.weight = nn.Parameter(weight)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.how == "linear":
                return torch.nn.functional.linear(x, self.weight)
            return torch.mm(x, self.weight.T) if self.how == "mm" else x @ self.weight.t()

    for how in ("linear", "mm", "matmul"):
        export(Spelled(how).eval(), x, target)
        node = file_format.load(target).nodes[-1]
        assert isinstance(node, ir.Linear)
        np.testing.assert_array_equal(node.weight, weight.numpy())
        assert not node.bias.any()


def test_the_package_is_the_function_too(images: torch.Tensor, target: Path) -> None:
    assert binmorph.export(classifier(images), images, target).path == str(target)


def test_a_file_that_fails_verification_is_not_published(
    images: torch.Tensor, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.write_bytes(b"the file before")

    def broken(path: Path, device: str, threads: int | None) -> SimpleNamespace:
        graph = file_format.load(path)

        def trace(x: np.ndarray) -> dict[str, np.ndarray]:
            values = evaluate(graph, x)
            values["pool"] = values["pool"].copy()
            values["pool"][2, 1, 3, 0] ^= True
            return values

        return SimpleNamespace(isa="broken", trace=trace)

    monkeypatch.setattr(verification, "_load", broken)
    with pytest.raises(VerificationError, match="image 2, channel 1, row 3, column 0"):
        export(classifier(images), images, target)
    assert target.read_bytes() == b"the file before"
    assert [p.name for p in target.parent.iterdir()] == [target.name]
