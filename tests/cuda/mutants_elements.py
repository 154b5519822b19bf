"""Faults in the kernels of packed morphology, and what a fault is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """``old`` occurs once in ``file`` (under kernels) and becomes ``new``; ``check`` must then fail."""

    name: str
    check: str
    file: str
    old: str
    new: str
    source: str = ""  # what is compiled, where that is not the changed file
    flags: tuple[str, ...] = ()


_WORDS = "morphology2d/cuda_simt.cu"
_TILES = "morphology2d/cuda_simt_program.cu"
_WALK = "morphology2d/cuda_simt_walk.cu"
_THIN = "thinning/cuda_simt.cu"
ELEMENTS = [
    Mutant(
        "a zero that may be one",
        "elements",
        _WORDS,
        "low &= ~(pixels[0] & wanted)",
        "low &= ~(pixels[0] & wanted & 1)",
    ),
    Mutant("selection upside down", "elements", _WORDS, "a ^ ((a ^ b)", "b ^ ((a ^ b)"),
    Mutant(
        "half of the words compared",
        "elements",
        _WORDS,
        "item < p.words &&",
        "item < p.words / 2 &&",
    ),
    Mutant("rows trail on the wrong side", "elements", _WALK, "here.up) : -static", "here.down) : -static"),
    Mutant("upwards from the wrong row", "elements", _WALK, "(p.rows) - 1 : first", "(p.rows) : first"),
    Mutant(
        "columns outside forgotten", "elements", _WALK, "exists && begin < p.width ?", "begin < p.width ?"
    ),
    Mutant("complement kept for the next stage", "elements", _WALK, "(was ^ stage.flip)) |", "stage.flip) |"),
    Mutant(
        "border of the stage before",
        "elements",
        _WALK,
        "next.border ^ here.flip",
        "here.border ^ here.flip",
    ),
    Mutant("rows outside a later stage", "elements", _WALK, "to < 0 || to >= height", "to >= height"),
    Mutant("corners of the cross", "elements", _WALK, "spread(above_, 1, 1)", "spread(here_, 1, 1)"),
    Mutant("ends of blocks a row late", "elements", _WALK, "*slot = row;", "*slot = next;"),
    Mutant("a block that never ends", "elements", _WALK, "    begin(ring_);\n", "    at_ = 0;\n"),
    Mutant("a ring of two stages", "elements", _WALK, "    ring += (p", "    if (s != 0) ring += (p"),
    Mutant("pixels of the lane before", "elements", _WALK, "(lane + 1) % 32", "lane"),
    Mutant("lanes that write what they lend", "elements", _WALK, "lane - 1 < kWalkLanes", "lane < 32"),
    Mutant(
        "runs with gaps",
        "elements",
        "morphology2d/cuda_pack.cpp",
        "length += before + after",
        "length *= 3 + 1",
    ),
    Mutant(
        "no barrier behind the load",
        "elements",
        _TILES,
        "__syncthreads();\n  for (unsigned s = 0",
        "for (unsigned s = 0",
    ),
    Mutant(
        "written while others read",
        "elements",
        _TILES,
        "    __syncthreads();\n#pragma unroll",
        "#pragma unroll",
    ),
    Mutant(
        "no barrier behind a fold",
        "elements",
        _TILES,
        "    }\n    __syncthreads();\n  }",
        "    }\n  }",
    ),
    Mutant("rows for later folds forgotten", "elements", _TILES, "(p.rows + fold.extra_rows)", "(p.rows)"),
    Mutant(
        "tile a word too far",
        "elements",
        _TILES,
        "- static_cast<int>(p.left)",
        "- static_cast<int>(p.left) + 1",
    ),
    Mutant(
        "halo of the wrong side",
        "elements",
        "morphology2d/cuda_pack.cpp",
        "left = program.left_words",
        "left = program.right_words",
    ),
    Mutant(
        "west for east",
        "elements",
        _THIN,
        "here >> 1 | after << 63",
        "here >> 1 | before << 63",
    ),
    Mutant("changes untold", "elements", _THIN, "if (go != 0)", "if (go == 1)"),
]
