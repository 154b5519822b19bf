"""The report as one HTML page: tables, and plots inlined as SVG. It loads nothing from anywhere."""

from __future__ import annotations

from html import escape

from ...cost import load_tables
from ..record import RunRecord
from .figures import Figure, all_figures
from .tables import Table, all_tables

STYLE = """\
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2430; background: #fff; margin: 2rem auto;
       max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #d5dae1; }
p.note { color: #4a5565; max-width: 60rem; } p.warn { background: #fff2d6; padding: .5rem .8rem; }
div.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; }
th, td { text-align: left; padding: .2rem .7rem; border-bottom: 1px solid #e6e9ee; vertical-align: top; }
th { background: #f2f4f7; } figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption { color: #4a5565; max-width: 60rem; }
@media (max-width: 60rem) { figure svg { max-width: none; width: 56rem; } th, td { white-space: nowrap; } }"""


def html(run: RunRecord) -> str:
    """The whole page. Raises ImportError where matplotlib is missing."""
    name = escape(str(run.machine.get("processor", "an unnamed processor")))
    version = escape(str(run.machine.get("binmorph", "")))
    parts = [
        f"<h1>binmorph {version} on {name}</h1>",
        "<p>Figures first, then every number in tables. Times are medians of interleaved rounds on this one "
        "machine; energies are proxies unless a column says measured.</p>",
    ]
    if not run.complete:
        parts.append(
            '<p class="warn">This run was interrupted: what is here is whole, other cases are missing.</p>'
        )
    parts += [_figure(figure) for figure in all_figures(run)]
    parts += [_table(table) for table in all_tables(run)]
    assumptions = "".join(f"<li>{escape(text)}</li>" for text in load_tables()["assumptions"])
    parts.append(f"<h2>Assumptions of the energy proxies</h2><ul>{assumptions}</ul>")
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>binmorph on {name}</title>\n'
        f"<style>\n{STYLE}\n</style></head><body>\n{body}\n</body></html>\n"
    )


def _figure(figure: Figure) -> str:
    note = escape(figure.note)
    head = f"<h2>{escape(figure.title)}</h2>"
    return f"{head}<figure><div class=wide>{figure.svg}</div><figcaption>{note}</figcaption></figure>"


def _table(table: Table) -> str:
    def row(tag: str, cells: tuple[str, ...]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    rows = "\n".join(row("td", cells) for cells in table.rows)
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    head = row("th", table.head)
    return f"<h2>{escape(table.title)}</h2>{note}<div class=wide><table>{head}\n{rows}</table></div>"
