"""The report's tables, as rows of text that HTML and Markdown share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...cost import load_tables
from ...cost.kinds import KINDS
from ...cost.shares import Shares
from ..ratios import ratio
from ..record import CaseRecord, RunRecord
from .numbers import measured, median, ours, percent, title, with_unit


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; ``note`` says what a reader must know."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def machine_card(run: RunRecord) -> Table:
    """What everything was measured on, and how."""
    rows = [(key.replace("_", " "), _text(value)) for key, value in run.machine.items() if key != "peaks"]
    peaks = run.machine.get("peaks")
    if peaks:
        rows += [(f"peak {key}".replace("_", " "), text) for key, text in peak_rows(peaks)]
    rows += [(f"option {key}".replace("_", " "), _text(value)) for key, value in run.options.items()]
    rows += [("started", run.started), ("complete", "yes" if run.complete else "NO: interrupted")]
    return Table("Machine and options", ("what", "value"), tuple(rows))


def peak_rows(peaks: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The measured roofs, with units."""
    yield "instruction set", str(peaks["isa"])
    for name in ("word_operations", "popcount_operations", "float_operations"):
        yield name, with_unit(peaks[name], "op/s")
    for level, rate in peaks["bytes"].items():
        yield f"read from {level}", with_unit(rate, "B/s")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items()) or "none"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "not known" if value is None else str(value)


def suites(run: RunRecord) -> list[str]:
    """Names of suites in the order of the run."""
    return list(dict.fromkeys(case.suite for case in run.cases))


def ratio_table(run: RunRecord, suite: str) -> Table:
    """Per case and system the times, and how many times faster ours is."""
    rows = []
    for case in run.cases:
        if case.suite != suite:
            continue
        reference = ours(case)
        for i, system in enumerate(measured(case)):
            kernel = system.kernel_seconds
            faster = "" if reference in (None, system) else str(ratio(system.seconds, reference.seconds))
            rows.append(
                (
                    title(case) if i == 0 else "",
                    system.name + (" (baseline)" if system.name == case.baseline else ""),
                    with_unit(median(system.seconds), "s"),
                    f"{with_unit(min(system.seconds), 's')} to {with_unit(max(system.seconds), 's')}",
                    with_unit(median(kernel), "s") if kernel else "",
                    faster,
                )
            )
    head = ("case", "system", "median", "least to most", "kernel alone", "binmorph is faster by")
    note = (
        "Times of a call from Python; 'kernel alone' repeats the work inside one compiled call. Ratios are "
        "medians over interleaved rounds with their 10th and 90th percentile, and are not stated where the "
        "spread swamps them. No round was removed."
    )
    return Table(f"Suite {suite}: times and ratios", head, tuple(rows), note)


def skipped_table(run: RunRecord) -> Table:
    """Who did not take part, and why."""
    rows = [(s.suite, s.system, s.why) for s in run.skipped]
    rows += [
        (case.suite, f"{system.name}: WRONG RESULT", f"{title(case)}: {system.why}")
        for case in run.cases
        for system in case.systems
        if system.status == "wrong"
    ]
    return Table("Left out", ("suite", "system", "why"), tuple(rows))


def counted(run: RunRecord) -> list[CaseRecord]:
    """Hot cases on one thread with counts."""
    return [case for case in run.cases if case.counts and case.cache == "hot" and case.threads == 1]


def counts_table(run: RunRecord) -> Table:
    """Operations and bytes."""
    columns = {
        "binary MACs": "binary_macs",
        "word ops": "word_ops",
        "popcounts": "popcounts",
        "look-ups": "table_lookups",
        "float MACs left": "float_macs_left",
        "int8 MACs": "int_macs",
        "weights, B": "weight_bytes",
    }
    levels = list(
        dict.fromkeys(n for case in counted(run) for n in case.counts or {} if n.startswith("moved."))
    )
    head = (
        "case",
        *columns,
        *(f"{name[6:]}, B" for name in levels),
        "ACE",
        "ACE elementwise",
        "BOPs",
        "FLOPs+BOPs/64",
    )
    names = (*columns.values(), *levels, "ace", "elementwise_ace", "bops", "papers_operations")
    rows = []
    for case in counted(run):
        counts = case.counts or {}
        rows.append((title(case), *(with_unit(counts.get(name, 0), "").strip() for name in names)))
    note = (
        "Per call. Word operations, population counts and look-ups are those of the kernels that ran."
        " Bytes per memory: the smallest that holds the working set, from the plan. ACE: bits of "
        "weight times bits of activation, summed over multiply-adds (PokeBNN); BOPs: binary multiply-"
        "adds (Bi-Real Net)."
    )
    return Table("Counts", head, tuple(rows), note)


