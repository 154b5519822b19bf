"""The published networks: their sizes and operation counts, and small ones that run."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import binmorph.nn as bnn
from binmorph.cli import main
from binmorph.nn import architectures

LARGE, SMALL = (3, 224, 224), (3, 32, 32)

# Binary MACs, float MACs and operations as published (four digits); binary weights, float parameters exactly.
PUBLISHED = {
    "resnete18": ("1.676e+09", "1.378e+08", "1.640e+08", 10985472, 704174, "3.996"),
    "resnete34": ("3.526e+09", "1.378e+08", "1.929e+08", 21086208, 711598, "5.228"),
    "binarydensenet28": ("3.587e+09", "2.025e+08", "2.585e+08", 4202496, 929000, "4.045"),
    "binarydensenet37": ("4.507e+09", "1.997e+08", "2.702e+08", 7593984, 1108264, "5.133"),
    "binarydensenet37_dilated": ("7.774e+09", "4.526e+08", "5.741e+08", 7593984, 1108264, "5.133"),
    "binarydensenet45": ("6.431e+09", "2.441e+08", "3.446e+08", 12349440, 1540072, "7.347"),
    "meliusnet22": ("4.624e+09", "1.858e+08", "2.580e+08", 6119424, None, "3.892"),
    "meliusnet29": ("5.470e+09", "1.789e+08", "2.643e+08", 10321920, None, "5.084"),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones(name: str) -> None:
    c = architectures.counts(name, LARGE, 1000)
    binary, floats, operations, weights, params, mebibytes = PUBLISHED[name]
    assert f"{c.binary_macs:.3e}" == binary
    assert f"{c.float_macs:.3e}" == floats
    assert f"{c.operations:.3e}" == operations
    assert c.binary_weights == weights
    assert params is None or c.float_params == params
    assert f"{c.mebibytes:.3f}" == mebibytes


@pytest.mark.parametrize("name", ["resnete18", "resnet18_two_value"])
def test_counts_for_small_images(name: str) -> None:
    c = architectures.counts(name, SMALL, 10)
    assert f"{c.binary_macs:.3e}" == "5.474e+08"
    assert f"{c.float_macs:.2e}" == "8.07e+06"
    assert c.binary_weights == 10985472
    assert c.float_weights == 178880
    assert f"{c.binary_weights / 8 / 2**20:.2f}" == "1.31"


def test_counts_of_threshold_networks() -> None:
    vgg = architectures.counts("vgg_small", SMALL, 10)
    assert (f"{vgg.binary_weights:.3g}", f"{vgg.binary_macs:.3g}") == ("1.4e+07", "6.13e+08")
    cnv = architectures.counts("cnv", SMALL, 10)
    assert cnv.binary_weights == 1541120 + 3 * 576
    assert architectures.counts("sfc", (1, 28, 28), 10).binary_weights == 334336
    assert architectures.counts("lfc", (1, 28, 28), 10).binary_weights == 2910208


def test_widths_behind_transitions_follow_from_the_reductions() -> None:
    """Layers and reductions per stage, as published, give the widths of the registry."""
    for layers, reductions, widths in (
        ((6, 6, 6), (2.7, 2.7, 2.2), (160, 192, 256)),
        ((6, 8, 12), (3.3, 3.3, 4), (128, 192, 256)),
        ((6, 12, 14), (2.7, 3.3, 4), (160, 288, 288)),
    ):
        channels = 64
        for count, reduction, width in zip(layers, reductions, widths, strict=True):
            channels = architectures.reduced(channels + 64 * count, reduction)
            assert channels == width


def test_command(tmp_path, capsys) -> None:
    report = tmp_path / "models.json"
    assert main(["models", "--json", str(report)]) == 0
    assert "binarydensenet45" in capsys.readouterr().out
    models = json.loads(report.read_text())["models"]
    assert {m["network"] for m in models} == set(architectures.ARCHITECTURES)
    assert models[0]["binary_weights"] == 10985472


def test_table() -> None:
    lines = architectures.table([("resnete18", LARGE, 1000), ("lfc", (1, 28, 28), 10)]).splitlines()
    assert len(lines) == 3
    assert lines[1].split() == [
        "resnete18", "3x224x224", "1.676e+09", "1.378e+08", "1.640e+08", "10985472", "704174", "3.996",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="resnete18, resnete34"):
        architectures.build("resnet50", LARGE, 1000)


SMALL_NETWORKS = {
    "resnete18": {"stages": (1, 2), "widths": (8, 16)},
    "binarydensenet28": {"layers": (1, 2), "widths": (12,), "growth": 8},
    "binarydensenet37_dilated": {"layers": (1, 1, 1), "widths": (8, 8), "dilations": (1, 1, 2), "growth": 8},
    "meliusnet22": {"layers": (1, 1), "widths": (16,), "growth": 8},
    "vgg_small": {"widths": (8, 16), "hidden": (20,)},
    "self_binarizing_mlp": {"hidden": (12, 8)},
    "resnet18_two_value": {"stages": (1, 1), "widths": (8, 16), "density": 0.2},
    "reactnet18": {"stages": (1, 2), "widths": (8, 16)},
    "reactnet18_norm_free": {"stages": (1, 2), "widths": (8, 16)},
}
TRACED = ("meliusnet22", "resnet18_two_value", "reactnet18_norm_free")  # between them, every kind of layer


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_small_networks_learn_and_harden(name: str) -> None:
    """Every parameter gets a gradient, the hardened network is deterministic, and tracing keeps its bits."""
    network = architectures.build(name, (3, 16, 16), 5, **SMALL_NETWORKS[name])
    x, y = torch.rand(6, 3, 16, 16) * 255, torch.arange(6) % 5
    nn.functional.cross_entropy(network(x), y).backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)
    bnn.harden_network(network, [x])
    with torch.no_grad():
        expected = network(x)
        assert torch.equal(network(x), expected)
        if name in TRACED:
            assert torch.equal(torch.export.export(network, (x,)).module()(x), expected)


def test_large_images_take_the_large_stem() -> None:
    network = architectures.build("resnete18", (3, 64, 64), 4, stages=(1, 1), widths=(8, 16))
    assert network.stem(torch.rand(1, 3, 64, 64)).shape == (1, 8, 16, 16)
    assert network(torch.rand(1, 3, 64, 64)).shape == (1, 4)
