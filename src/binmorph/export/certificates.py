"""What is known of each neuron, read from the layer that owns it or, failing that, from its masks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from .. import ir
from ..errors import FormatError

Array = npt.NDArray[Any]


def smooth_layers(module: torch.nn.Module) -> tuple[str, ...]:
    """Paths of the morphological layers that are not in hard mode ("" is the module itself)."""
    from ..nn import Mode, morphological_layers

    return tuple(path for path, layer in morphological_layers(module) if layer.mode is not Mode.HARD)


def structural_status(plus: Array, minus: Array, threshold: Array) -> npt.NDArray[np.uint8]:
    """The status that the masks alone prove, uint8 [...]; masks are bool [..., n]."""
    n_plus, n_minus = plus.sum(-1, dtype=np.int64), minus.sum(-1, dtype=np.int64)
    # NOT x = 1 - x: the neuron counts literals, and fires from ``needed`` of them on.
    literals, needed = n_plus + n_minus, threshold + n_minus
    status = np.full(threshold.shape, ir.Status.POPCOUNT, np.uint8)
    both = (needed == 1) | (needed == literals)
    status[both] = ir.Status.LITERAL
    status[(needed == literals) & (n_minus == 0)] = ir.Status.EROSION
    status[(needed == 1) & (n_minus == 0)] = ir.Status.DILATION
    status[(needed <= 0) | (needed > literals)] = ir.Status.CONSTANT
    return status


def _bank(module: torch.nn.Module | None, role: str) -> Any:
    """The layer's own :class:`binmorph.nn.neurons.HardNeurons` for ``role`` "bise", "lui" or "dense", or
    None."""
    found = getattr(module, "lui" if role == "dense" else role, None)
    return found if all(hasattr(found, name) for name in ir.Neurons.FIELDS) else None


def _spread(values: Array, shape: tuple[int, ...]) -> tuple[Array, Array] | None:
    """(where, what): the bank's ``values`` laid over neurons of ``shape``, or None if they do not correspond.

    A BiSE layer [O, C] runs as a BiSEL of O * C outputs that each look at their own channel.
    """
    if values.shape == shape:
        return np.ones(shape, bool), values
    if values.ndim == 2 and shape == (values.size, values.shape[1]):
        own = np.tile(np.eye(values.shape[1], dtype=bool), (values.shape[0], 1))
        what = np.zeros(shape, values.dtype)
        what[own] = values.reshape(-1)
        return own, what
    return None


def neurons(
    module: torch.nn.Module | None, role: str, plus: Array, minus: Array, threshold: Array, invert: Array
) -> ir.Neurons:
    """The IR neurons of one operator call.

    Arguments:
        module: the layer that made the call, which carries the certificate; None if unknown.
        role: "bise", "lui" or "dense".
        plus, minus: bool [..., n]; threshold: integer [...]; invert: bool [...].

    Raises:
        FormatError: the masks or thresholds break a rule of :class:`binmorph.ir.Neurons`.
    """
    if (
        plus.dtype != np.bool_
        or minus.dtype != np.bool_
        or threshold.dtype.kind != "i"
        or invert.dtype != np.bool_
    ):
        raise FormatError(
            "masks and inversions must be bool and thresholds integers, got "
            f"{plus.dtype}, {minus.dtype}, {invert.dtype} and {threshold.dtype}"
        )
    # Clipping to the two constants changes no output and keeps every threshold in the range of the format.
    low, high = -minus.sum(-1, dtype=np.int64), plus.sum(-1, dtype=np.int64) + 1
    clipped = np.clip(threshold, low, high).astype(np.int32)
    status = structural_status(plus, minus, clipped)
    margin, distance = np.full(status.shape, 0.5), np.zeros(status.shape)
    bank = _bank(module, role)
    if bank is not None:
        for target, name in ((status, "status"), (margin, "margin"), (distance, "distance")):
            laid = _spread(getattr(bank, name).detach().cpu().numpy(), status.shape)
            if laid is not None:
                np.copyto(target, laid[1].astype(target.dtype), where=laid[0])
    return ir.Neurons(plus, minus, clipped, invert, status, margin, distance)


def realised(module: torch.nn.Module | None, found: ir.Neurons) -> ir.Neurons:
    """``found`` [O] with the statuses that ``module``, from :func:`binmorph.nn.lossless`, states for neurons
    that were no counts: LOSSLESS, or CALIBRATED with its error bound as the distance."""
    statuses, bound = getattr(module, "statuses", None), getattr(module, "bound", None)
    if not isinstance(statuses, torch.Tensor) or not isinstance(bound, torch.Tensor):
        return found
    stated = statuses.cpu().numpy()
    if stated.shape != found.shape:
        return found
    rows = (stated == ir.Status.CALIBRATED) | (
        (stated == ir.Status.LOSSLESS) & (found.status == ir.Status.POPCOUNT)
    )
    status = np.where(rows, stated, found.status).astype(np.uint8)
    tried = status == ir.Status.CALIBRATED
    return replace(
        found,
        status=status,
        margin=np.where(tried, np.nan, found.margin),
        distance=np.where(tried, bound.cpu().numpy(), found.distance),
    )
