"""Train, export, verify and demo from end to end, with a training cut short; accuracy is tested elsewhere."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from binmorph.cli import main

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from binmorph import demo  # noqa: E402
from binmorph.nn import recipes  # noqa: E402


def test_train_export_verify_info_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, packed, images = tmp_path / "model.pt", tmp_path / "net.bmorph", tmp_path / "x.npy"
    assert main(["train", "digits", "--out", str(model), "--epochs", "2", "--quiet", "--json"]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert set(trained["accuracy"]) == {"smooth", "hard"}
    assert main(["export", str(model), "--out", str(packed), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hardened"] == []  # saved hard, exported as saved
    assert main(["verify", str(packed), str(model), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["equal"], result["mismatched_bits"], result["images"]) == (True, 0, 504)
    data = recipes.load_digits()
    np.save(images, data.x_test.numpy())
    assert main(["run", str(packed), str(images), "--json"]) == 0
    chosen = json.loads(capsys.readouterr().out)["argmax"]
    hits = float((np.array(chosen) == data.y_test.numpy()).mean())
    assert abs(hits - trained["accuracy"]["hard"]) < 0.01  # the float last layer may break a tie


def test_a_damaged_model_is_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model.pt"
    model.write_bytes(b"not a model")
    assert main(["export", str(model), "--out", str(tmp_path / "x.bmorph")]) == 2
    torch.save({"format": "other"}, model)
    assert main(["export", str(model), "--out", str(tmp_path / "x.bmorph")]) == 2
    assert capsys.readouterr().err.count("not a model file of 'binmorph train'") == 2


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "train_digits", functools.partial(recipes.train_digits, epochs=2))
    monkeypatch.setattr(demo, "time_pair", functools.partial(demo.time_pair, budget_s=0.01))


@pytest.mark.usefixtures("short_training")
def test_demo_writes_what_scripts_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, folder = tmp_path / "out.json", tmp_path / "demo"
    assert main(["demo", "--json", str(out), "--out-dir", str(folder)]) == 0
    data = json.loads(out.read_text())
    assert set(data["accuracy"]) == {"smooth", "hard", "packed"}
    assert all(0 <= value <= 1 for value in data["accuracy"].values())
    assert data["mismatched_bits"] == 0
    assert data["speedup_vs_torch"] == data["timings"][-1]["speedup"] > 0
    assert data["timings"][-1]["batch"] == data["verify"]["images"] == 504
    assert data["file_bytes"] == (folder / "digits.bmorph").stat().st_size
    assert data["train_seconds"] > 0
    assert len(data["pictures"]) == 2
    for picture in data["pictures"]:
        assert Path(picture).read_bytes().startswith(b"\x89PNG")
    report = capsys.readouterr().out
    assert "proxy" in report
    assert "EQUAL" in report


@pytest.mark.usefixtures("short_training")
def test_demo_fails_loudly_on_a_mismatch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from binmorph.export import verification

    real = verification.compare

    def wrong(*args: Any, **kwargs: Any) -> Any:
        report = real(*args, **kwargs)
        if report.images != 504:  # let the export publish its file
            return report
        first = dataclasses.replace(report.layers[1], mismatched=3, first=(0, 0, 0, 0))
        return dataclasses.replace(report, layers=(report.layers[0], first, *report.layers[2:]))

    monkeypatch.setattr(verification, "compare", wrong)
    assert main(["demo", "--out-dir", str(tmp_path)]) == 1
    assert "NOT EQUAL" in capsys.readouterr().out


def test_plain_float_computes_the_same() -> None:
    result = recipes.train_digits(epochs=2, progress=False)
    x = result.data.x_test
    with torch.inference_mode():
        torch.testing.assert_close(demo.plain_float(result.smooth)(x), result.smooth(x))