def energy_table(run: RunRecord, table: str) -> Table:
    """Energy proxies by one table, and measured energy in a column of its own."""
    entry, rows = load_tables()["tables"][table], []
    for case in counted(run):
        counts, start = case.counts or {}, f"energy.{table}."
        packed, memory = counts.get(start + "packed_compute", 0.0), counts.get(start + "packed_memory", 0.0)
        floats = counts.get(start + "float_compute", 0.0)
        both = floats + counts.get(start + "float_memory", 0.0)
        if packed + memory == 0:
            continue
        system = ours(case)
        joules = system.energy_joules if system is not None else None
        rows.append(
            (
                title(case),
                with_unit(packed * 1e-12, "J"),
                with_unit((packed + memory) * 1e-12, "J"),
                with_unit(floats * 1e-12, "J"),
                with_unit(both * 1e-12, "J"),
                f"{floats / packed:.3g}x" if packed else "",
                f"{both / (packed + memory):.3g}x",
                ", ".join(f"{with_unit(j, 'J')} ({name})" for name, j in joules.items())
                if joules
                else "absent",
            )
        )
    head = (
        "case", "packed, arithmetic", "packed, with memory", "float twin, arithmetic",
        "float twin, with memory", "ratio, arithmetic", "ratio, with memory", "MEASURED per call",
    )  # fmt: skip
    absent = run.machine.get("meters") or {}
    why = "; ".join(f"{name}: {reason}" for name, reason in absent.items()) or "no meter was asked for"
    note = (
        f"Proxies: counts times {entry['title']} ({entry['citation']}; confidence: {entry['confidence']}). "
        f"Only the last column is measured. Meters: {why}."
    )
    return Table(f"Energy by {entry['title']}", head, tuple(rows), note)


def amdahl_table(run: RunRecord) -> Table:
    """Which share is still float, of time and of energy."""
    rows = []
    for case in run.cases:
        if not case.steps or case.cache != "hot":
            continue
        rows.append((title(case), "time (profile)", *_shares(time_shares(case))))
        for name, entry in load_tables()["tables"].items():
            shares = energy_shares(case, name)
            if shares.total:
                rows.append(("", f"energy ({entry['title']})", *_shares(shares)))
    head = ("network", "of", *KINDS, "still float", "everything else free")
    note = (
        "Shares by kind of step. 'Still float' counts float and 8-bit steps, and, after 'to', also "
        "whole steps whose binary sums have a float epilogue. The last column is Amdahl's bound for "
        "the first of the two."
    )
    return Table("What is still float", head, tuple(rows), note)


def _shares(shares: Shares) -> tuple[str, ...]:
    least, most, bound = shares.float_share, shares.float_share_at_most, shares.bound
    still = percent(least) if most == least else f"{percent(least)} to {percent(most)}"
    return (
        *(percent(shares.of(kind)) for kind in KINDS),
        still,
        f"at most {bound:.3g}x" if bound else "no bound",
    )


def time_shares(case: CaseRecord) -> Shares:
    """Seconds of a call by kind of step, medians of the profile."""
    amounts: dict[str, float] = {}
    for step in case.steps:
        amounts[step.kind] = amounts.get(step.kind, 0.0) + median(step.seconds)
    return Shares(amounts)


def energy_shares(case: CaseRecord, table: str) -> Shares:
    """Picojoules by kind of step under one table, with memory."""
    start = f"energy.{table}.share."
    return Shares({n[len(start) :]: pj for n, pj in (case.counts or {}).items() if n.startswith(start)})


def all_tables(run: RunRecord) -> list[Table]:
    """Every table that has rows, in the order of the page."""
    tables = [ratio_table(run, suite) for suite in suites(run)]
    tables += [counts_table(run), *(energy_table(run, name) for name in load_tables()["tables"])]
    tables += [amdahl_table(run), skipped_table(run), machine_card(run)]
    return [table for table in tables if table.rows]
