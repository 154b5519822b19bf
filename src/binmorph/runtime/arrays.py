"""Arrays in, the same kind of array out, without importing the library they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import ir
from ..errors import DTypeError, ShapeError

Array = npt.NDArray[Any]
_DTYPES = {name: np.dtype(name) for name in ("float32", "uint8")}


def _unchanged(y: Array) -> Array:
    return y


def to_numpy(x: Any) -> tuple[Array, Callable[[Array], Any]]:
    """``x`` as a numpy array (sharing memory where DLPack allows), and what converts results back."""
    if isinstance(x, np.ndarray):
        return x, _unchanged
    module = type(x).__module__.partition(".")[0]
    if module == "torch":
        import torch

        if x.device.type != "cpu":
            raise DTypeError(
                f"input: this model runs on the CPU, the tensor lies on {x.device}; call .cpu() first"
            )
        try:
            return x.detach().numpy(), torch.from_numpy
        except (TypeError, RuntimeError) as error:  # bfloat16, sparse, conjugated ...
            raise DTypeError(f"input: numpy cannot read this tensor ({error}); convert it first") from error
    if hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__"):
        if x.__dlpack_device__()[0] != 1:
            raise DTypeError(
                "input: this model runs on the CPU, the array lies on another device; copy it first"
            )
        try:
            return np.from_dlpack(x), _unchanged
        except (TypeError, RuntimeError, BufferError) as error:
            raise DTypeError(f"input: numpy cannot read this array ({error}); convert it first") from error
    try:
        return np.asarray(x), _unchanged
    except ValueError as error:  # nested lists of unequal lengths
        raise ShapeError(f"input: not an array ({error})") from error


def as_network_input(x: Array, spec: ir.InputSpec) -> Array:
    """``x`` [N, ...] in the dtype that the network reads, C-contiguous, aligned, in native byte order.

    Values never change.

    Raises:
        DTypeError: the dtype is not the network's, and not one that converts to it without changing a value.
        ShapeError: the shape is not (N, *spec.shape).
    """
    wanted = _DTYPES[spec.dtype]
    flags = x.flags
    if x.shape[1:] == spec.shape and x.dtype == wanted and flags.c_contiguous and flags.aligned:
        return x  # as it nearly always is
    if x.shape[1:] != spec.shape or x.ndim == 0:
        hint = "; add a batch axis: x[None]" if x.shape == spec.shape else ""
        raise ShapeError(
            f"input: got shape {x.shape}, expected (batch, {', '.join(map(str, spec.shape))}){hint}"
        )
    if x.dtype != wanted:
        exact = x.dtype in (np.dtype(np.bool_), np.dtype(np.uint8)) or x.dtype.newbyteorder("=") == wanted
        if not exact:
            raise DTypeError(
                f"input: got dtype {x.dtype}, this network reads {spec.dtype}; "
                f"convert it yourself, for example x.astype('{spec.dtype}')"
            )
        x = x.astype(wanted)
    return np.require(x, requirements=["C", "A"])
