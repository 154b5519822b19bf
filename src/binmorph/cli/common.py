"""What the subcommands share: JSON output, arrays, optional packages."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
INPUT_SUFFIXES = (".bmorph", ".pt", ".pth", ".npy", ".py")


class UsageError(Exception):
    """A wrong command line or a bad input file: exit code 2."""


def split_bare_json(argv: Sequence[str]) -> list[str]:
    """``--json net.bmorph`` means a bare ``--json`` and a file to read, never a report written over the
    network."""
    result: list[str] = []
    for i, token in enumerate(argv):
        following = argv[i + 1] if i + 1 < len(argv) else ""
        is_input = following.endswith(INPUT_SUFFIXES) or ".py:" in following
        result.append("--json=-" if token == "--json" and is_input else token)
    return result


def command(
    commands: Any, name: str, summary: str, examples: Sequence[str], execute: Any
) -> argparse.ArgumentParser:
    """Add a subcommand with examples in its help."""
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="examples:\n" + "\n".join(f"  {line}" for line in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(execute=execute)
    return made


def add_json(parser: argparse.ArgumentParser) -> None:
    """The ``--json [FILE]`` option."""
    parser.add_argument(
        "--json",
        nargs="?",
        const="-",
        metavar="FILE",
        help="alone: print JSON instead of the report; with FILE: write it there as well",
    )


def add_threads(parser: argparse.ArgumentParser, default: int | None) -> None:
    """The ``--threads N`` option; results never depend on it."""
    parser.add_argument(
        "--threads", type=positive, default=default, metavar="N", help="threads of the runtime"
    )


def positive(text: str) -> int:
    """An integer of at least 1, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def emit(destination: str | None, report: str, data: dict[str, Any]) -> None:
    """Print the report, or JSON if ``destination`` is "-"; write JSON to any other destination."""
    if destination == "-":
        print(json.dumps(data, indent=2))
        return
    if destination is not None:
        target = Path(destination)
        if not target.parent.is_dir():
            raise UsageError(f"--json {destination}: no such directory")
        target.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    if report:
        print(report)


def note(message: str) -> None:
    """Progress for people: to stderr, so that stdout stays clean for the report or JSON."""
    print(message, file=sys.stderr, flush=True)


def load_array(path: str) -> Array:
    """The array of an ``.npy`` file; UsageError if it is none. Pickled objects are refused."""
    if not Path(path).is_file():
        raise UsageError(f"{path}: no such file")
    try:
        loaded = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UsageError(f"{path}: not an .npy file of numbers ({error})") from error
    if not isinstance(loaded, np.ndarray):
        raise UsageError(f"{path}: an .npz archive; save one array with numpy.save")
    return loaded


def need(module: str, extra: str, why: str) -> Any:
    """Import an optional package, or say how to install it (UsageError)."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        # A missing package is the user's to install; anything else inside it is not hidden.
        if error.name is not None and error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise UsageError(f"{why} needs {module}; pip install 'binmorph[{extra}]'") from error
