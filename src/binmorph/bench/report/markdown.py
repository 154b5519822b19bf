"""The report as Markdown: the tables without the plots."""

from __future__ import annotations

from ..record import RunRecord
from .tables import Table, all_tables


def markdown(run: RunRecord) -> str:
    """The whole report."""
    name = run.machine.get("processor", "an unnamed processor")
    parts = [f"# binmorph {run.machine.get('binmorph', '')} on {name}"]
    if not run.complete:
        parts.append("**This run was interrupted: the cases that are here are whole, others are missing.**")
    parts += [table_markdown(table) for table in all_tables(run)]
    return "\n\n".join(parts) + "\n"


def table_markdown(table: Table) -> str:
    """One table with its title and note."""

    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    lines = [f"## {table.title}", ""]
    if table.note:
        lines += [table.note, ""]
    lines += [line(table.head), line(("---",) * len(table.head)), *map(line, table.rows)]
    return "\n".join(lines)
