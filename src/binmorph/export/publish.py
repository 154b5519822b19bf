"""``binmorph.export``: trace, lower, write beside the target, verify, and only then publish."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__, ir
from ..errors import BinmorphError, UnsupportedOpError, VerificationError
from ..summary import describe_graph
from .lower import Lowered, lower
from .report import ExportReport, unsupported_layer
from .state import Problem
from .trace import Method, Traced, trace
from .verification import compare, random_inputs


def _check_allowed(allow_float: Iterable[str], traced: Traced) -> frozenset[str]:
    names = [allow_float] if isinstance(allow_float, str) else list(allow_float)
    known = [name for name, _ in traced.module.named_modules() if name]
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise BinmorphError(f"allow_float: the network has no module {name!r}{hint}")
    return frozenset(names)


def _refusal(lowered: Lowered, allowed: frozenset[str]) -> str:
    def line(problem: Problem) -> str:
        text = str(problem)
        if problem.site.path in allowed:
            text += " (allow_float names it, but this runtime runs a float layer only as the last Linear)"
        return f"  - {text}"

    count = len(lowered.problems)
    head = f"{count} layer{'s' if count > 1 else ''} cannot be packed:"
    return "\n".join([head, *map(line, lowered.problems)])


def _write_verified(traced: Traced, lowered: Lowered, graph: ir.Graph, path: Path, verify: bool) -> int:
    """Write beside ``path``, verify, move into place; the number of images verified."""
    from .. import format as file_format

    images = 0
    # A folder in the same place, so that the last step is one rename within one file system.
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", suffix=".unverified", dir=path.parent
    ) as folder:
        unverified = Path(folder) / path.name
        file_format.save(graph, unverified)
        if verify:
            inputs = torch.cat([traced.example, random_inputs(graph, np.random.default_rng(0))])
            result = compare(traced, lowered, unverified, inputs)
            if not result.equal:
                raise VerificationError(
                    f"{path} was not written: the packed network differs from the hard network.\n{result}"
                )
            images = result.images
        os.replace(unverified, path)
    return images


def export(
    module: torch.nn.Module,
    example_input: Any,
    path: str | os.PathLike[str],
    *,
    strict: bool = True,
    allow_float: Iterable[str] = (),
    verify: bool = True,
    family: Method = "popcount",
    projection: Method = "constant",
) -> ExportReport:
    """Export a network to a packed ``.bmorph`` file.

    Arguments:
        module: in eval mode. Smooth morphological layers are hardened on a copy, and the report lists them.
        example_input: tensor or array [N, C, H, W] or [N, K], float32 or uint8; its dtype becomes the file's
            input dtype, its batch size does not matter. If the network reads bits directly it must hold only
            0 and 1.
        path: the file to write; replaced only after verification.
        strict: raise if any layer cannot be packed. With False such a network writes no file, and the report
            lists what stands in the way.
        allow_float: module paths that may stay float. The last Linear may anyway; other float layers cannot
            run yet.
        verify: compare the file, in the packed runtime, with the hard network on the example and on random
            inputs.
        family, projection: how smooth layers are hardened, as in :func:`binmorph.nn.harden`: one word, or a
            mapping from module paths.

    Raises:
        BinmorphError: the module is in training mode, or ``allow_float`` names no module.
        UnsupportedOpError: layers cannot be packed; all of them are listed.
        VerificationError: the packed network differs; nothing was written.
        ShapeError, DTypeError, FormatError: the input or the layers do not fit together.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such directory to write {target.name} to")
    traced = trace(module, example_input, family, projection)
    allowed = _check_allowed(allow_float, traced)
    lowered = lower(traced, f"binmorph {__version__}")
    removed = tuple(dict.fromkeys(where.path or where.op for where in lowered.removed))
    if lowered.graph is None:
        if strict:
            raise UnsupportedOpError(_refusal(lowered, allowed))
        layers = tuple(unsupported_layer(p.site, str(p)) for p in lowered.problems)
        return ExportReport(None, layers, hardened=traced.hardened, removed=removed)
    images = _write_verified(traced, lowered, lowered.graph, target, verify)
    return ExportReport(
        str(target),
        describe_graph(lowered.graph),
        target.stat().st_size,
        traced.hardened,
        removed,
        images,
        (*traced.notes, *lowered.notes),
    )
