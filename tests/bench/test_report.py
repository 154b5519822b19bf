"""The page holds what the run holds, loads nothing, and its labels lie apart."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import made_runs
import pytest

from binmorph.bench.record import RunRecord, read, write
from binmorph.bench.report import html, markdown
from binmorph.bench.report.labels import apart
from binmorph.bench.report.numbers import with_unit
from binmorph.bench.report.style import new_figure, plotting
from binmorph.bench.workloads.model_file import known_accuracy
from binmorph.cli import main


@pytest.fixture(scope="module")
def run() -> RunRecord:
    return made_runs.run(layers=2, networks=1)


@pytest.fixture(scope="module")
def drawn(run: RunRecord) -> Iterator[tuple[str, list[Any]]]:
    """The page, and the canvases of its figures."""
    pytest.importorskip("matplotlib")
    from binmorph.bench.report import accuracy, latency, roofline, shares, style

    canvases: list[Any] = []

    def keep(canvas: Any) -> str:
        canvases.append(canvas)
        return style.svg(canvas)

    with pytest.MonkeyPatch.context() as patch:
        for module in (accuracy, latency, roofline, shares):
            patch.setattr(module, "svg", keep)
        yield html(run), canvases


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_is_whole_and_loads_nothing(drawn: tuple[str, list[Any]]) -> None:
    page, canvases = drawn
    tags = Tags()
    tags.feed(page)
    names = [tag for tag, _ in tags.seen]
    assert names.count("svg") == names.count("figure") == len(canvases) >= 7
    assert not {"script", "link", "img", "iframe"} & set(names)
    for _, attributes in tags.seen:
        for name, value in attributes.items():
            assert name not in ("src", "href", "xlink:href") or str(value).startswith("#")
    for heading in ("Latency, suite layers", "Roofline, suite layers", "What is still float", "Left out",
                    "Time per step, network 0", "Accuracy against size and energy", "Machine and options",
                    "Energy by Horowitz 2014", "Energy by Jouppi", "Assumptions", "Counts"):  # fmt: skip
        assert heading in page, heading
    assert "&lt;no wheel&gt;" in page
    assert "WRONG RESULT" in page
    assert "MEASURED per call" in page
    assert "interrupted" not in page


def test_markdown(run: RunRecord) -> None:
    text = markdown(replace(run, complete=False))
    assert "interrupted" in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1
    assert "absent" in text
    assert "no RAPL zones" in text


def test_measured_energy_has_its_own_column(run: RunRecord) -> None:
    case = run.cases[0]
    ours = replace(case.systems[0], energy_joules={"rapl:package-0": 1.5e-3})
    measured = replace(run, cases=(replace(case, systems=(ours, *case.systems[1:])),), machine={})
    assert "1.50 mJ (rapl:package-0)" in markdown(measured)


def test_the_command_writes_what_it_read(run: RunRecord, tmp_path: Path) -> None:
    source, target = str(tmp_path / "run.json"), tmp_path / "run.md"
    write(run, source)
    assert read(source) == run
    assert main(["bench", "report", source, "--markdown", str(target)]) == 0
    assert target.read_text("utf-8") == markdown(run)


def test_known_accuracy_stands_in_the_log_beside_a_file(tmp_path: Path) -> None:
    golden = Path(__file__).parents[1] / "golden" / "v1" / "binary_mnist.bmorph"
    known = known_accuracy(str(golden))
    assert known["accuracy"] == 0.9902
    assert known["file_bytes"] == golden.stat().st_size
    (tmp_path / "a.bmorph").write_bytes(b"12")
    (tmp_path / "a.jsonl").write_text("no log\n")
    assert known_accuracy(str(tmp_path / "a.bmorph")) == {"file_bytes": 2}


def test_an_empty_run_has_a_page() -> None:
    pytest.importorskip("matplotlib")
    page = html(RunRecord({}, {}, "2026-11-21T12:00:00+00:00", True, (), ()))
    assert "</html>" in page


def inside(axis: Any, direction: int, at: float) -> bool:
    low, high = sorted((axis.get_xlim(), axis.get_ylim())[direction])
    return bool(low <= at <= high)


def extent(text: Any) -> Any:
    """Of its letters, not of a line to what it names."""
    from matplotlib.text import Text

    return Text.get_window_extent(text)


def test_texts_of_figures_lie_apart(drawn: tuple[str, list[Any]]) -> None:
    """Every text of every figure inside it, and no two of one axis on top of each other."""
    for canvas in drawn[1]:
        whole = canvas.bbox
        for axis in (axis for axis in canvas.axes if axis.get_visible()):
            x = [
                t
                for t, at in zip(axis.get_xticklabels(), axis.get_xticks(), strict=True)
                if inside(axis, 0, at)
            ]
            y = [
                t
                for t, at in zip(axis.get_yticklabels(), axis.get_yticks(), strict=True)
                if inside(axis, 1, at)
            ]
            texts = [*x, *y, axis.xaxis.label, axis.yaxis.label, *axis.texts]
            boxes = [(t.get_text(), extent(t)) for t in texts if t.get_text()]
            for i, (text, box) in enumerate(boxes):
                assert min(box.x0 - whole.x0, box.y0 - whole.y0) >= -1, f"{text!r} leaves the figure"
                for other, second in boxes[i + 1 :]:
                    width = min(box.x1, second.x1) - max(box.x0, second.x0)
                    height = min(box.y1, second.y1) - max(box.y0, second.y0)
                    assert min(width, height) <= 1, f"{text!r} lies on {other!r}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (1.234e-5, "12.3 µs"),
        (0.9999, "1.00 s"),
        (1e-12, "1.00 ps"),
        (999.6, "1.00 ks"),
        (5, "5.00 s"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert with_unit(value, "s") == text


def test_plotting_leaves_matplotlib_as_it_was() -> None:
    mpl = pytest.importorskip("matplotlib")
    before = dict(mpl.rcParams)
    with plotting():
        new_figure(2, 2)
    assert dict(mpl.rcParams) == before


def test_numbers_of_points_lie_apart() -> None:
    """Also where the points are one upon the other."""
    points = [(0.0, 0.0)] * 6 + [(4.0, 1.0), (9.0, 2.0), (100.0, 100.0)]
    size = (11.0, 8.0)
    offsets = apart(points, [size] * len(points))
    centres = [(x + dx, y + dy) for (x, y), (dx, dy) in zip(points, offsets, strict=True)]
    for (x, y), (u, v) in itertools.combinations(centres, 2):
        assert abs(x - u) >= size[0] or abs(y - v) >= size[1]
    assert offsets[-1] == (8.75, 0.0)  # alone: right beside its point
