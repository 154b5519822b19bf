"""``binmorph bench``: suites, or the user's own network, beside what else does the same work."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .common import UsageError, add_json, command, need, note, positive
from .progress import progress

EXAMPLES = (
    "binmorph bench",
    "binmorph bench layers networks --json run.json",
    "binmorph bench net.bmorph --float network.py:Model --html report.html",
    "binmorph bench list",
    "binmorph bench compare before.json after.json",
    "binmorph bench report run.json --html report.html",
    "binmorph bench merge layers.json networks.json --json run.json",
)
VERBS = ("list", "compare", "report", "merge")
ROUNDS, QUICK_ROUNDS = 20, 5
ROUND_SECONDS, QUICK_SECONDS = 0.005, 0.001


def add(commands: Any) -> None:
    """Declare the command."""
    summary = "time suites of binary work, or your own network, beside what else does the same"
    made = command(commands, "bench", summary, EXAMPLES, execute)
    made.add_argument(
        "what",
        nargs="*",
        metavar="WHAT",
        help="suites (default: all), .bmorph files, or one of: list; compare A.json B.json; "
        "report RUN.json; merge RUN.json...",
    )
    made.add_argument(
        "--float", metavar="MODULE.py:MODEL", help="the float original of a .bmorph file, timed beside it"
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    made.add_argument(
        "--threads",
        type=positive,
        default=cores,
        metavar="N",
        help=f"threads of cases that use many (default {cores}, the cores of this process)",
    )
    made.add_argument(
        "--batch", type=positive, action="append", metavar="N", help="of a .bmorph file (1, 64)"
    )
    made.add_argument(
        "--rounds", type=positive, metavar="N", help=f"interleaved rounds per case (default {ROUNDS})"
    )
    made.add_argument("--quick", action="store_true", help="few short rounds: a look, not a measurement")
    made.add_argument("--full", action="store_true", help="the large work of the suites, too")
    made.add_argument(
        "--cold", action="store_true", help="every case also with caches evicted before each call"
    )
    made.add_argument(
        "--meter",
        type=Path,
        metavar="FILE",
        help="of an external energy meter: SECONDS JOULES a line",
    )
    made.add_argument("--any-machine", action="store_true", help="compare runs of different machines, too")
    made.add_argument("--html", metavar="FILE", help="write one page with plots")
    made.add_argument("--markdown", metavar="FILE", help="write the report as Markdown")
    add_json(made)


def execute(args: argparse.Namespace) -> int:
    """Run; 1 if one of our outputs was wrong or Ctrl-C came, or, comparing, if something became slower."""
    if args.html is not None:
        need("matplotlib", "bench", "--html")
    for option in ("html", "markdown"):
        target = getattr(args, option)
        if target is not None and not Path(target).parent.is_dir():
            raise UsageError(f"--{option} {target}: no such directory")
    if args.json not in (None, "-") and not Path(args.json).parent.is_dir():
        raise UsageError(f"--json {args.json}: no such directory")
    verb, rest = (args.what[0], args.what[1:]) if args.what else (None, [])
    if verb == "list":
        return _list(rest)
    if verb == "compare":
        return _compare(rest, args)
    if verb in ("report", "merge"):
        if not rest:
            raise UsageError(f"{verb}: name the files that --json wrote")
        return _write(_merged(rest), args)
    return _run(args)


def _list(rest: list[str]) -> int:
    if rest:
        raise UsageError("list takes no further words")
    from ..bench import suites

    for name in suites.names():
        suite = suites.load(name)
        cases = len(list(suite.jobs(2)))
        print(f"{name:<12}{suite.title}; {cases} cases, {len(list(suite.jobs(2, full=True)))} with --full")
        print(f"            {suite.about}")
    return 0


def _merged(paths: list[str]) -> Any:
    from ..bench import merge, record

    return merge.merge([record.read(path) for path in paths])


def _jobs(args: argparse.Namespace) -> list[tuple[str, Callable[[], Any]]]:
    from functools import partial

    from ..bench import suites

    files = [word for word in args.what if word.endswith(".bmorph")]
    chosen = [word for word in args.what if word not in files]
    unknown = [word for word in chosen if word not in suites.names()]
    if unknown:
        known = ", ".join((*suites.names(), *VERBS))
        raise UsageError(f"{unknown[0]!r} is neither a suite nor a .bmorph file nor one of {known}")
    if args.float and not files:
        raise UsageError("--float belongs to a .bmorph file")
    if not args.what:
        chosen = suites.names()
    jobs: list[tuple[str, Callable[[], Any]]] = []
    for name in chosen:
        for job in suites.load(name).jobs(args.threads, args.full):
            jobs.append((name, partial(job.work.case, job.batch, job.threads)))
    for path in files:
        jobs += [("model", make) for make in _file_cases(args, path)]
    return jobs


def _file_cases(args: argparse.Namespace, path: str) -> Iterator[Callable[[], Any]]:
    from functools import partial

    from ..bench.workloads.model_file import ModelFile
    from .models import load_model

    original = load_model(args.float).module if args.float else None
    work = ModelFile(path, original)
    for batch in args.batch or (1, 64):
        for threads in sorted({1, args.threads}):
            yield partial(work.case, batch, threads)


def _run(args: argparse.Namespace) -> int:
    from ..bench import record
    from ..bench.engine import Engine
    from ..bench.peaks import measure_peaks
    from ..bench.table import case_table

    jobs = _jobs(args)
    options = {
        "what": args.what,
        "threads": args.threads,
        "rounds": args.rounds or (QUICK_ROUNDS if args.quick else ROUNDS),
        "round_seconds": QUICK_SECONDS if args.quick else ROUND_SECONDS,
        "full": args.full,
        "cold": args.cold,
        "meter": args.meter,
    }
    bar = progress(len(jobs))
    engine = Engine(options, bar.write, measure_peaks())

    def finished(case: Any) -> None:
        if args.json != "-":
            bar.write_result(case_table(case))
        if args.json not in (None, "-"):
            record.write(engine.record, args.json)  # whatever happens next, this much is kept

    run = engine.run(bar.over(jobs), finished)
    bar.close()
    if not run.complete:
        note("interrupted: what was measured is kept, and marked as incomplete")
    code = _write(run, args)
    wrong = [
        (case.name, system.name)
        for case in run.cases
        for system in case.systems
        if system.status == "wrong" and system.name.startswith("binmorph")
    ]
    for name, system in wrong:
        note(f"error: {name}: {system} differs from the reference")
    return 1 if wrong or not run.complete else code


def _write(run: Any, args: argparse.Namespace) -> int:
    """Everything that was asked for."""
    from ..bench import record

    if args.json == "-":
        print(record.dumps(run))
    elif args.json is not None:
        record.write(run, args.json)
    if args.html is not None or args.markdown is not None:
        report = importlib.import_module("binmorph.bench.report")

        if args.html is not None:
            Path(args.html).write_text(report.html(run), "utf-8")
        if args.markdown is not None:
            Path(args.markdown).write_text(report.markdown(run), "utf-8")
    return 0


def _compare(paths: list[str], args: argparse.Namespace) -> int:
    if len(paths) != 2:
        raise UsageError("compare takes two files that --json wrote: before, after")
    from ..bench import record

    compare = importlib.import_module("binmorph.bench.compare")
    found = compare.compare(*(record.read(path) for path in paths), args.any_machine)
    print(found)
    return 1 if found.regressions else 0
