"""clang-format over the C++ sources, and no code compiled for AVX that other files could be linked to."""

import json
import platform
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
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


@pytest.mark.slow
@pytest.mark.skipif(platform.machine().lower() not in {"x86_64", "amd64"}, reason="no AVX on this machine")
def test_avx_objects_export_no_weak_symbols(run, root, python, tmp_path):
    """A weak symbol (an inline function, a template) of an AVX file may be the copy that the linker keeps for
    the whole program, and then crash a machine without AVX."""
    run(
        *("cmake", "-S", root, "-B", tmp_path, "-G", "Ninja", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"),
        f"-DPython_EXECUTABLE={python}",
    )
    commands = json.loads((tmp_path / "compile_commands.json").read_text("utf-8"))
    avx = [c for c in commands if Path(c["file"]).name.startswith("x86_")]
    assert len(avx) >= 2

    def weak_symbols(number: int) -> list[str]:
        command = shlex.split(avx[number]["command"])
        target = tmp_path / f"{number}.o"
        command[command.index("-o") + 1] = str(target)
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        symbols = run("nm", "-C", "--defined-only", target).stdout.splitlines()
        return [f"{avx[number]['file']}: {s}" for s in symbols if re.search(r" [WVu] ", s)]

    with ThreadPoolExecutor(2) as pool:
        assert [s for found in pool.map(weak_symbols, range(len(avx))) for s in found] == []
