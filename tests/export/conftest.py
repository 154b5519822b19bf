"""Every test here runs twice: against the oracle, and against the compiled runtime where it is built."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracle import evaluate

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # these tensors are too small to share
sys.path.insert(0, str(Path(__file__).parent))  # for export_networks

from binmorph import format as file_format  # noqa: E402


class OracleModel:
    """The file, read by the real reader and run by the oracle."""

    isa = "oracle"

    def __init__(self, path: Any) -> None:
        self.graph = file_format.load(path)

    def trace(self, x: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
        return evaluate(self.graph, x)


@pytest.fixture(params=["oracle", "runtime"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which runtime verification loads files with."""
    verification = importlib.import_module("binmorph.export.verification")
    if request.param == "oracle":
        monkeypatch.setattr(verification, "_load", lambda path, device, threads: OracleModel(path))
    else:
        try:
            from binmorph.runtime import load  # noqa: F401
        except ImportError as error:
            pytest.skip(f"the compiled runtime is not built: {error}")
    return str(request.param)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "net.bmorph"


@pytest.fixture
def images() -> Any:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 17, (6, 1, 8, 8)).astype(np.float32))
