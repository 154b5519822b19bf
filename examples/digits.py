"""Every kind of network on scikit-learn's digits: train, harden, pack, and print a table.

    python examples/digits.py OUT_DIR [--seeds N] [RECIPE ...]

Needs ``pip install binmorph[demo]`` and no files; a minute or so per recipe and seed on one core. With
several seeds each cell has one number for each.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from binmorph.training.data import load_digits
from binmorph.training.loop import Settings
from binmorph.training.recipes import RECIPES
from binmorph.training.run import train

HEADER = (
    "| recipe | smooth, % | hard, % | packed, % | density, % | file, bytes | seconds |\n"
    "|---|---|---|---|---|---|---|"
)


def main(folder: Path, names: list[str], seeds: int) -> None:
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    data = load_digits()
    print(HEADER)
    steps = {recipe.before for recipe in RECIPES.values()}
    for name in names or [n for n, r in RECIPES.items() if r.data == ("digits",) and n not in steps]:
        rows = []
        for seed in range(seeds):
            outcome = train(name, data, folder / f"{name}_{seed}.pt", Settings(seed))
            f = outcome.finished
            assert f is not None
            if f.accuracy_packed is None:
                print(f"{name} is not packed: {f.problem}", file=sys.stderr)
            accuracies = (f.accuracy_smooth, f.accuracy_hard, f.accuracy_packed)
            shares = [f"{100 * a:.2f}" if a is not None else "-" for a in accuracies]
            rows.append((*shares, f"{100 * f.density:.1f}", str(f.file_bytes), f"{outcome.seconds:.0f}"))
        cells = [" ".join(dict.fromkeys(c) if i > 2 else c) for i, c in enumerate(zip(*rows, strict=True))]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="OUT_DIR", type=Path)
    parser.add_argument("recipes", metavar="RECIPE", nargs="*")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N - 1 (default: 1)")
    given = parser.parse_intermixed_args()
    main(given.folder, given.recipes, given.seeds)
