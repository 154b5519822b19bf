"""Signs of streams at exact levels, changed streams found, and the bits that roundings turn."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from stream_networks import Ported, compared, drawn
from torch import nn

import binmorph.nn as bnn
from binmorph import format as file_format
from binmorph import ir
from binmorph.errors import UnsupportedOpError
from binmorph.export import export, verify


class TorchSign(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sign(x)


def test_torch_sign_of_floats(target: Path) -> None:
    """Refused where a float32 number gives 0; taken where bisection shows that none does."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 9, 9)
    reader = bnn.BinaryConv2d(4, 4, 3, input_quantizer=None)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), TorchSign(), reader).eval()
    with pytest.raises(UnsupportedOpError, match=r"1 \(TorchSign\).*maps 0 to 0, a third value"):
        export(network, x, target)
    shift = bnn.activations.Shift(4)
    nn.init.constant_(shift.bias, 0.3)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), shift, TorchSign(), reader).eval()
    with pytest.raises(UnsupportedOpError, match=r"a third value.*where its input is -0\.3"):
        export(network, x, target)
    norm = nn.BatchNorm2d(4, eps=0.3)
    nn.init.constant_(norm.bias, 0.3)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), norm, TorchSign(), reader).eval()
    export(network, x, target)
    assert [node.op for node in file_format.load(target).nodes][:2] == ["conv2d", "level_sets"]


def test_a_changed_stream_is_found(target: Path, loader: str) -> None:
    torch.manual_seed(0)
    network, x = drawn(Ported("larq")), torch.randn(5, 3, 12, 12)
    report = export(network, x, target)
    assert report.coverage["macs"] == pytest.approx(2 * 6 * 54 * 36 / (2 * 6 * 54 * 36 + 6 * 27 * 36 + 24))
    assert "float: stem.0, head" in str(report)
    graph = file_format.load(target)
    at = next(i for i, n in enumerate(graph.nodes) if n.name == "blocks.0.norm")
    shift = graph.nodes[at].shift.copy()
    shift[4] = np.nextafter(shift[4], np.float32(9))
    nodes = list(graph.nodes)
    nodes[at] = dataclasses.replace(nodes[at], shift=shift)
    file_format.save(ir.Graph(graph.input, tuple(nodes), graph.output), target)
    result = verify(network, target, x)
    assert not result.equal
    assert result.first_mismatch.startswith("layer 'blocks.0.norm': image 0, channel 4")


def test_bits_that_roundings_turn_are_counted() -> None:
    """A thousand channels in a float convolution, and levels where its sums are: some bits differ from
    torch's own, all within rounding of their level."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1000, 8, 1), nn.BatchNorm2d(8), bnn.BinaryConv2d(8, 8, 1)).eval()
    x = torch.randn(40, 1000, 4, 4)
    with torch.no_grad():
        network[1].running_mean.copy_(network[0](x)[0, :, 0, 0])
    _, report = compared(network, x, "oracle")
    apart = report.end_to_end
    assert apart.distance < 1e-6
    assert apart.first <= apart.different
    assert "beside torch's own float sums" in str(report)
    assert report.to_json()["end_to_end"]["different"] == apart.different
