"""``binmorph morph``."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import ndimage

from binmorph import cli, morphology

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def page(tmp_path):
    rng = np.random.default_rng(1)
    bits = ndimage.binary_dilation(rng.random((90, 133)) < 0.03, iterations=2) ^ (
        rng.random((90, 133)) < 0.02
    )
    Image.fromarray(bits.astype(np.uint8) * np.uint8(200)).save(tmp_path / "page.png")
    Image.fromarray(np.where(bits, 0, 255).astype(np.uint8)).convert("1").save(tmp_path / "ink.tif")
    return tmp_path, bits


def read(path):
    return np.asarray(Image.open(path).convert("L")) > 127


def test_morph_opens_a_page(page):
    folder, bits = page
    target = folder / "clean.png"
    assert cli.main(["morph", "open", str(folder / "page.png"), "--se", "disk:2", "-o", str(target)]) == 0
    np.testing.assert_array_equal(read(target), ndimage.binary_opening(bits, morphology.disk(2)))
    assert Image.open(target).mode == "1"


def test_morph_chains_operations_on_dark_ink(page):
    folder, bits = page
    target = folder / "out.tif"
    command = [
        "morph",
        "close",
        str(folder / "ink.tif"),
        "open:rect:2x3",
        "fill-holes",
        "--dark",
        "--depth",
        "8",
    ]
    assert cli.main([*command, "--threads", "2", "-o", str(target)]) == 0
    expected = ndimage.binary_closing(bits)
    expected = ndimage.binary_fill_holes(ndimage.binary_opening(expected, np.ones((2, 3))))
    np.testing.assert_array_equal(~read(target), expected)
    assert Image.open(target).mode == "L"


@pytest.mark.parametrize(
    "operation", ["erode", "dilate", "white-tophat", "black-tophat", "gradient", "majority"]
)
@pytest.mark.parametrize("more", ["thin", "skeletonize", "invert"])
def test_morph_knows_every_operation(page, operation, more):
    folder, _ = page
    target = folder / "out.png"
    assert (
        cli.main(["morph", operation, str(folder / "page.png"), more, "--se", "box:3", "-o", str(target)])
        == 0
    )
    assert read(target).shape == (90, 133)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"op": "sharpen"}, "unknown operation"),
        ({"--se": "disk:x"}, "not a structuring element"),
        ({"--se": "star:3"}, "disk:R"),
        ({"--se": "rect:3"}, "rect:HxW"),
        ({"image": "missing.png"}, "no such file"),
        ({"-o": "missing/out.png"}, "no such directory"),
        ({"-o": "out.unknown"}, "unknown file extension"),
        ({"image": "text.png"}, "cannot identify"),
    ],
)
def test_morph_explains_bad_usage(page, capsys, monkeypatch, change, message):
    folder, _ = page
    monkeypatch.chdir(folder)
    (folder / "text.png").write_text("no image")
    options = {"op": "open", "image": "page.png", "--se": "disk:1", "-o": "out.png", **change}
    command = ["morph", options["op"], options["image"], "--se", options["--se"], "-o", options["-o"]]
    assert cli.main(command) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_morph_takes_no_deep_pixels(tmp_path, capsys, dtype):
    Image.fromarray(np.full((4, 5), 300, dtype)).save(tmp_path / "deep.tif")
    assert cli.main(["morph", "open", str(tmp_path / "deep.tif"), "-o", str(tmp_path / "out.png")]) == 2
    assert "more than 8 bits" in capsys.readouterr().err


def test_morph_takes_one_image_at_a_time(tmp_path, capsys):
    pages = [Image.fromarray(np.zeros((4, 5), np.uint8)) for _ in range(2)]
    pages[0].save(tmp_path / "two.tif", save_all=True, append_images=pages[1:])
    assert cli.main(["morph", "open", str(tmp_path / "two.tif"), "-o", str(tmp_path / "out.png")]) == 2
    assert "holds 2 images" in capsys.readouterr().err


def test_morph_says_how_to_install_pillow(page, capsys, monkeypatch):
    folder, _ = page
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert cli.main(["morph", "open", str(folder / "page.png"), "-o", str(folder / "out.png")]) == 2
    assert "binmorph[images]" in capsys.readouterr().err
