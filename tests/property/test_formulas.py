"""Formulas mean what the network computes: their text is parsed and evaluated beside the oracle."""

# ruff: noqa: RUF001  (the formulas' own signs)

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from oracle import evaluate, random_graph, random_input

from binmorph import format as file_format
from binmorph import ir
from binmorph.cli import main
from binmorph.formula_page import page, svg
from binmorph.formulas import formulas

TOKEN = re.compile(r"\s*([a-z]’?\d+|[A-Z]\d*|\d+|of|in|[∪∩¬⊕⊖()\[\],])")
PAD = {"replicate": {"mode": "edge"}, "zeros": {"constant_values": False}, "ones": {"constant_values": True}}


class Evaluator:
    """¬ binds before ⊕ and ⊖, these before ∪ and ∩; [k of ...] counts."""

    def __init__(self, text, values, elements, kernel, border, like):
        self.tokens = TOKEN.findall(text)
        assert "".join(self.tokens) == re.sub(r"\s", "", text), text
        self.values, self.elements, self.kernel, self.border, self.like = (
            values,
            elements,
            kernel,
            border,
            like,
        )

    def take(self, *expected):
        assert not expected or self.tokens[0] in expected, self.tokens
        return self.tokens.pop(0)

    def all(self):
        result = self.join()
        assert not self.tokens
        return self.at_output(result)

    def at_output(self, value):
        """Cut an input image to the output's size, where windows must lie inside."""
        top, left = self.kernel[0] // 2, self.kernel[1] // 2
        height, width = self.like
        if self.border == "valid" and value.shape[1:] != (height, width):
            return value[:, top : top + height, left : left + width]
        return value

    def join(self):
        result = self.window()
        while self.tokens and self.tokens[0] in "∪∩":
            operator, right = self.take(), self.at_output(self.window())
            left = self.at_output(result)
            result = left | right if operator == "∪" else left & right
        return result

    def taps(self, value, negated, letter):
        """The bits under the cells of an element, bool [cells, N, H', W']."""
        mask = self.elements[letter]
        kh, kw = mask.shape
        if self.border != "valid":
            sides = ((0, 0), (kh // 2, kh - 1 - kh // 2), (kw // 2, kw - 1 - kw // 2))
            value = np.pad(value, sides, **PAD[self.border])
        height, width = value.shape[1] - kh + 1, value.shape[2] - kw + 1
        cells = [value[:, i : i + height, j : j + width] for i, j in np.argwhere(mask)]
        return np.stack(cells) ^ negated

    def window(self):
        negated = False
        while self.tokens[0] == "¬":
            self.take()
            negated = not negated
        value = self.primary()
        if self.tokens and self.tokens[0] in ("⊕", "⊖"):
            operator = self.take()
            taps = self.taps(value, negated, self.take())
            return taps.any(0) if operator == "⊕" else taps.all(0)
        return value ^ negated

    def primary(self):
        token = self.take()
        if token == "(":
            value = self.join()
            self.take(")")
            return value
        if token == "[":
            needed, count = int(self.take()), 0
            self.take("of")
            while True:
                negated = self.tokens[0] == "¬" and self.tokens[2:3] == ["in"]
                if negated:
                    self.take()
                if self.tokens[1] == "in":
                    value = self.values[self.take()]
                    self.take("in")
                    count = count + self.taps(value, negated, self.take()).sum(0)
                else:
                    count = count + self.at_output(self.join()).astype(int)
                if self.take(",", "]") == "]":
                    return count >= needed
        if token in "01":
            return np.full((len(next(iter(self.values.values()))), *self.like), token == "1")
        return self.values[token]


@pytest.mark.parametrize("seed", range(60))
def test_formulas_mean_what_the_network_computes(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    graph = random_graph(rng, channels=3, kernel=3)
    x = random_input(rng, graph, 3)
    values = evaluate(graph, x)
    layers, elements = formulas(graph)
    variables = {}
    for node, layer in zip(graph.nodes, layers, strict=True):
        variables[node.name] = layer.formulas[0].left.rstrip("0123456789i") if layer.formulas else ""
        if not isinstance(node, ir.Bisel):
            continue
        source, outputs = values[node.input], values[node.name]
        # Channels are x1, x2 ... of whatever letter the input has.
        letters = set(re.findall(r"\b([a-z])\d", " ".join(f.right for f in (*layer.shared, *layer.formulas))))
        named = {f"{letter}{c + 1}": source[:, c] for letter in letters for c in range(source.shape[1])}
        named = named or {"none": source[:, 0]}
        shape = outputs.shape[2:]
        for formula in layer.shared:
            named[formula.left] = Evaluator(
                formula.right, named, elements, node.kernel, node.border, shape
            ).all()
        for o, formula in enumerate(layer.formulas):
            known = {**named, **{f.left: outputs[:, i] for i, f in enumerate(layer.formulas[:o])}}
            got = Evaluator(formula.right, known, elements, node.kernel, node.border, shape).all()
            np.testing.assert_array_equal(got, outputs[:, o], err_msg=f"{formula.left} = {formula.right}")


@pytest.mark.parametrize("seed", range(12))
def test_tables_are_unions_of_their_implicants(seed: int) -> None:
    """Threshold functions of one or two channels; what is no union of few terms says how often it is true."""
    rng = np.random.default_rng(seed)
    kernel, reads = ((2, 2), 2) if seed % 2 else ((2, 3), 1)
    n, outputs = reads * kernel[0] * kernel[1], 12
    inputs = np.arange(2**n)[:, None] >> np.arange(n) & 1
    weight = rng.integers(-2, 3, (outputs, n))
    table = (
        weight @ inputs.T >= np.quantile(weight @ inputs.T, rng.random(outputs), axis=1).diagonal()[:, None]
    )
    table[0] = inputs.sum(1) % 2 == 1  # parity: no input only raises it
    channels = np.stack([rng.permutation(2)[:reads] for _ in range(outputs)]).astype(np.int32)
    border = ("replicate", "zeros", "ones", "valid")[seed % 4]
    node = ir.TruthTable("t", "p", kernel, border, channels, table, np.full(outputs, 5, np.uint8))
    graph = ir.Graph(ir.InputSpec("uint8", (2, 6, 7)), (ir.PackBinary("p", "input"), node), "t")
    x = random_input(rng, graph, 4)
    values = evaluate(graph, x)
    layers, elements = formulas(graph)
    assert "a table that is true" in layers[1].formulas[0].right
    named = {f"a{c + 1}": values["p"][:, c] for c in range(2)}
    written = 0
    for o, formula in enumerate(layers[1].formulas):
        assert formula.certificate.startswith("lossless, true on")
        if "a table" not in formula.right:
            got = Evaluator(formula.right, named, elements, kernel, border, values["t"].shape[2:]).all()
            np.testing.assert_array_equal(got, values["t"][:, o], err_msg=formula.right)
            written += 1
    assert written > 0


def test_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file with nothing from outside; names are escaped; the command writes it."""
    rng = np.random.default_rng(8)
    graph = random_graph(rng, channels=3)
    while not any(isinstance(node, ir.Bisel) for node in graph.nodes):
        graph = random_graph(rng, channels=3)
    text = page(graph, "<net> & more")
    assert "<title>&lt;net&gt; &amp; more</title>" in text
    assert not re.search(r"(src|href)=|@import|url\(", text)
    assert all(f"<h2>{node.name}</h2>" in text for node in graph.nodes)
    assert svg(np.eye(3, dtype=bool)).count("#1f4e96") == 3
    file_format.save(graph, tmp_path / "net.bmorph")
    assert main(["info", str(tmp_path / "net.bmorph"), "--formula", str(tmp_path / "net.html")]) == 0
    assert "formulas: " in capsys.readouterr().out
    assert (tmp_path / "net.html").read_text("utf-8").startswith("<!doctype html>")
    assert main(["info", str(tmp_path / "net.bmorph"), "--formula", str(tmp_path / "no" / "x.html")]) == 2
