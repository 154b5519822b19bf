"""Refusals: all at once, each with module, operation, line and nearest form; nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from export_networks import classifier
from torch import nn

import binmorph.nn as bnn
from binmorph.errors import BinmorphError, DTypeError, ShapeError, UnsupportedOpError
from binmorph.export import export


class Classical(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.InstanceNorm2d(4)
        self.act = nn.GELU()
        self.pool = nn.MaxPool2d(2, padding=1, ceil_mode=True)
        self.hidden = nn.Linear(64, 20)
        self.last = nn.Linear(20, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        hidden = self.hidden(self.pool(y).flatten(1))
        chosen = torch.relu(self.norm(y) + self.act(y) + y[:, :2].repeat(1, 2, 1, 1))
        return self.last(torch.sigmoid(hidden) + chosen.flatten(1)[:, :20])


def test_all_unsupported_layers_are_listed_at_once(images: torch.Tensor, target: Path) -> None:
    with pytest.raises(UnsupportedOpError) as caught:
        export(Classical().eval(), images, target)
    text = str(caught.value)
    assert text.startswith("4 layers cannot be packed:")
    lines = text.splitlines()[1:]
    assert [line.split()[1] for line in lines] == ["pool", "norm", "act", "(the"]
    assert "ceil_mode True" in lines[0]
    assert "aten.slice.Tensor" in text
    assert "channels are sliced only where they were concatenated" in text
    assert f"{Path(__file__).name}:" in lines[3]
    assert "aten.gelu.default" in lines[2]
    assert not target.exists()


def test_float_layers_may_be_forbidden(images: torch.Tensor, target: Path) -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), bnn.BinaryConv2d(4, 6, 3), nn.Flatten(), nn.Linear(96, 3)
    ).eval()
    with pytest.raises(UnsupportedOpError, match=r"0 \(Conv2d\).*allow_float does not name it"):
        export(network, images, target, allow_float=[])
    assert not target.exists()
    report = export(network, images, target, allow_float=["0"])
    assert [layer.name for layer in report.layers if not layer.packed] == ["0", "4"]
    assert report.coverage["macs"] == 4 * 9 * 6 * 16 / (4 * 9 * 6 * 16 + 9 * 4 * 36 + 96 * 3)
    assert "packed: 68.6% of the MACs" in str(report)


def test_not_strict_reports_and_writes_nothing(images: torch.Tensor, target: Path) -> None:
    report = export(Classical().eval(), images, target, strict=False)
    assert report.path is None
    assert len(report.unsupported) == 4
    assert "no file was written" in str(report)
    json.dumps(report.to_json())
    assert list(target.parent.iterdir()) == []


def test_refusals_are_clear(images: torch.Tensor, target: Path) -> None:
    network = classifier(images)
    with pytest.raises(BinmorphError, match=r"training mode.*call module\.eval"):
        export(network.train(), images, target)
    network.eval()
    with pytest.raises(BinmorphError, match=r"no module 'clasifier'; did you mean 'classifier'"):
        export(network, images, target, allow_float=["clasifier"])
    with pytest.raises(DTypeError, match="float64"):
        export(network, images.double(), target)
    with pytest.raises(ShapeError, match="batch"):
        export(network, images[0], target)
    with pytest.raises(FileNotFoundError, match="no such directory"):
        export(network, images, target.parent / "none" / "net.bmorph")
    with pytest.raises(UnsupportedOpError, match="LevelSets in front"):
        export(nn.Sequential(network.bisel, network.pool).eval(), images.repeat(1, 3, 1, 1), target)
    with pytest.raises(DTypeError, match=r"torch\.nn\.Module"):
        export("network", images, target)
    assert not target.exists()


def test_values_that_change_are_refused(images: torch.Tensor, target: Path) -> None:
    class Truncates(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.levels = bnn.LevelSets(torch.tensor([[0.5]]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.levels(x.to(torch.uint8))

    with pytest.raises(UnsupportedOpError, match="changes values"):
        export(Truncates().eval(), images, target)


def test_control_flow_on_values_is_an_unsupported_op(images: torch.Tensor, target: Path) -> None:
    class Branches(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if bool(x.sum() > 0) else -x

    with pytest.raises(UnsupportedOpError, match=r"torch\.export could not trace Branches"):
        export(Branches().eval(), images, target)
