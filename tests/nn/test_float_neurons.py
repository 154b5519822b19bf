"""Float layers cast as threshold neurons: the folded form, and the certificate against all inputs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import binmorph.nn as bnn  # noqa: E402
from binmorph.cli import main  # noqa: E402
from binmorph.errors import BinmorphError  # noqa: E402
from binmorph.ir import Status  # noqa: E402


def _norm(rng: np.random.Generator, channels: int) -> torch.nn.BatchNorm2d:
    """Dyadic statistics with a standard deviation of exactly 1, so that ties are ties in float32 too."""
    norm = torch.nn.BatchNorm2d(channels, eps=0.0).eval()
    for target, values in (
        (norm.weight, [-2, -0.5, 0, 0.5, 1]),
        (norm.bias, [-1, -0.5, 0, 0.5]),
        (norm.running_mean, [0, 0.5, 1, 2]),
    ):
        target.data = torch.from_numpy(rng.choice(values, channels).astype(np.float32))
    return norm


def _every(n: int, inputs: str) -> torch.Tensor:
    bits = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float32)
    return torch.from_numpy(2 * bits - 1 if inputs == "signs" else bits)


@pytest.mark.parametrize("inputs", ["bits", "signs"])
def test_proved_neurons_decide_like_the_layer(inputs: str) -> None:
    """On all 2^8 windows of two channels, ties and constants among them."""
    rng = np.random.default_rng(0)
    conv = torch.nn.Conv2d(2, 200, 2)
    conv.weight.data = torch.from_numpy(rng.choice([-1, 0, 0, 1, 1, 1.5], (200, 2, 2, 2)).astype(np.float32))
    conv.bias.data = torch.from_numpy(rng.choice([-3, -1, -0.5, 0, 0.5], 200).astype(np.float32))
    norm = _norm(rng, 200)
    cast = bnn.cast_layer(conv, norm, inputs=inputs)
    x = _every(8, inputs)
    wanted = (norm(conv(x.reshape(-1, 2, 2, 2))) > 0)[:, :, 0, 0].numpy()
    got = cast.neurons.evaluate((x.numpy() > 0)[:, None, :])
    proved = cast.neurons.status != Status.APPROXIMATED
    assert proved.sum() > 50
    np.testing.assert_array_equal(got[:, proved], wanted[:, proved])
    if inputs == "bits":
        assert {"constant", "dilation", "erosion"} <= set(cast.statuses)
    assert sum(cast.statuses.values()) == 200
    assert cast.lossless == (~proved).sum(), "eight inputs are always realised by integer weights"


def test_a_network_is_reported_layer_by_layer() -> None:
    conv = torch.nn.Conv2d(1, 2, 3)
    conv.weight.data[0], conv.weight.data[1] = 1.0, 1.0
    conv.bias.data = torch.tensor([-8.5, -0.5])
    net = torch.nn.Sequential(
        conv, torch.nn.BatchNorm2d(2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(2, 3)
    )
    report = bnn.cast(net.eval())
    assert [layer.name for layer in report.layers] == ["0", "4"]
    assert report.layers[0].statuses == {"dilation": 1, "erosion": 1}
    assert "2 neurons of 9 bits: 1 dilation, 1 erosion" in str(report)


def test_bad_layers_are_refused() -> None:
    with pytest.raises(BinmorphError, match="grouped"):
        bnn.cast_layer(torch.nn.Conv2d(2, 2, 3, groups=2))
    with pytest.raises(BinmorphError, match="statistics"):
        bnn.cast_layer(torch.nn.Conv2d(2, 2, 3), torch.nn.BatchNorm2d(2, track_running_stats=False))
    with pytest.raises(BinmorphError, match="neither"):
        bnn.cast_layer(torch.nn.Linear(2, 2), inputs="gray")


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "network.py"
    source.write_text(
        "import torch\n\ndef build():\n"
        "    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Conv2d(1, 5, 2), torch.nn.BatchNorm2d(5), torch.nn.ReLU())\n"
    )
    assert main(["certify", f"{source}:build", "--inputs", "signs", "--json", str(tmp_path / "r.json")]) == 0
    assert "5 neurons of 4 signs" in capsys.readouterr().out
    layer = json.loads((tmp_path / "r.json").read_text())["layers"][0]
    assert sum(layer.get(status, 0) for status in (*(s.name.lower() for s in Status), "inexact")) == 5
    assert (layer["name"], layer["neurons"], layer["n"]) == ("0", 5, 4)
