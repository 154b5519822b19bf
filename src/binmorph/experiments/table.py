"""The table of learned operators: data x operators x elements x seeds, beside the published figures."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError, DomainError
from ..pictures import NONE, PLUS, new_figure
from . import images
from .elements import ELEMENTS, element
from .operators import OPERATORS, learn
from .published import dgmm
from .report import Report

IMAGES = 768
PUBLISHED = ("DGMM 2022 smooth", "DGMM 2022 binarized")
Key = tuple[str, str, int, int]


def dataset(name: str, folder: Path | None, size: int, seed: int) -> Tensor:
    """Images of "disks", "mnist" or "inverted mnist"; DataError or DomainError without their files."""
    if name == "disks":
        return images.disks_and_rectangles(np.random.default_rng(seed), IMAGES, size // 2 + 1)
    if folder is None:
        raise DomainError(f"{name}: name the folder of MNIST's IDX files with --data")
    return images.digits(folder, IMAGES, name.startswith("inverted"))


def size_of(data: str, operator: str) -> int:
    """Windows are 7 x 7, and 5 x 5 for single dilations and erosions of digits, as published."""
    return 5 if data != "disks" and operator in ("dilation", "erosion") else 7


def run(
    data: str,
    folder: Path,
    files: Path | None,
    *,
    operators: Sequence[str] = OPERATORS,
    elements: Sequence[str] = ELEMENTS,
    seeds: Sequence[int] = (0,),
    steps: int = 200,
    progress: bool = True,
) -> Report:
    """Learn every operator by every element once per seed; a picture of what was learned goes to ``folder``.

    Each finished run is a line of ``folder``/operators-DATA.jsonl. Runs that it holds already, of the same
    operator, element, seed and steps, are not repeated.

    Raises DomainError for unknown names, DataError for a damaged line.
    """
    for word, known in ((operators, OPERATORS), (elements, ELEMENTS)):
        unknown = [name for name in word if name not in known]
        if unknown:
            raise DomainError(f"{unknown[0]!r} is not one of {', '.join(known)}")
    lines = folder / f"operators-{data.replace(' ', '-')}.jsonl"
    done = _read(lines)
    wanted = [(o, e, s, steps) for s in seeds for o in operators for e in elements]
    _learn([key for key in wanted if key not in done], data, files, lines, done, progress)
    rows, drawn = [], []
    for operator, name in product(operators, elements):
        runs = [done[operator, name, seed, steps] for seed in seeds]
        middle = [statistics.median(r[figure] for r in runs) for figure in ("smooth", "hard", "refined")]
        published = dgmm(data, operator, name)
        shown = ("", "") if published is None else tuple(f"{figure:.4g}" for figure in published)
        seconds = f"{sum(r['seconds'] for r in runs):.0f}"
        rows.append((operator, name, *(f"{value:.4f}" for value in middle), *shown, seconds))
        drawn.append((f"{operator}, {name}", runs[0]["network"]))
    return Report(
        f"learned operators on {data}: {steps} steps, seeds {list(seeds)}, medians of DICE",
        ("operator", "element", "smooth", "binarized", "refined", *PUBLISHED, "CPU seconds"),
        rows,
        notes=["published: Aouad & Talbot 2022, arXiv 2204.08768; one figure each, on their own images"],
        data={"data": data, "steps": steps, "runs": [done[key] for key in wanted]},
        files=[lines, picture(drawn, lines.with_suffix(".png"))],
    )


def _read(lines: Path) -> dict[Key, dict[str, Any]]:
    """The runs of a file of JSON lines, none if there is no such file."""
    done = {}
    for number, line in enumerate(lines.read_text().splitlines() if lines.exists() else [], 1):
        try:
            run = json.loads(line)
            done[run["operator"], run["element"], run["seed"], run["steps"]] = run
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{lines}: line {number} is no run ({error!r}); remove it to repeat it"
            ) from error
    return done


def _learn(
    keys: list[Key],
    data: str,
    files: Path | None,
    lines: Path,
    done: dict[Key, dict[str, Any]],
    progress: bool,
) -> None:
    """Run what is missing, and append each to ``lines`` and ``done``."""
    from tqdm import tqdm

    sets: dict[tuple[int, int], Tensor] = {}
    for key in tqdm(keys, desc=data, unit="run", disable=not progress):
        operator, name, seed, steps = key
        size = size_of(data, operator)
        if (size, seed) not in sets:
            sets[size, seed] = dataset(data, files, size, seed)
        cells = torch.from_numpy(element(name, size).astype(np.float32))
        learned, net = learn(operator, cells, sets[size, seed], seed=seed, steps=steps)
        names = dict(zip(("operator", "element", "seed", "steps"), key, strict=True))
        done[key] = {**names, **asdict(learned), "network": [operators_of(layer) for layer in net]}
        with lines.open("a") as file:
            file.write(json.dumps(done[key]) + "\n")


def operators_of(layer: Any) -> list[dict[str, Any]]:
    """The window neurons of a BiSEL: rows of the element, and what is counted."""
    bise = layer.bise
    return [
        {
            "rows": [
                "".join(".#"[tap] for tap in row) for row in bise.plus[at].reshape(layer.kernel).tolist()
            ],
            "threshold": int(bise.threshold[at]),
            "invert": bool(bise.invert[at]),
        }
        for at in np.ndindex(*bise.shape)
    ]


def picture(drawn: list[tuple[str, Any]], path: Path) -> Path:
    """The elements of every network's layers, one network a row."""
    most = max(sum(map(len, layers)) for _, layers in drawn)
    figure = new_figure()(figsize=(1.3 * most + 2.2, 1.3 * len(drawn)), layout="constrained")
    axes = figure.subplots(len(drawn), most, squeeze=False)
    for row, (title, layers) in zip(axes, drawn, strict=True):
        for axis in row:
            axis.set_axis_off()
        neurons = [(index, neuron) for index, layer in enumerate(layers) for neuron in layer]
        for axis, (index, neuron) in zip(row, neurons, strict=False):
            taps = np.array([[cell == "#" for cell in text] for text in neuron["rows"]])
            axis.imshow(np.where(taps[..., None], PLUS, NONE).astype(np.uint8), interpolation="nearest")
            word = "not " * neuron["invert"]
            axis.set_title(f"{index}: {word}>= {neuron['threshold']}", fontsize=7)
        row[0].text(-0.15, 0.5, title, transform=row[0].transAxes, ha="right", va="center", fontsize=8)
    figure.savefig(path, dpi=110, format="png")
    return path
