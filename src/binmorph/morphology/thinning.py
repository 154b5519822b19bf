"""Thinning of images and skeletons of images and volumes, with scikit-image's results.

Each pass of thinning looks at the eight neighbours of 64 pixels (or a vector of them) at a time: the rules
are Boolean formulas on neighbour planes, not tables.
"""

from __future__ import annotations

import numpy as np

from .. import _core
from ..device_bits import DeviceBitArray
from ..errors import UnsupportedOpError
from . import _device
from ._packed import Image, Progress, Result, Words, check_dtype, deliver, source, to_words

_REPORT_EVERY = 16  # iterations between two calls of progress


def thin(
    image: Image, max_num_iter: int | None = None, *, threads: int = 1, progress: Progress | None = None
) -> Result:
    """Lines of one pixel instead of shapes, each still in one piece (Guo and Hall, CACM 32(3), 1989).

    As ``skimage.morphology.thin``: at most ``max_num_iter`` iterations (None or 0: until nothing changes) of
    two passes each. ``image`` is any two-dimensional array or a row-packed BitArray; what is not 0 is 1.
    ``progress`` is called now and then with the number of iterations so far.
    """
    values = image if isinstance(image, DeviceBitArray) else source(image)
    if len(values.shape) != 2:
        raise ValueError(f"thin takes two-dimensional images, not {len(values.shape)}D")
    return _thinned(values, "guo-hall", max_num_iter or 0, threads, progress)


def skeletonize(
    image: Image, *, method: str | None = None, threads: int = 1, progress: Progress | None = None
) -> Result:
    """The skeleton of an image or a volume, as ``skimage.morphology.skeletonize``.

    ``method`` "zhang" (after Zhang and Suen, CACM 27(3), 1984) takes two axes and is their default; "lee"
    (Lee, Kashyap and Chu, CVGIP 56(6), 1994) takes two or three, one thread, and has no kernel on a GPU.
    """
    if method not in {"zhang", "lee", None}:
        raise ValueError(f'skeletonize method should be either "lee" or "zhang", got {method}.')
    values = image if isinstance(image, DeviceBitArray) else source(image)
    ndim = len(values.shape)
    if ndim == 3 and method == "zhang":
        raise ValueError('skeletonize method "zhang" takes two-dimensional images; "lee" takes volumes')
    if ndim not in (2, 3):
        raise ValueError(f"skeletonize takes images of two or three dimensions, not {ndim}D")
    if ndim == 2 and method != "lee":
        return _thinned(values, "zhang-suen", 0, threads, progress)
    if isinstance(values, DeviceBitArray):
        raise UnsupportedOpError('skeletonize by method "lee" has no kernel on a GPU; pass bits.cpu()')
    check_dtype(values)
    shape = values.shape
    words: Words = np.array(to_words(values))
    planes, height, width = (1,) * (3 - ndim) + shape
    done, made = 0, _REPORT_EVERY
    while made == _REPORT_EVERY:
        limit = 0 if progress is None else _REPORT_EVERY
        made = _core.morphology.skeletonize(words, planes, height, width, limit)
        done += made
        if progress is None:
            break
        progress(done)
    return deliver(words, shape, None, not isinstance(values, np.ndarray))


def _thinned(values: Result, rule: str, limit: int, threads: int, progress: Progress | None) -> Result:
    if isinstance(values, DeviceBitArray):
        return _device.thin(values, rule, limit, progress)
    check_dtype(values)
    height, width = values.shape
    words: Words = np.array(to_words(values))
    done = 0
    while True:
        chunk = limit - done if limit else 0
        if progress is not None:
            chunk = min(chunk, _REPORT_EVERY) if limit else _REPORT_EVERY
        made = _core.morphology.thin(words, height, width, rule, chunk, threads)
        done += made
        if progress is not None:
            progress(done)
        if made < chunk or chunk == 0 or done == limit:
            return deliver(words, (height, width), None, not isinstance(values, np.ndarray))
