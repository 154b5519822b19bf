"""The command line: exit codes, JSON where scripts read it, one clear line instead of a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import binmorph
from binmorph.cli import main, parser

pytest.importorskip("torch")

FACTORY = """
import torch
from torch import nn
import binmorph.nn as bnn

def build():
    torch.manual_seed(0)
    net = nn.Sequential(
        bnn.BiSEL(2, 3, 3), nn.MaxPool2d(2), nn.Flatten(), bnn.DenseLUI(27, 8), nn.Linear(8, 4)
    )
    for _, layer in bnn.morphological_layers(net):
        for _, bank in layer.banks():
            nn.init.constant_(bank.scale, 1.0)
    return net

def other():
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.GELU())

def wrong():
    return 7
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with network.py, images.npy and an exported net.bmorph."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "network.py").write_text(FACTORY)
    rng = np.random.default_rng(0)
    np.save(folder / "images.npy", rng.integers(0, 2, (11, 2, 6, 6)).astype(np.float32))
    model, out, example = f"{folder}/network.py:build", str(folder / "net.bmorph"), str(folder / "images.npy")
    assert main(["export", model, "--out", out, "--example", example]) == 0
    return folder


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    try:
        code = main([str(a) for a in argv])
    except SystemExit as stop:  # argparse
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_of_every_command_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("demo", "train", "export", "info", "run", "verify"):
        code, out, _ = run(capsys, command, "--help")
        assert code == 0
        assert f"binmorph {command}" in out.split("examples:")[1]
    code, out, _ = run(capsys, "--help")
    assert "exit codes" in out
    code, out, _ = run(capsys, "--version")
    assert (code, out.split()[0]) == (0, "binmorph")


def test_info_text_and_json(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(capsys, "info", work / "net.bmorph", "--picture", tmp_path / "p.png")
    assert code == 0
    assert "elements (#: counted when 1" in out
    assert "output 0: " in out
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = run(capsys, "info", "--json", work / "net.bmorph", "--plan")
    data = json.loads(out)
    assert code == 0
    assert [layer["op"] for layer in data["layers"]] == [
        "pack_binary", "bisel", "max_pool", "flatten", "threshold_dense", "linear",
    ]  # fmt: skip
    assert data["layers"][1]["statuses"]
    assert data["plan"]["layouts"]
    assert data["cost"]["energy_proxy"][0]["kind"] == "proxy"


def test_run_writes_the_output(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out_file = tmp_path / "scores.npy"
    code, out, _ = run(
        capsys, "run", work / "net.bmorph", work / "images.npy", "-o", out_file, "--threads", 1, "--json"
    )
    data = json.loads(out)
    scores = np.load(out_file)
    assert code == 0
    assert data["shape"] == [11, 4] == list(scores.shape)
    assert data["argmax"] == scores.argmax(1).tolist()


def test_verify_equal(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    model = f"{work}/network.py:build"
    report = tmp_path / "result.json"
    code, out, _ = run(capsys, "verify", work / "net.bmorph", model, work / "images.npy", "--json", report)
    assert code == 0
    assert "EQUAL: 0 of" in out
    data = json.loads(report.read_text())
    assert data["equal"] is True
    assert data["mismatched_bits"] == 0
    assert set(data["layers"]) == {"packed_input", "0", "1", "2", "3"}
    code, out, _ = run(capsys, "verify", work / "net.bmorph", model, "--json")
    assert code == 0
    assert json.loads(out)["images"] == 67  # no inputs given: random ones


def test_verify_tells_a_difference_with_code_1(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    changed = tmp_path / "network.py"
    changed.write_text(FACTORY.replace("constant_(bank.scale, 1.0)", "constant_(bank.scale, -1.0)"))
    code, out, _ = run(
        capsys, "verify", work / "net.bmorph", f"{changed}:build", work / "images.npy", "--json"
    )
    data = json.loads(out)
    assert code == 1
    assert data["equal"] is False
    assert data["mismatched_bits"] > 0


def test_export_lists_what_cannot_be_packed(
    work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out, example = tmp_path / "x.bmorph", work / "images.npy"
    argv = ("export", f"{work}/network.py:other", "--out", out, "--example", example)
    code, _, err = run(capsys, *argv)
    assert code == 2
    assert "1 layer cannot be packed" in err
    code, out, _ = run(capsys, *argv, "--not-strict", "--json")
    assert code == 1
    assert json.loads(out)["path"] is None
    assert not (tmp_path / "x.bmorph").exists()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["info", "missing.bmorph"], "missing.bmorph"),
        (["info", "{work}/images.npy"], "binmorph: error:"),
        (["run", "{work}/net.bmorph", "missing.npy"], "no such file"),
        (["run", "{work}/net.bmorph", "{work}/network.py"], "not an .npy file"),
        (["run", "{work}/net.bmorph", "{work}/images.npy", "--threads", "0"], "at least 1"),
        (["run", "{work}/net.bmorph", "{work}/images.npy", "-o", "{work}/none/y.npy"], "no such directory"),
        (["export", "missing.pt", "--out", "x.bmorph"], "no such file"),
        (["export", "{work}/network.py", "--out", "x.bmorph"], "name the factory"),
        (["export", "{work}/network.py:wrong", "--out", "x.bmorph"], "not a torch.nn.Module"),
        (["export", "{work}/network.py:none", "--out", "x.bmorph"], "no function"),
        (["export", "{work}/network.py:build", "--out", "x.bmorph"], "--example"),
        (["verify", "{work}/net.bmorph", "{work}/images.npy"], "images.npy"),
        (["info", "{work}/net.bmorph", "--json", "{work}/none/x.json"], "no such directory"),
        (["frobnicate"], "invalid choice"),
        ([], "required"),
    ],
)
def test_bad_input_is_code_2_and_one_line(
    work: Path, capsys: pytest.CaptureFixture[str], argv: list[str], says: str
) -> None:
    code, _, err = run(capsys, *(a.replace("{work}", str(work)) for a in argv))
    assert code == 2
    assert says in err
    assert "Traceback" not in err
    assert len([line for line in err.splitlines() if "error:" in line]) == 1


def test_a_bare_json_never_swallows_an_input() -> None:
    from binmorph.cli.common import split_bare_json

    args = parser().parse_args(split_bare_json(["info", "--json", "net.bmorph"]))
    assert (args.file, args.json) == ("net.bmorph", "-")
    args = parser().parse_args(split_bare_json(["info", "net.bmorph", "--json", "out.json"]))
    assert (args.file, args.json) == ("net.bmorph", "out.json")


def test_without_torch_the_message_says_what_to_install(work: Path) -> None:
    """In a fresh process that cannot import torch: info and run work, what needs torch exits with 2."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from binmorph.cli import main\n"
        f"assert main(['info', r'{work / 'net.bmorph'}']) == 0\n"
        f"assert main(['run', r'{work / 'net.bmorph'}', r'{work / 'images.npy'}']) == 0\n"
        f"for argv in (['export', r'{work}/network.py:build', '--out', 'x.bmorph'], ['demo'],\n"
        "             ['train', 'digits', '--out', 'x.pt']):\n"
        "    assert main(argv) == 2, argv\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(binmorph.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=work, env=env
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("pip install 'binmorph[") == 3
