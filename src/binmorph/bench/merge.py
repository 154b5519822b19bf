"""Several runs as one."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..errors import RecordError
from .record import RunRecord, dumps, from_json

VARIES = ("clock_mhz", "peaks")  # of a machine, from one measurement to the next


def merge(runs: Sequence[RunRecord]) -> RunRecord:
    """The cases of several runs of one machine and one version, as one run that began with the first.

    Raises:
        RecordError: the runs are of different machines or versions, or hold the same case.
    """
    first = min(runs, key=lambda run: run.started)
    for run in runs:
        differ = [
            key for key in first.machine if key not in VARIES and first.machine[key] != run.machine.get(key)
        ]
        if differ:
            raise RecordError(f"the runs differ in {', '.join(differ)}: they cannot be one run")
    options = {**first.options, "merged": [dict(run.options) for run in runs]}
    return from_json(
        json.loads(
            dumps(
                RunRecord(
                    first.machine,
                    options if len(runs) > 1 else first.options,
                    first.started,
                    all(run.complete for run in runs),
                    tuple(case for run in runs for case in run.cases),
                    tuple(record for run in runs for record in run.skipped),
                )
            )
        )
    )
