"""The top-1 accuracy of a packed file on the test images of a data set, and how long they took.

    python examples/accuracy.py FILE.bmorph mnist|fashion_mnist|cifar10|digits [DIR]

DIR is the folder with the data set's own files; the digits need none. Needs ``pip install binmorph[train]``
to read the data, not to run the network.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import binmorph
from binmorph.training.data import LOADERS


def main(file: Path, source: str, folder: Path) -> None:
    data = LOADERS[source](folder)
    network = binmorph.load(file)
    images = data.x_test.numpy().astype(np.dtype(network.graph.input.dtype))
    start = time.perf_counter()
    scores = np.asarray(network(images))
    seconds = time.perf_counter() - start
    right = int((scores.argmax(1) == data.y_test.numpy()).sum())
    share = f"{right} of {len(images)} right, {right / len(images):.2%}"
    print(f"{file.name}: {share}; {seconds:.2f} s ({network.isa}, {network.threads} threads)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("source", choices=LOADERS)
    parser.add_argument("folder", metavar="DIR", type=Path, nargs="?", default=Path())
    given = parser.parse_args()
    main(given.file, given.source, given.folder)
