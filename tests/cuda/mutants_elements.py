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
_CHAIN = "morphology2d/cuda_simt_chain.cu"
_TILES = "morphology2d/cuda_simt_program.cu"
_WIDE = "morphology2d/cuda_simt_wide.cu"
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
    Mutant(
        "stages a row apart", "elements", _CHAIN, "const int y = t - static_cast<int>(s);", "const int y = t;"
    ),
    Mutant(
        "border of the stage before",
        "elements",
        _CHAIN,
        "fill = outside(s);",
        "fill = outside(s == 0 ? 0 : s - 1);",
    ),
    Mutant("columns outside forgotten", "elements", _CHAIN, "w == 0 ? 0 : ~0u", "~0u"),
    Mutant(
        "one row too few ahead", "elements", _CHAIN, "t < last + static_cast", "t + 1 < last + static_cast"
    ),
    Mutant(
        "complement kept for the next stage", "elements", _CHAIN, "change = was ^ flip(s)", "change = flip(s)"
    ),
    Mutant("corners of the cross", "elements", _CHAIN, "cross ? here.part[i] :", "false ? here.part[i] :"),
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
    Mutant("its own pixels to the left", "morphology", _WIDE, "parts[c.first ? 0 : -1]", "parts[0]"),
    Mutant("pixels behind the end", "morphology", _WIDE, "&= c.keep[part + 1]", "&= ~0u"),
    Mutant("a row above that is no border", "morphology", _WIDE, "inside ? settled : c.border", "settled"),
    Mutant("changes untold", "elements", _THIN, "if (go != 0)", "if (go == 1)"),
]
