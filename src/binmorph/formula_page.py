"""The formulas of a network as one HTML page that needs nothing else: text, tables and inline SVG."""

from __future__ import annotations

from html import escape

from . import __version__, ir
from .formulas import Formula, LayerFormulas, Mask, formulas
from .summary import describe_graph

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem }
h2 { margin-top: 2rem; border-bottom: 1px solid #ccc } code, .f { font: 15px/1.6 ui-monospace, monospace }
td { padding: .1rem 1rem .1rem 0; vertical-align: top } .note { color: #666; font-size: 13px }
figure { display: inline-block; margin: .4rem .8rem .4rem 0; text-align: center }
"""
CELL = 10


def svg(mask: Mask) -> str:
    """A structuring element bool [kh, kw] as squares, its origin ringed."""
    height, width = mask.shape
    squares = "".join(
        f'<rect x="{CELL * x + 1}" y="{CELL * y + 1}" width="{CELL}" height="{CELL}" stroke="#999" '
        f'fill="{"#1f4e96" if mask[y, x] else "#fff"}"/>'
        for y in range(height)
        for x in range(width)
    )
    cx, cy = CELL * (width // 2) + 1 + CELL / 2, CELL * (height // 2) + 1 + CELL / 2
    ring = f'<circle cx="{cx}" cy="{cy}" r="3" fill="none" stroke="#c43c34" stroke-width="1.5"/>'
    size = f'width="{CELL * width + 2}" height="{CELL * height + 2}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{squares}{ring}</svg>'


def _row(formula: Formula) -> str:
    cells = [f'<td class="f">{escape(formula.left)} = {escape(formula.right)}</td>']
    cells.append(f'<td class="note">{escape(formula.certificate)}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _section(layer: LayerFormulas, outputs: int) -> str:
    rows = "".join(map(_row, (*layer.shared, *layer.formulas)))
    more = outputs - len(layer.formulas)
    cut = f'<p class="note">and {more} more outputs</p>' if layer.formulas and more > 0 else ""
    return f"<h2>{escape(layer.node)}</h2><p>{escape(layer.title)}</p><table>{rows}</table>{cut}"


def page(graph: ir.Graph, title: str = "network", limit: int = 64) -> str:
    """The whole page, UTF-8 text; at most ``limit`` outputs per layer are written out."""
    layers, elements = formulas(graph, limit)
    reports = {report.name: report for report in describe_graph(graph)}
    bits = [node for node in graph.nodes if isinstance(node, (ir.Bisel, ir.ThresholdDense, ir.TruthTable))]
    counts = {node.name: graph.type_of(node.name).shape[0] for node in bits}
    sections = "".join(_section(layer, counts.get(layer.node, 0)) for layer in layers)
    drawn = "".join(
        f"<figure>{svg(mask)}<figcaption class='f'>{escape(name)}</figcaption></figure>"
        for name, mask in elements.items()
    )
    packed = sum(report.bits for report in reports.values() if report.packed)
    shape = " x ".join(map(str, graph.input.shape))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>"
        f"<p>Input x: {graph.input.dtype}, {shape}. {packed} packed bits of weights and thresholds.</p>"
        "<p>(x \u2295 A)(p) is one where some x(p + s), s in A, is one; (x \u2296 A)(p) where all are. "
        "\u222a union, \u2229 intersection, \u00ac complement; [k of \u2026] at least k of them.</p>"
        f"{sections}<h2>Elements</h2>{drawn or '<p>none</p>'}"
        f'<p class="note">binmorph {escape(__version__)}</p></html>\n'
    )
