"""The table of learned operators: data x operators x elements x seeds, beside the published figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DomainError
from ..pictures import MINUS, NONE, PLUS, new_figure
from . import images
from .elements import ELEMENTS, element
from .operators import OPERATORS, Learned, learn
from .published import dgmm
from .report import Report

IMAGES = 1280


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
    steps: int = 1500,
    progress: bool = True,
) -> Report:
    """Learn every operator by every element once per seed; a picture of what was learned goes to ``folder``.

    Raises DomainError for unknown names.
    """
    for word, known in ((operators, OPERATORS), (elements, ELEMENTS)):
        unknown = [name for name in word if name not in known]
        if unknown:
            raise DomainError(f"{unknown[0]!r} is not one of {', '.join(known)}")
    rows, results, drawn = [], [], []
    for operator, name, runs in _cells(data, files, operators, elements, seeds, steps, progress):
        figures = ("before", "smooth", "hard", "refined")
        middle = [statistics.median(getattr(r, figure) for r, _ in runs) for figure in figures]
        published = dgmm(data, operator, name)
        shown = "" if published is None else f"{published[0]:.4g} -> {published[1]:.4g}"
        exact = sum("APPROXIMATED" not in r.statuses for r, _ in runs)
        rows.append(
            (
                operator,
                name,
                *(f"{value:.4f}" for value in middle),
                shown,
                f"{exact} of {len(runs)}",
                f"{sum(r.seconds for r, _ in runs):.0f}",
            )
        )
        results.append({"operator": operator, "element": name, "runs": [asdict(r) for r, _ in runs]})
        drawn.append((f"{operator}, {name}", runs[0][1]))
    return Report(
        f"learned operators on {data}: {steps} steps of 32 images, seeds {list(seeds)}, medians of DICE",
        (
            "operator",
            "element",
            "before snapping",
            "smooth",
            "binarized",
            "refined",
            "DGMM 2022, smooth -> binarized",
            "exact",
            "seconds",
        ),
        rows,
        notes=["published: Aouad & Talbot 2022, arXiv 2204.08768; one figure each, on their own images"],
        data={"data": data, "steps": steps, "seeds": list(seeds), "results": results},
        files=[_picture(drawn, folder / f"operators-{data.replace(' ', '-')}.png")],
    )


def _cells(
    data: str,
    files: Path | None,
    operators: Sequence[str],
    elements: Sequence[str],
    seeds: Sequence[int],
    steps: int,
    progress: bool,
) -> Iterator[tuple[str, str, list[tuple[Learned, torch.nn.Sequential]]]]:
    from tqdm import tqdm

    jobs = [(operator, name) for operator in operators for name in elements]
    for operator, name in tqdm(jobs, desc=data, unit="operator", disable=not progress):
        size = size_of(data, operator)
        cells = torch.from_numpy(element(name, size).astype(np.float32))
        sets = [dataset(data, files, size, seed) for seed in seeds]
        yield (
            operator,
            name,
            [learn(operator, cells, x, seed=seed, steps=steps) for seed, x in zip(seeds, sets, strict=True)],
        )


def _picture(drawn: list[tuple[str, Any]], path: Path) -> Path:
    """The elements of every network's layers, one network a row."""
    most = max(sum(layer.bise.plus.shape[0] * layer.bise.plus.shape[1] for layer in net) for _, net in drawn)
    figure = new_figure()(figsize=(1.3 * most + 2.2, 1.3 * len(drawn)), layout="constrained")
    axes = figure.subplots(len(drawn), most, squeeze=False)
    for row, (title, net) in zip(axes, drawn, strict=True):
        for axis in row:
            axis.set_axis_off()
        places = iter(row)
        for index, layer in enumerate(net):
            for at in np.ndindex(*layer.bise.shape):
                shown = np.empty((*layer.kernel, 3), np.uint8)
                shown[:] = NONE
                shown[layer.bise.plus[at].reshape(layer.kernel).numpy()] = PLUS
                shown[layer.bise.minus[at].reshape(layer.kernel).numpy()] = MINUS
                axis = next(places)
                axis.imshow(shown, interpolation="nearest")
                word = "not " * bool(layer.bise.invert[at])
                axis.set_title(f"{index}: {word}>= {int(layer.bise.threshold[at])}", fontsize=7)
        row[0].text(-0.15, 0.5, title, transform=row[0].transAxes, ha="right", va="center", fontsize=8)
    figure.savefig(path, dpi=110, format="png")
    return path
