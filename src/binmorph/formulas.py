"""A network as formulas: ``y3 = (x1 \u2296 A) \u222a \u00ac(x2 \u2295 B)``.

The network is simplified first (:mod:`binmorph.simplify`). Elements that occur more than once, anywhere in
the network, share one letter; subexpressions that several outputs share get a name of their own, and equal
outputs are said to be equal. Windows follow the correlation convention of :mod:`binmorph.ir`:

    (x \u2295 A)(p) = OR over s in A of x(p + s),    (x \u2296 A)(p) = AND over s in A of x(p + s)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from . import ir
from .simplify import simplify
from .table_formulas import implicants

Mask = npt.NDArray[np.bool_]
MOST_TERMS = 8  # of a union that stands for a truth table
UNION, INTERSECTION, NOT, DILATION, EROSION = " \u222a ", " \u2229 ", "\u00ac", "\u2295", "\u2296"


@dataclass(frozen=True)
class Formula:
    """``left = right``, for one output of a layer; ``certificate`` is what is known of its neurons."""

    left: str
    right: str
    certificate: str = ""


@dataclass(frozen=True)
class LayerFormulas:
    """One layer: its variable names, formulas of shared subexpressions first, and a line about the layer."""

    node: str
    title: str
    formulas: tuple[Formula, ...] = ()
    shared: tuple[Formula, ...] = ()


@dataclass
class Elements:
    """Structuring elements by letter: A, B, ... Z, A1, B1, ..., in the order of their first use."""

    masks: dict[str, Mask] = field(default_factory=dict)
    _names: dict[tuple[tuple[int, ...], bytes], str] = field(default_factory=dict)

    def name(self, mask: Mask) -> str:
        """The letter of ``mask`` bool [kh, kw]; equal masks have one."""
        key = (mask.shape, mask.tobytes())
        if key not in self._names:
            count = len(self.masks)
            letter = chr(ord("A") + count % 26) + (str(count // 26) if count >= 26 else "")
            self._names[key] = letter
            self.masks[letter] = mask
        return self._names[key]


def _parenthesized(text: str) -> str:
    simple = " " not in text or (text.startswith("(") and text.endswith(")") and text.count("(") == 1)
    return text if simple else f"({text})"


def _negated(text: str) -> str:
    return NOT + _parenthesized(text)


def _counted(plus: list[str], minus: list[str], needed: int) -> str:
    """At least ``needed`` of the literals; union and intersection where that is what it is."""
    literals = [*map(_parenthesized, plus), *map(_negated, minus)]
    if needed <= 0 or needed > len(literals):
        return "1" if needed <= 0 else "0"
    if len(literals) == 1:
        return plus[0] if plus else literals[0]
    if needed == 1:
        return UNION.join(literals)
    if needed == len(literals):
        return INTERSECTION.join(literals)
    return f"[{needed} of {', '.join(literals)}]"


def window_formula(
    x: str, kernel: tuple[int, int], neurons: ir.Neurons, at: tuple[int, ...], named: Elements
) -> str:
    """The formula of one BiSE neuron on channel ``x``, without its inversion."""
    plus, minus = (m[at].reshape(kernel) for m in (neurons.plus, neurons.minus))
    size, negative = int(plus.sum() + minus.sum()), int(minus.sum())
    needed = int(neurons.threshold[at]) + negative
    if needed <= 0 or needed > size:
        return "1" if needed <= 0 else "0"
    centre = (kernel[0] // 2, kernel[1] // 2)
    if size == 1 and not negative and plus[centre]:
        return x
    if not negative:
        letter = named.name(plus)
        if needed == 1:
            return f"{x} {DILATION} {letter}"
        return f"{x} {EROSION} {letter}" if needed == size else f"[{needed} of {x} in {letter}]"
    parts = []
    for mask, variable in ((plus, x), (minus, _negated(x))):
        if mask.any():
            parts.append((variable, named.name(mask)))
    if needed in (1, size):
        sign, join = (DILATION, UNION) if needed == 1 else (EROSION, INTERSECTION)
        return join.join(_parenthesized(f"{variable} {sign} {letter}") for variable, letter in parts)
    return f"[{needed} of " + ", ".join(f"{variable} in {letter}" for variable, letter in parts) + "]"


def formulas(graph: ir.Graph, limit: int = 64) -> tuple[list[LayerFormulas], dict[str, Mask]]:
    """The layers of ``graph`` as formulas, at most ``limit`` outputs each, and the elements by letter."""
    simple, named = simplify(graph), Elements()
    variables = {graph.input.name: "x"}
    letters = iter([*"abcdefghijklmnopqrstuvw", *(f"v{i}" for i in range(1, 1 + len(graph.nodes)))])
    layers = []
    for node in simple.nodes:
        y = variables[node.name] = "y" if node.name == simple.output else next(letters)
        x = variables.get(node.input, "x")
        layers.append(_layer(node, x, y, simple, named, limit))
    return layers, named.masks


def _layer(node: ir.AnyNode, x: str, y: str, graph: ir.Graph, named: Elements, limit: int) -> LayerFormulas:
    if isinstance(node, ir.Bisel):
        return _bisel(node, x, y, named, limit)
    if isinstance(node, ir.ThresholdDense):
        return _dense(node, x, y, limit)
    if isinstance(node, ir.TruthTable):
        return _tables(node, x, y, named, limit)
    if isinstance(node, ir.LevelSets):
        levels = node.values.shape[1]
        rows = [
            Formula(f"{y}{c * levels + i + 1}", f"[{x}{c + 1} \u2265 {node.values[c, i]:g}]")
            for c, i in np.ndindex(*node.values.shape)
        ]
        return LayerFormulas(node.name, "level sets of a gray image", tuple(rows[:limit]))
    if isinstance(node, ir.MaxPool):
        rule = Formula(f"{y}i", f"the union of each {node.kernel[0]} x {node.kernel[1]} block of {x}i")
        return LayerFormulas(node.name, f"max-pooling, steps of {node.stride[0]} x {node.stride[1]}", (rule,))
    shape = " x ".join(map(str, graph.type_of(node.name).shape))
    return LayerFormulas(node.name, f"{node.op}: {y} = {node.op}({x}), {shape}")


def _bisel(node: ir.Bisel, x: str, y: str, named: Elements, limit: int) -> LayerFormulas:
    outputs, channels = node.bise.shape
    terms: list[list[tuple[str, bool]]] = []
    for o in range(outputs):
        used = [int(c) for c in np.flatnonzero(node.lui.plus[o] | node.lui.minus[o])]
        texts = [window_formula(f"{x}{c + 1}", node.kernel, node.bise, (o, c), named) for c in used]
        terms.append([(text, bool(node.lui.minus[o, c])) for text, c in zip(texts, used, strict=True)])
    uses = Counter(text for row in terms for text in {t for t, _ in row} if " " in text)
    shared = {text: f"{y}\u2019{i}" for i, text in enumerate((t for t, n in uses.items() if n > 1), 1)}
    seen: dict[str, str] = {}
    rows = []
    for o, row in enumerate(terms):
        plus = [shared.get(text, text) for text, negative in row if not negative]
        minus = [shared.get(text, text) for text, negative in row if negative]
        text = _counted(plus, minus, int(node.lui.threshold[o]) + len(minus))
        text = _negated(text) if node.lui.invert[o] else text
        left = f"{y}{o + 1}"
        rows.append(Formula(left, seen.get(text, text), "; ".join(_certificates(node, o))))
        if text not in ("0", "1"):
            seen.setdefault(text, left)
    title = (
        f"{channels} to {outputs} channels, windows {node.kernel[0]} x {node.kernel[1]}, border {node.border}"
    )
    common = tuple(Formula(name, text) for text, name in shared.items())
    return LayerFormulas(node.name, title, tuple(rows[:limit]), common[:limit])


def _certificates(node: ir.Bisel, o: int) -> Iterator[str]:
    """What is known of the neurons behind output ``o``, in the order of its inputs, then of their join."""
    for c in np.flatnonzero(node.lui.plus[o] | node.lui.minus[o]):
        yield _status(node.bise, (o, int(c)))
    if node.bise.shape[1] > 1:
        yield f"joined: {_status(node.lui, (o,))}"


def _status(neurons: ir.Neurons, at: tuple[int, ...]) -> str:
    status = ir.Status(int(neurons.status[at]))
    if status is ir.Status.APPROXIMATED:
        return f"approximated, moved {neurons.distance[at]:.3g}"
    if status is ir.Status.CALIBRATED:
        return f"calibrated, sums within {neurons.distance[at]:.3g} of the threshold may differ"
    return f"{status.name.lower()}, margin {neurons.margin[at]:.3g}"


def _tables(node: ir.TruthTable, x: str, y: str, named: Elements, limit: int) -> LayerFormulas:
    rows = []
    for o in range(min(limit, len(node.table))):
        found = implicants(node.table[o])
        share = f"{int(node.table[o].sum())} of {node.table.shape[1]} inputs"
        text = f"[a table that is true on {share}]"
        if found is not None and len(found[0]) <= MOST_TERMS:
            plus, minus = (part.reshape(len(part), -1, *node.kernel) for part in found)
            terms = [_conjunction(node, x, o, a, b, named) for a, b in zip(plus, minus, strict=True)]
            text = UNION.join(map(_parenthesized, terms)) or "0"
        certificate = f"{ir.Status(int(node.statuses[o])).name.lower()}, true on {share}"
        rows.append(Formula(f"{y}{o + 1}", text, certificate))
    title = (
        f"{len(node.table)} truth tables, windows {node.kernel[0]} x {node.kernel[1]}, border {node.border}"
    )
    return LayerFormulas(node.name, title, tuple(rows))


def _conjunction(node: ir.TruthTable, x: str, o: int, plus: Mask, minus: Mask, named: Elements) -> str:
    """The AND of literals bool [m, kh, kw] over the channels that output ``o`` reads."""
    terms = []
    for c, channel in enumerate(node.channels[o]):
        for mask, variable in ((plus[c], f"{x}{channel + 1}"), (minus[c], f"{NOT}{x}{channel + 1}")):
            if mask.any():
                terms.append(variable if mask.size == 1 else f"({variable} {EROSION} {named.name(mask)})")
    return INTERSECTION.join(terms) or "1"


def _dense(node: ir.ThresholdDense, x: str, y: str, limit: int) -> LayerFormulas:
    neurons, rows = node.neurons, []
    for o in range(min(limit, neurons.shape[0])):
        plus, minus = ([f"{x}{i + 1}" for i in np.flatnonzero(m[o])] for m in (neurons.plus, neurons.minus))
        needed = int(neurons.threshold[o]) + len(minus)
        if len(plus) + len(minus) <= 12:
            text = _counted(plus, minus, needed)
        else:
            text = f"[{needed} of {len(plus)} inputs and {len(minus)} complements]"
        text = _negated(text) if neurons.invert[o] else text
        rows.append(Formula(f"{y}{o + 1}", text, _status(neurons, (o,))))
    return LayerFormulas(node.name, f"dense, {neurons.n} inputs, {neurons.shape[0]} outputs", tuple(rows))
