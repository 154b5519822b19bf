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
from ..simplify import simplify as simplified
from ..summary import FLOAT, describe_graph
from .lower import Lowered, lower
from .report import ExportReport, unsupported_layer
from .state import Problem
from .trace import Method, Traced, trace
from .verification import compare, probed, random_inputs


def _check_allowed(allow_float: Iterable[str] | None, traced: Traced) -> frozenset[str] | None:
    if allow_float is None:
        return None
    names = [allow_float] if isinstance(allow_float, str) else list(allow_float)
    known = [name for name, _ in traced.module.named_modules() if name]
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise BinmorphError(f"allow_float: the network has no module {name!r}{hint}")
    return frozenset(names)


def _refuse_floats(lowered: Lowered, allowed: frozenset[str] | None) -> None:
    """Add a problem for each layer of float weights that ``allowed`` does not name, nor a module above it;
    the last dense layer needs no name."""
    graph = lowered.graph
    if graph is None or allowed is None:
        return
    for node in graph.nodes:
        path = lowered.sites[node.name].path
        named = any(path == name or path.startswith(f"{name}.") for name in allowed)
        if isinstance(node, FLOAT) and not named and node.name != graph.output:
            reason = "its weights are float, and allow_float does not name it"
            lowered.problems.append(Problem(lowered.sites[node.name], reason))
    if lowered.problems:
        lowered.graph = None


def _refusal(lowered: Lowered) -> str:
    count = len(lowered.problems)
    head = f"{count} layer{'s' if count > 1 else ''} cannot be packed:"
    return "\n".join([head, *(f"  - {problem}" for problem in lowered.problems)])


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
            result = probed(compare(traced, lowered, unverified, inputs), traced, lowered, graph)
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
    allow_float: Iterable[str] | None = None,
    verify: bool = True,
    family: Method = "popcount",
    projection: Method = "constant",
    simplify: bool = True,
    lossless: bool = False,
    calibrate: Any = None,
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
        allow_float: module paths whose weights may stay float, with all that is below them; None allows every
            layer. The last Linear may anyway.
        verify: compare the file, in the packed runtime, with the hard network on the example, on random
            inputs, and layer by layer on inputs that bring its sums to their thresholds.
        family, projection: how smooth layers are hardened, as in :func:`binmorph.nn.harden`: one word, or a
            mapping from module paths.
        simplify: write each morphological layer in its simplest form (:mod:`binmorph.simplify`): every value
            keeps every bit, but masks and thresholds need not be those of the torch layers. False keeps them.
        lossless: keep smooth layers exact where windows have at most 16 inputs: what is no count becomes a
            truth table or integer weights, proved on all inputs, whichever costs less on images like the
            example (:func:`binmorph.nn.lossless`). Statuses say LOSSLESS, and the report what exactness costs
            in bits and time. The file then equals the layers' hard-float form.
        calibrate: images [N, ...]: the same, and layers of more inputs become integer weights of few bits,
            tried on these images; statuses say CALIBRATED, and the report how many decisions changed.

    Raises:
        BinmorphError: the module is in training mode, or ``allow_float`` names no module.
        UnsupportedOpError: layers cannot be packed; all of them are listed.
        VerificationError: the packed network differs; nothing was written.
        ShapeError, DTypeError, FormatError: the input or the layers do not fit together.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such directory to write {target.name} to")
    traced = trace(module, example_input, family, projection, lossless, calibrate)
    allowed = _check_allowed(allow_float, traced)
    lowered = lower(traced, f"binmorph {__version__}")
    _refuse_floats(lowered, allowed)
    removed = tuple(dict.fromkeys(where.path or where.op for where in lowered.removed))
    if lowered.graph is None:
        if strict:
            raise UnsupportedOpError(_refusal(lowered))
        layers = tuple(unsupported_layer(p.site, str(p)) for p in lowered.problems)
        return ExportReport(None, layers, hardened=traced.hardened, removed=removed)
    graph = simplified(lowered.graph) if simplify else lowered.graph
    images = _write_verified(traced, lowered, graph, target, verify)
    return ExportReport(
        str(target),
        describe_graph(graph),
        target.stat().st_size,
        traced.hardened,
        removed,
        images,
        (*traced.notes, *lowered.notes),
        lowered.closed_forms["channels"],
        lowered.closed_forms["apart"],
        traced.exactness,
    )
