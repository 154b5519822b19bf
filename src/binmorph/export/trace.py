"""Torch module to a flat graph of aten and binmorph operators, by ``torch.export``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from ..errors import BinmorphError, DTypeError, ShapeError, UnsupportedOpError

if TYPE_CHECKING:  # imported where it is used: the layers import much of torch
    from ..nn.lossless_report import LosslessReport

Method: TypeAlias = "str | Mapping[str, str]"
DTYPES = {torch.float32: "float32", torch.uint8: "uint8", torch.bool: "uint8"}


@dataclass(frozen=True)
class Traced:
    """A traced network.

    Attributes:
        module: the hard network that was traced (a copy, if layers had to be hardened).
        program: the ``torch.export.ExportedProgram``, batch dynamic.
        example: the example input, [N, C, H, W] or [N, K], float32 or uint8.
        hardened: module paths of the smooth morphological layers that were hardened on the copy.
        notes: what hardening approximated, how, and how far it moved.
        exactness: what was replaced by exact or calibrated forms; None if nothing was asked for.
    """

    module: torch.nn.Module
    program: torch.export.ExportedProgram
    example: torch.Tensor
    hardened: tuple[str, ...]
    notes: tuple[str, ...] = ()
    exactness: LosslessReport | None = None


def as_input(value: Any, what: str = "example input") -> torch.Tensor:
    """A tensor or array as the [N, ...] input of a network.

    Raises:
        DTypeError: it is neither float32 nor uint8 (bool is taken as uint8).
        ShapeError: it is not [N, C, H, W] or [N, K] with at least one image.
    """
    if not isinstance(value, (torch.Tensor, np.ndarray)):
        raise DTypeError(f"{what}: expected a torch tensor or a numpy array, got {type(value).__name__}")
    tensor = torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value.detach().cpu()
    if tensor.dtype not in DTYPES:
        raise DTypeError(f"{what}: expected float32 or uint8, got {tensor.dtype}; convert it first")
    if tensor.ndim not in (2, 4) or tensor.shape[0] < 1 or tensor.numel() == 0:
        raise ShapeError(
            f"{what}: expected (batch, channels, height, width) or (batch, features), "
            f"got {tuple(tensor.shape)}"
        )
    return tensor.to(torch.uint8) if tensor.dtype == torch.bool else tensor


def require_eval(module: torch.nn.Module) -> None:
    """Raise a BinmorphError that names the modules still in training mode."""
    training = [name or "(the network itself)" for name, m in module.named_modules() if m.training]
    if training:
        shown = ", ".join(training[:5]) + (" ..." if len(training) > 5 else "")
        raise BinmorphError(
            f"the network is in training mode ({shown}); call module.eval() before exporting it"
        )


def harden(
    module: torch.nn.Module, family: Method, projection: Method
) -> tuple[torch.nn.Module, tuple[str, ...], tuple[str, ...]]:
    """The hard network, the paths of the layers that had to be hardened, and what was approximated; the
    argument is left as it was."""
    from .certificates import smooth_layers

    smooth = smooth_layers(module)
    if not smooth:
        return module, (), ()
    from .. import nn
    from ..nn.hardening import methods_by_layer

    twin = copy.deepcopy(module)
    layers = dict(nn.morphological_layers(twin))
    families = methods_by_layer(family, layers, "family")
    projections = methods_by_layer(projection, layers, "projection")
    notes = []
    for path in smooth:  # layers that are hard already keep their state
        for bank in nn.harden(layers[path], families[path], projections[path]).banks:
            if bank.method:
                count, name = bank.statuses["APPROXIMATED"], ".".join(filter(None, (path, bank.name)))
                moved = f"moved {bank.distance:.3g} on average"
                notes.append(f"{name}: {count} neurons approximated ({bank.method}), {moved}")
    return twin, smooth, tuple(notes)


def trace(
    module: torch.nn.Module,
    example_input: Any,
    family: Method = "popcount",
    projection: Method = "constant",
    lossless: bool = False,
    calibrate: Any = None,
) -> Traced:
    """Harden (on a copy, if needed) and trace ``module``; the batch dimension stays free. ``lossless`` or
    ``calibrate`` replaces layers first whose neurons are no counts (:func:`binmorph.nn.lossless`).

    Raises:
        BinmorphError: the module is in training mode.
        UnsupportedOpError: torch.export cannot follow the forward pass.
        DTypeError, ShapeError: the example input does not fit.
    """
    if not isinstance(module, torch.nn.Module):
        raise DTypeError(f"module: expected a torch.nn.Module, got {type(module).__name__}")
    require_eval(module)
    example = as_input(example_input)
    exactness: LosslessReport | None = None
    if lossless or calibrate is not None:
        from .. import nn

        data = None if calibrate is None else as_input(calibrate, "calibration images")
        module, exactness = nn.lossless(module, example, data)
    hard, hardened, notes = harden(module, family, projection)
    hard.eval()
    # A batch of one would be traced as the constant 1, so the example is shown twice.
    shown = torch.cat([example, example]) if example.shape[0] == 1 else example
    batch = torch.export.Dim("batch", min=1)
    try:
        with torch.no_grad():
            program = torch.export.export(hard, (shown,), dynamic_shapes=({0: batch},))
    except Exception as error:  # torch.export raises many private types
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0] if lines else type(error).__name__
        raise UnsupportedOpError(
            f"torch.export could not trace {type(module).__name__} with a free batch size: {reason}. Nearest "
            "supported form: a forward() without Python control flow on tensor values or on the batch size"
        ) from error
    return Traced(hard, program, example, hardened, notes, exactness)
