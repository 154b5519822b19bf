"""Documents, or parts of them, that are written from runs: what their commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def between(document: Path, begin: str, end: str, text: str) -> str:
    """The document with ``text`` in place of what stands between the lines ``begin`` and ``end``."""
    before, _, rest = document.read_text("utf-8").partition(begin)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"


def command(
    module: str, description: str, path: Path, write: Callable[[], str], arguments: Sequence[str] | None
) -> int:
    """Writes the document at ``path``, or with --check says whether it is up to date; the exit code."""
    again = f"python -m benchmarks.{module}"
    parser = argparse.ArgumentParser(prog=again, description=description)
    parser.add_argument("--check", action="store_true", help="only say whether the document is up to date")
    options = parser.parse_args(arguments)
    text = write()
    if not options.check:
        path.write_text(text, "utf-8")
        return 0
    if path.is_file() and path.read_text("utf-8") == text:
        return 0
    print(f"{path} is not what the runs give: {again}", file=sys.stderr)
    return 1
