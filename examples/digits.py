"""Every kind of network on scikit-learn's digits: train, harden, pack, and print a table.

    python examples/digits.py OUT_DIR [RECIPE ...]

Needs ``pip install binmorph[demo]`` and no files; a minute or so per recipe on one core.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from binmorph.training.data import load_digits
from binmorph.training.loop import Settings
from binmorph.training.recipes import RECIPES
from binmorph.training.run import train

HEADER = (
    "| recipe | smooth | hard | packed | density | file, bytes | seconds |\n|---|---|---|---|---|---|---|"
)


def main(folder: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    data = load_digits()
    print(HEADER)
    for name in names or [n for n, recipe in RECIPES.items() if recipe.data == ("digits",)]:
        outcome = train(name, data, folder / f"{name}.pt", Settings())
        f = outcome.finished
        assert f is not None
        packed, size = ("-", "-") if f.problem else (f"{f.accuracy_packed:.2%}", str(f.file_bytes))
        cells = (name, f"{f.accuracy_smooth:.2%}", f"{f.accuracy_hard:.2%}", packed, f"{f.density:.1%}", size)
        print(f"| {' | '.join(cells)} | {outcome.seconds:.0f} |", flush=True)
        if f.problem:
            print(f"{name} is not packed: {f.problem}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
