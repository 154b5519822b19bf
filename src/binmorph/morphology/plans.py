"""How elements are compiled, in words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ._apply import prepare
from ._arguments import Origin


def plan(structure: npt.ArrayLike, origin: Origin = 0, *, dilation: bool = False) -> str:
    """What an erosion (or dilation) by an element of one or two axes comes to, one step per line.

    ``b1 = b0[+0, -1] * b0[+0, +1]`` folds two reads of buffer 0 (the image), by row and column, with AND
    or OR. The first line says what it costs in reads and writes of a vector per vector of the result, and
    whether the element is folded column by column instead. ShapeError for more axes.
    """
    cells = np.asarray(structure)
    if not 1 <= cells.ndim <= 2:
        raise ShapeError(
            f"a plan is of one or two axes, not {cells.ndim}; an element of more is cut into planes"
        )
    operation = prepare(cells, cells.ndim, origin, None, 0, (dilation,))
    return operation.steps[0].element().describe()
