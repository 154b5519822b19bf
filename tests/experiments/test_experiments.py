"""The experiments, shortened: what they learn from is what they say, and they run from end to end."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tqdm")
pytest.importorskip("matplotlib")
ndimage = pytest.importorskip("scipy.ndimage")

import binmorph.nn as bnn  # noqa: E402
from binmorph.cli import main  # noqa: E402
from binmorph.errors import BinmorphError, DataError, DomainError  # noqa: E402
from binmorph.experiments import images, operators, table  # noqa: E402
from binmorph.experiments.elements import ELEMENTS, element  # noqa: E402
from binmorph.experiments.noisy_sticks import oracle  # noqa: E402
from binmorph.experiments.report import Report  # noqa: E402
from binmorph.nn.image_slices import Layer, pack  # noqa: E402
from binmorph.nn.refinement import refine  # noqa: E402


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "IMAGES", 300)
    monkeypatch.setattr("binmorph.experiments.noisy_sticks.IMAGES", 160)


@pytest.fixture(scope="module")
def idx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of IDX files: bright squares in one of ten places, which tell the class."""
    folder = tmp_path_factory.mktemp("idx")
    rng = np.random.default_rng(0)
    for part, count in (("train", 320), ("t10k", 60)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        shown = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
        for image, label in zip(shown, labels, strict=True):
            y, x = 14 * (label // 5), 5 * (label % 5)
            image[y + 4 : y + 10, x : x + 5] = 220
        for kind, array in (("images-idx3", shown), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            with gzip.open(folder / f"{part}-{kind}-ubyte.gz", "wb") as file:
                file.write(head + array.tobytes())
    return folder


@pytest.mark.parametrize("name", ELEMENTS)
def test_targets_are_the_operators_of_scipy(name: str) -> None:
    cells = element(name, 5)
    assert cells.shape == (5, 5)
    x = images.disks_and_rectangles(np.random.default_rng(3), 4, 6, side=40)
    reflected = cells[::-1, ::-1]  # SciPy's dilation reflects its structure
    reference = {
        "dilation": lambda a: ndimage.binary_dilation(a, reflected),
        "erosion": lambda a: ndimage.binary_erosion(a, cells, border_value=1),
        "opening": lambda a: ndimage.binary_opening(a, cells),
        "closing": lambda a: ndimage.binary_closing(a, reflected),
        "white tophat": lambda a: a & ~ndimage.binary_opening(a, cells),
        "black tophat": lambda a: ndimage.binary_closing(a, reflected) & ~a,
    }
    for operator in operators.OPERATORS:
        got = operators.target(operator, x, torch.from_numpy(cells.astype(np.float32)))[:, 0, 4:-4, 4:-4]
        expected = np.stack([reference[operator](a) for a in x[:, 0].numpy() > 0])[:, 4:-4, 4:-4]
        np.testing.assert_array_equal(got.numpy() > 0, expected)


def test_images_repeat_and_are_binary() -> None:
    one, two = (images.disks_and_rectangles(np.random.default_rng(5), 20, 4) for _ in range(2))
    assert torch.equal(one, two)
    assert set(one.unique().tolist()) == {0, 1}
    assert one[:, :, :4].sum() == one[..., -4:].sum() == 0
    assert 0.2 < one.mean() < 0.6
    clean = images.sticks(np.random.default_rng(5), 20)
    noisy = images.add_pixels(np.random.default_rng(6), clean, 0.1)
    assert 0.09 < noisy[clean == 0].mean() < 0.11
    assert noisy[clean == 1].min() == 1
    # Openings by the three sticks leave clean sticks as they are.
    assert operators.dice(operators.crop(oracle(clean), 4), operators.crop(clean, 4)) == 1
    assert operators.dice(oracle(noisy), clean) > 0.97 > 0.7 > operators.dice(noisy, clean)


def test_dice() -> None:
    a = torch.tensor([1.0, 1, 0, 0])
    assert operators.dice(a, torch.tensor([1.0, 0, 1, 0])) == 0.5
    assert operators.dice(0 * a, 0 * a) == 1


def _reached(operator: str, name: str, size: int = 5, restarts: int = 6) -> float:
    """DICE, on images that it has not seen, of what the refinement makes of an untrained network."""
    cells = torch.from_numpy(element(name, size).astype(np.float32))
    x = images.disks_and_rectangles(np.random.default_rng(7), 130, 3, side=30)
    y = operators.target(operator, x, cells)
    torch.manual_seed(0)
    net = operators.network(operator, size)
    bnn.harden(net, "morphological", "activable")
    refine(net, x[:100], y[:100], restarts=restarts)
    return operators.dice(net(x[100:]), operators.crop(y[100:], len(net) * (size // 2)))


@pytest.mark.parametrize("name", ["cross", "complex"])
@pytest.mark.parametrize("operator", ["dilation", "erosion", "opening", "closing"])
def test_refinement_finds_the_operator(operator: str, name: str) -> None:
    assert _reached(operator, name) == 1


@pytest.mark.parametrize("operator", ["black tophat", "white tophat"])
def test_refinement_finds_top_hats(operator: str) -> None:
    assert _reached(operator, "complex") == 1


def test_refinement_finds_unions() -> None:
    """Two openings that are united, as for noisy sticks: one path alone is best as the identity."""
    x = images.disks_and_rectangles(np.random.default_rng(7), 60, 3, side=24)
    line = torch.zeros(3, 3)
    line[1] = 1
    y = torch.maximum(operators.target("opening", x, line), operators.target("opening", x, line.T))
    torch.manual_seed(0)
    net = torch.nn.Sequential(bnn.BiSEL(1, 2, 3, "valid"), bnn.BiSEL(2, 1, 3, "valid"))
    bnn.harden(net, "morphological", "activable")
    assert refine(net, x, y, restarts=3) == 1


def test_refinement_marks_what_it_changed() -> None:
    """Wrong taps come back, and the neurons say that they were approximated."""
    cells = torch.from_numpy(element("cross", 5).astype(np.float32))
    x = images.disks_and_rectangles(np.random.default_rng(7), 70, 3)
    y = operators.target("opening", x, cells)
    net = operators.network("opening", 5)
    bnn.harden(net)
    for layer, threshold in ((net[0], 9), (net[1], 1)):
        layer.bise.plus[0, 0] = cells.flatten() > 0
        layer.bise.threshold.fill_(threshold)
        layer.bise.invert.fill_(False)
        layer.bise.status.fill_(2)
        layer.bise.margin.fill_(0.5)
    assert refine(net, x, y) == 1
    assert net[0].bise.neurons().status[0, 0] == 2, "nothing to change"
    net[0].bise.plus[0, 0, 0] = True
    net[0].bise.threshold.fill_(10)
    assert refine(net, x, y) == 1
    neurons = net[0].bise.neurons()
    assert neurons.status[0, 0] == 6
    assert neurons.distance[0, 0] > 0
    with pytest.raises(BinmorphError, match="harden"):
        refine(operators.network("erosion", 3), x, y)
    net[0].bise.minus[0, 0, 0] = True
    net[0].bise.plus[0, 0, 0] = False
    with pytest.raises(BinmorphError, match="neither"):
        refine(net, x, y)


@pytest.mark.parametrize("border", ["valid", "replicate", "zeros", "ones"])
def test_packed_images_run_like_the_layers(border: str) -> None:
    rng, x = np.random.default_rng(2), images.disks_and_rectangles(np.random.default_rng(1), 70, 0, side=12)
    net = torch.nn.Sequential(bnn.BiSEL(1, 2, (2, 3), border), bnn.BiSEL(2, 2, 3, border))
    bnn.harden(net)
    for layer in net:
        drawn = Layer.of(layer)
        for bank, operators_ in ((layer.bise, drawn.windows), (layer.lui, drawn.joins)):
            if operators_.free:
                for part in (operators_.masks, operators_.dilation, operators_.invert):
                    part[...] = rng.random(part.shape) < 0.5
            bank.plus[...] = torch.from_numpy(operators_.masks)
            size = operators_.masks.sum(-1)
            bank.threshold[...] = torch.from_numpy(np.where(operators_.dilation, 1, size).astype(np.int32))
            bank.invert[...] = torch.from_numpy(operators_.invert)
    words = pack(x.numpy())
    for layer in net:
        words = Layer.of(layer)(words)
    live = pack(np.ones((70, 2, *words.shape[2:])))  # 58 of the 128 images do not exist
    np.testing.assert_array_equal(words & live, pack(net(x).numpy()))


def test_dilation_is_learned_exactly() -> None:
    cells = torch.from_numpy(element("stick", 3).astype(np.float32))
    x = images.disks_and_rectangles(np.random.default_rng(8), 300, 2)
    learned, hard = operators.learn("dilation", cells, x, seed=0, steps=120, tested=100)
    assert learned.hard == learned.refined == 1
    assert (hard[0].bise.plus[0, 0].reshape(3, 3) == (cells > 0)).all()


def test_runs_are_resumed(tmp_path: Path) -> None:
    """A run that is in the file is not repeated; another one is, and a damaged line is named."""

    def run(seeds: list[int]) -> Report:
        only = {"operators": ["dilation"], "elements": ["cross"]}
        return table.run("disks", tmp_path, None, **only, seeds=seeds, steps=2, progress=False)

    first = run([0])
    lines = tmp_path / "operators-disks.jsonl"
    before = lines.read_text()
    second = run([0, 1])
    assert lines.read_text().startswith(before)
    assert len(lines.read_text().splitlines()) == 2
    assert second.data["runs"][0] == first.data["runs"][0]
    assert run([0]).rows == first.rows
    lines.write_text(before + "half a li")
    with pytest.raises(DataError, match="line 2"):
        run([0])


def test_commands(
    idx: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every experiment for a few steps: a table, JSON and the files that it names."""
    monkeypatch.setattr("binmorph.nn.network_search._DRAWS", 4)
    common = ["--steps", "3", "--quiet", "--json", str(tmp_path / "r.json"), "--out", str(tmp_path)]
    only = ["--operator", "erosion", "--element", "cross"]
    for name, extra in (
        ("operators", only),
        ("operators-inverted-mnist", [*only, "--data", str(idx)]),
        ("noisy-sticks", []),
        ("mnist", ["--data", str(idx)]),
    ):
        assert main(["experiment", name, *extra, *common]) == 0
        out = capsys.readouterr().out
        report = json.loads((tmp_path / "r.json").read_text())["reports"][0]
        assert "| " in out
        assert report["files"]
        assert all(Path(path).is_file() for path in report["files"])
    assert "papers' binarization, activable windows" in out
    assert report["mismatched_bits"] == 0


def test_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiment", "mnist"]) == 2
    assert "--data" in capsys.readouterr().err
    assert main(["experiment", "noisy-sticks", "--element", "disk"]) == 2
    assert main(["experiment", "operators", "--operator", "thinning", "--quiet"]) == 2
    assert "'thinning'" in capsys.readouterr().err
    with pytest.raises(DomainError, match="odd"):
        element("disk", 4)
