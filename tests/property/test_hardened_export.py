"""Random float layers, hardened and sent through the real exporter: every bit of every layer agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import binmorph  # noqa: E402
import binmorph.nn as bnn  # noqa: E402
from binmorph.export import verify  # noqa: E402


def random_network(rng: np.random.Generator) -> torch.nn.Sequential:
    """Level sets, one or two BiSEL, maybe pooling, a dense layer and a float head, on 7 x 9 gray images."""
    channels, height, width = int(rng.integers(1, 3)), 7, 9
    values = torch.from_numpy(np.sort(rng.normal(size=(channels, 2)).astype(np.float32)))
    layers: list[torch.nn.Module] = [bnn.LevelSets(values)]
    channels *= 2
    for _ in range(int(rng.integers(1, 3))):
        kernel = int(rng.integers(1, 4)), int(rng.integers(1, 5))
        out, border = int(rng.integers(1, 4)), str(rng.choice(["replicate", "zeros", "ones"]))
        layers.append(bnn.BiSEL(channels, out, kernel, border))
        channels = out
    if rng.random() < 0.5:
        layers.append(torch.nn.MaxPool2d(2))
        height, width = height // 2, width // 2
    layers += [torch.nn.Flatten(), bnn.DenseLUI(channels * height * width, 11), torch.nn.Linear(11, 3)]
    return torch.nn.Sequential(*layers)


def scramble(network: torch.nn.Module, rng: np.random.Generator) -> None:
    """Float parameters as wild as training may leave them: scales of both signs, constant weights, ties."""
    with torch.no_grad():
        for parameter in network.parameters():
            drawn = rng.normal(size=tuple(parameter.shape)) * rng.choice([0.1, 1, 3])
            if rng.random() < 0.3:
                drawn = np.round(drawn)
            parameter.copy_(torch.from_numpy(np.asarray(drawn, np.float32)))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("family", ["popcount", "morphological"])
def test_export_of_hardened_networks(seed: int, family: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    scramble(network, rng)
    bnn.harden(network, family=family)
    network.eval()
    channels = network[0].values.shape[0]
    x = torch.from_numpy(rng.normal(size=(5, channels, 7, 9)).astype(np.float32))
    report = binmorph.export(network, x, tmp_path / "net.bmorph")
    assert report.verified > 0
    result = verify(network, tmp_path / "net.bmorph", x)
    assert result.equal, f"{network}\n{result}"
    packed = binmorph.load(tmp_path / "net.bmorph", threads=2)
    torch.testing.assert_close(packed(x), network(x), rtol=1e-5, atol=1e-5)  # the head sums in its own order
