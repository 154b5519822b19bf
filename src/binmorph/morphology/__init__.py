"""Image morphology on packed bits, with the interface of ``scipy.ndimage``: swap the import, keep the code.

Arrays in, arrays out; a row-packed ``BitArray`` in, a ``BitArray`` out, so that a chain of operations packs
once.
"""

from __future__ import annotations

from .binary import binary_closing, binary_dilation, binary_erosion, binary_opening
from .hit_or_miss import binary_hit_or_miss
from .iterated import iterate_structure
from .plans import plan
from .ranks import majority, rank
from .reconstruction import binary_fill_holes, binary_propagation
from .residues import black_tophat, gradient, white_tophat
from .structures import diamond, disk, generate_binary_structure, rectangle
from .thinning import skeletonize, thin

__all__ = [
    "binary_closing",
    "binary_dilation",
    "binary_erosion",
    "binary_fill_holes",
    "binary_hit_or_miss",
    "binary_opening",
    "binary_propagation",
    "black_tophat",
    "diamond",
    "disk",
    "generate_binary_structure",
    "gradient",
    "iterate_structure",
    "majority",
    "plan",
    "rank",
    "rectangle",
    "skeletonize",
    "thin",
    "white_tophat",
]
