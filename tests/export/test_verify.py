"""binmorph.verify finds what differs, and says where."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from export_networks import fill
from oracle import evaluate
from torch import nn

import binmorph.nn as bnn
from binmorph import format as file_format
from binmorph import ir
from binmorph.errors import VerificationError
from binmorph.export import export, verify
from binmorph.export.verification import linear_in_order


@pytest.fixture
def exported(target: Path) -> tuple[nn.Module, Path, torch.Tensor]:
    rng = np.random.default_rng(1)
    network = nn.Sequential(bnn.BiSEL(1, 3, 3), nn.Flatten(), bnn.DenseLUI(75, 12), nn.Linear(12, 4))
    x = torch.from_numpy(rng.integers(0, 2, (9, 1, 5, 5)).astype(np.float32))
    export(fill(network, rng), x, target)
    return network, target, x


def tamper(path: Path, index: int, **changes: object) -> None:
    graph = file_format.load(path)
    nodes = list(graph.nodes)
    nodes[index] = dataclasses.replace(nodes[index], **changes)
    file_format.save(ir.Graph(graph.input, tuple(nodes), graph.output), path)


def test_a_changed_neuron_is_located(exported: tuple[nn.Module, Path, torch.Tensor]) -> None:
    network, path, x = exported
    graph = file_format.load(path)
    dense = next(n for n in graph.nodes if isinstance(n, ir.ThresholdDense))
    invert = dense.neurons.invert.copy()
    invert[7] ^= True
    tamper(path, graph.nodes.index(dense), neurons=dataclasses.replace(dense.neurons, invert=invert))
    result = verify(network, path, x)
    assert not result.equal
    assert result.mismatched_bits == len(x)
    check = next(layer for layer in result.layers if layer.mismatched)
    assert check.first == (0, 7)
    assert result.first_mismatch == "layer '2': image 0, feature 7"
    plain = json.loads(json.dumps(result.to_json()))
    assert plain["layers"]["2"]["mismatched_bits"] == len(x)
    assert plain["equal"] is False
    assert "NOT EQUAL" in str(result)


def test_a_changed_float_weight_is_found(exported: tuple[nn.Module, Path, torch.Tensor]) -> None:
    network, path, x = exported
    graph = file_format.load(path)
    linear = graph.nodes[-1]
    assert isinstance(linear, ir.Linear)
    tamper(path, -1, bias=linear.bias + np.float32(0.01))
    result = verify(network, path, x)
    assert result.mismatched_bits == 0
    assert result.output is not None
    assert not result.output.bit_equal_in_order
    assert not result.equal


def test_a_file_of_another_network_is_refused(exported: tuple[nn.Module, Path, torch.Tensor]) -> None:
    _, path, x = exported
    other = fill(nn.Sequential(nn.Flatten(), bnn.DenseLUI(25, 3)), np.random.default_rng(0))
    with pytest.raises(VerificationError, match="not exported from this network"):
        verify(other, path, x)


def test_chunks_do_not_change_the_result(
    exported: tuple[nn.Module, Path, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    from binmorph.export import verification

    network, path, x = exported

    def compared() -> dict[str, object]:
        result = verify(network, path, x).to_json()
        for check in (result["output"], *result["float_layers"]):
            for of_torch in ("max_abs_difference", "share"):  # its own float sums depend on the batch size
                check.pop(of_torch, None)
        return result

    whole = compared()
    monkeypatch.setattr(verification, "CHUNK_VALUES", 400)
    assert compared() == whole


def test_linear_in_order_is_the_stated_sum() -> None:
    rng = np.random.default_rng(0)
    node = ir.Linear(
        "head", "bits", rng.normal(size=(5, 130)).astype(np.float32), rng.normal(size=5).astype(np.float32)
    )
    spec = ir.InputSpec("uint8", (130,))
    graph = ir.Graph(spec, (ir.PackBinary("bits", "input"), node), "head")
    x = rng.integers(0, 2, (20, 130)).astype(np.uint8)
    expected = evaluate(graph, x)["head"]
    np.testing.assert_array_equal(linear_in_order(node, x == 1).view(np.int32), expected.view(np.int32))
