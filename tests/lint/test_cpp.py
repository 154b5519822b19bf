"""clang-format over the C++ sources."""

import re
from pathlib import Path

import pytest


def _pinned_version(root: Path, name: str) -> str:
    match = re.search(rf"^{name}==(\S+)", (root / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    assert match, f"constraints.txt does not pin {name}"
    return match[1]


def test_clang_format(run, root):
    version = run("clang-format", "--version").stdout
    pinned = _pinned_version(root, "clang-format")
    if f"version {pinned.split('.')[0]}." not in version:
        pytest.skip(f"clang-format {pinned} decides; here is {version.strip()}")
    files = (p for folder in ("csrc", "kernels", "tests/cuda") for p in (root / folder).rglob("*"))
    sources = sorted(p for p in files if p.suffix in {".cpp", ".h", ".cu", ".cuh"})
    run("clang-format", "--dry-run", "-Werror", *sources)
