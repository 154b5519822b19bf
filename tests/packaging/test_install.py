"""What users install: an sdist, a wheel built from that sdist, and the wheel with nothing but numpy."""

import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "v1"
STRAY = "src/binmorph/_core.stray.so"

RUN_GOLDEN = """
import sys, numpy as np, binmorph
data = np.load(sys.argv[2])
net = binmorph.load(sys.argv[1])
values = net.trace(data["input"])
assert values and all(np.array_equal(values[name], data[name]) for name in values)
assert np.array_equal(net(data["input"]), data[net.graph.output])
assert {"torch", "scipy"}.isdisjoint(sys.modules)
print(binmorph.__file__)
"""


def call(*command: str | Path, cwd: Path) -> str:
    """Runs a command away from the sources; its output, or a failure that shows it."""
    result = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True)
    if result.returncode != 0:
        pytest.fail(f"$ {' '.join(map(str, command))}\n{result.stdout}{result.stderr}", pytrace=False)
    return result.stdout


def files_under(folder: Path) -> set[Path]:
    """Every file, but for the caches of the interpreter."""
    return {p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources as they are here."""
    source = tmp_path_factory.mktemp("source")
    for entry in ROOT.iterdir():
        if entry.is_file():
            shutil.copy(entry, source)
        elif entry.name in {"src", "csrc", "cmake", "kernels", "tests", "benchmarks", "docs", "examples"}:
            shutil.copytree(entry, source / entry.name, ignore=shutil.ignore_patterns("*cache*"))
    return source


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is built."""
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(scope="session")
def built(source: Path, objects: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel, built once."""
    out = tmp_path_factory.mktemp("dist")
    (source / STRAY).write_bytes(b"an extension that was built here for development")
    before = files_under(source)
    # GPU kernels, where nvcc is, for one chip (of the least code): all were made when this environment was.
    one_chip = "-Ccmake.define.BINMORPH_CUDA_ARCHITECTURES=80"
    options = (one_chip, f"-Cbuild-dir={objects}", "--outdir", out)
    call(sys.executable, "-m", "build", "--no-isolation", *options, source, cwd=out)
    assert files_under(source) == before, "the build wrote into the source tree"
    return out


@pytest.fixture(scope="session")
def sdist_files(built: Path) -> set[str]:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in archive.getnames()}


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def wheel_files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _matching(source: Path, pattern: str) -> set[str]:
    return {p.relative_to(source).as_posix() for p in source.glob(pattern)}


@pytest.mark.parametrize(
    "pattern",
    [
        "csrc/**/*.cpp",
        "csrc/**/*.h",
        "kernels/**/*.cpp",
        "kernels/**/*.h",
        "kernels/**/*.inc",
        "kernels/**/*.cu*",
        "tests/cuda/*.cpp",
        "tests/cuda/*.h",
        "src/binmorph/**/*.py",
        "src/binmorph/**/*.pyi",
        "src/binmorph/bench/suites/*.json",
        "tests/**/*.py",
        "tests/golden/**/*.bmorph",
        "docs/**/*.md",
        "*.md",
    ],
)
def test_sdist_contains_all_sources(source, sdist_files, pattern):
    expected = _matching(source, pattern)
    assert expected
    assert expected <= sdist_files


def test_sdist_contains_what_a_build_needs(sdist_files):
    named = {
        "CMakeLists.txt",
        "CMakePresets.json",
        "csrc/CMakeLists.txt",
        "LICENSE",
        "constraints.txt",
        "pyproject.toml",
        "setup.py",
    }
    data = {"src/binmorph/py.typed", "src/binmorph/cost/energy_tables.json"}
    assert named | data <= sdist_files


def test_sdist_contains_nothing_built(sdist_files):
    assert not [name for name in sdist_files if name.endswith((".so", ".o", ".pyc", ".a"))]


def test_wheel_contains_the_package(source, wheel_files):
    modules = {name.removeprefix("src/") for name in _matching(source, "src/binmorph/**/*.py*")}
    suites = {name.removeprefix("src/") for name in _matching(source, "src/binmorph/bench/suites/*.json")}
    assert suites
    assert modules | suites | {"binmorph/py.typed", "binmorph/cost/energy_tables.json"} <= wheel_files
    assert any(name.endswith("licenses/LICENSE") for name in wheel_files)


def test_wheel_contains_the_package_only(wheel_files, wheel):
    folders = {name.partition("/")[0] for name in wheel_files}
    assert folders == {"binmorph", "-".join(wheel.name.split("-")[:2]) + ".dist-info"}
    assert not [name for name in wheel_files if name.endswith((".cpp", ".h", ".cu", ".bmorph", ".npz"))]


def test_wheel_contains_one_extension(wheel_files):
    (extension,) = [name for name in wheel_files if name.endswith((".so", ".pyd"))]
    assert extension.startswith("binmorph/_core.")
    assert "stray" not in extension


@pytest.mark.skipif(platform.machine().lower() not in {"x86_64", "amd64"}, reason="no AVX on this machine")
def test_avx_objects_export_no_weak_symbols(built, objects):
    """A weak symbol (an inline function, a template) of an AVX file may be the copy that the linker keeps for
    the whole program, and then crash a machine without AVX."""
    avx = sorted(objects.rglob("x86_*.o"))
    assert len(avx) >= 2
    symbols = {p: call("nm", "-C", "--defined-only", p, cwd=objects).splitlines() for p in avx}
    assert [f"{p}: {s}" for p in avx for s in symbols[p] if re.search(r" [WVu] ", s)] == []


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds numpy and the wheel, nothing else. Needs no package index."""
    folder = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", folder, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    numpy_files = distribution("numpy").files or []
    for top in {file.parts[0] for file in numpy_files if file.parts[0] != ".."}:
        (site / top).symlink_to(Path(str(distribution("numpy").locate_file(top))))
    python = folder / "bin" / "python"
    call(python, "-m", "pip", "install", "--no-index", wheel, cwd=folder)
    return python


@pytest.mark.parametrize("name", ["digits_like", "vector"])
def test_wheel_runs_a_packed_model_with_numpy_only(environment, tmp_path, name):
    files = (GOLDEN / f"{name}.bmorph", GOLDEN / f"{name}.npz")
    where = call(environment, "-I", "-c", RUN_GOLDEN, *files, cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(environment.parents[1])


def test_wheel_installs_the_command(environment, tmp_path):
    command = environment.parent / "binmorph"
    assert "digits_like" in call(command, "info", GOLDEN / "digits_like.bmorph", cwd=tmp_path)
    demo = subprocess.run([command, "demo"], cwd=tmp_path, capture_output=True, text=True)
    assert demo.returncode == 2
    assert "pip install 'binmorph[demo]'" in demo.stderr
