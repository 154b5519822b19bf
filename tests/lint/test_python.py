"""Ruff and mypy over the whole repository, with the configuration in pyproject.toml."""


def test_ruff_check(run):
    run("ruff", "check", ".")


def test_ruff_format(run):
    run("ruff", "format", "--check", ".")


def test_mypy_strict(run, python, tmp_path):
    run(python, "-m", "mypy", f"--cache-dir={tmp_path}")


def test_importing_binmorph_imports_no_optional_package(run, python):
    script = (
        "import sys, binmorph, binmorph.runtime, binmorph.format, binmorph.bits, binmorph.cli; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = run(python, "-c", script).stdout.split()
    optional = {"torch", "matplotlib", "sklearn", "tqdm", "scipy", "skimage", "safetensors"}
    assert not optional & set(loaded)
