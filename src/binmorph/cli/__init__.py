"""The ``binmorph`` command. One file per subcommand; each has ``add(subparsers)`` and ``execute(args) ->
int``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import BinmorphError, MemoryLimitError, VerificationError
from . import architectures, bench, certify, demo, experiment, export, info, morph, run, train, verify
from .common import UsageError, split_bare_json

EXIT_CODES = "exit codes: 0 success, 1 verification or other failure, 2 bad usage or bad input"
BAD_PATHS = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
EXAMPLES = """\
  binmorph demo
  binmorph train digits --out model.pt
  binmorph export model.pt --out net.bmorph
  binmorph info net.bmorph --picture elements.png
  binmorph run net.bmorph images.npy -o scores.npy
  binmorph verify net.bmorph model.pt
  binmorph morph open page.png --se disk:3 -o clean.png
"""
COMMANDS = (demo, train, export, info, run, verify, certify, morph, architectures, experiment, bench)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="binmorph",
        description="Train binary morphological networks, pack them, run them bit for bit exactly.",
        epilog=f"examples:\n{EXAMPLES}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"binmorph {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return top


def _fail(message: str, code: int) -> int:
    print(f"binmorph: error: {message}", file=sys.stderr)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Errors become one clear message, not a traceback."""
    args = parser().parse_args(split_bare_json(sys.argv[1:] if argv is None else argv))
    if os.environ.get("BINMORPH_TRACEBACK"):
        return int(args.execute(args))
    try:
        return int(args.execute(args))
    except (VerificationError, MemoryLimitError) as error:
        return _fail(str(error), 1)
    except (UsageError, BinmorphError, *BAD_PATHS) as error:
        return _fail(str(error), 2)
    except BrokenPipeError:
        # The reader of our output left (for example `| head`): not an error, but nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except Exception as error:
        hint = "set BINMORPH_TRACEBACK=1 to see where"
        return _fail(f"{type(error).__name__}: {error} ({hint})", 1)
