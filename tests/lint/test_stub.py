"""The stub of the extension says what the extension has: names (stubtest) and parameters (docstrings)."""

import ast
import os
from collections.abc import Iterator

import pytest

import binmorph._core as core

SKIP_FIRST = {"self"}


def test_stubtest(run, python, root):
    run(
        python,
        *("-m", "mypy.stubtest", "binmorph._core"),
        *("--mypy-config-file", "pyproject.toml", "--allowlist", "tests/lint/stubtest_allowlist.txt"),
        env={**os.environ, "MYPYPATH": str(root / "src")},
    )


def _parameters(function: ast.FunctionDef) -> list[tuple[str, bool]]:
    """(name, has a default) of every parameter but self."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    first_default = len(arguments) - len(function.args.defaults)
    return [(a.arg, i >= first_default) for i, a in enumerate(arguments) if a.arg not in SKIP_FIRST]


def _stub_functions(body: list[ast.stmt], owner: object) -> Iterator[tuple[ast.FunctionDef, object]]:
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield from _stub_functions(statement.body, getattr(owner, statement.name))
        elif isinstance(statement, ast.FunctionDef) and not statement.decorator_list:
            yield statement, getattr(owner, statement.name)


@pytest.mark.parametrize(("stub", "module"), [("__init__", core), ("kernels", core.kernels)])
def test_parameters_equal_the_extension(root, stub, module):
    tree = ast.parse((root / "src/binmorph/_core" / f"{stub}.pyi").read_text("utf-8"))
    functions = list(_stub_functions(tree.body, module))
    assert functions
    for function, runtime in functions:
        # pybind11 writes the signature, as Python, into the first line of the docstring.
        signature = (runtime.__doc__ or "").splitlines()[0]
        (declared,) = ast.parse(f"def {signature}: ...").body
        assert isinstance(declared, ast.FunctionDef)
        assert _parameters(function) == _parameters(declared), f"{stub}.pyi: {function.name}"
