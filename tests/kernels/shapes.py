"""The shapes that kernels are checked on: the CPU's here, the device's under emulation in tests/cuda."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

# Every tail of one and two words, and both sides of the widths where vectors begin and end.
WIDTHS = [
    *range(1, 131),
    *(191, 192, 193, 255, 256, 257, 319, 320, 321),
    *(511, 512, 513, 575, 576, 1023, 1024, 1025),
]
CHANNELS = [
    *range(1, 18),
    *(23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 79, 80, 100, 127, 128, 129, 192, 200),
]
"""Of elementwise programs."""
TAPS = [*range(1, 258), 1023, 1024, 1025, 4095, 4096, 4097]
"""Inputs of an output: every tail, and both sides of where counters and vectors end."""

Shape = dict[str, Any]
"""Arguments of a convolution: image (channels, height, width), out_channels, and what is not 1 or 0."""


def _drawn(seed: int, channels: int, height: int, outputs: int, lanes: list[int]) -> list[Shape]:
    """Sixty at random, groups of at most so many channels and outputs."""
    rng, shapes = np.random.default_rng(seed), []

    def draw(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    for _ in range(60):
        groups = draw(1, 4)
        kernel_size, dilation = (draw(1, 5), draw(1, 5)), (draw(1, 3), draw(1, 3))
        padding = tuple(rng.integers(0, 4, 4).tolist())
        window = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
        image = (
            groups * draw(1, channels),
            max(draw(1, height), window[0] - padding[0] - padding[1]),
            max(draw(1, 9), window[1] - padding[2] - padding[3]),
        )
        size = {"image": image, "out_channels": groups * int(rng.choice([draw(1, outputs), *lanes]))}
        steps = {"stride": (draw(1, 3), draw(1, 3)), "dilation": dilation, "padding": padding}
        shapes.append({**size, "kernel_size": kernel_size, "groups": groups, **steps, "classes": draw(1, 9)})
    return shapes


def _layer(
    image: tuple[int, int, int], outputs: int, kernel: int = 1, padding: int = 0, **more: Any
) -> Shape:
    around = (padding,) * 4
    return {"image": image, "out_channels": outputs, "kernel_size": (kernel,) * 2, "padding": around, **more}


def threshold_convolutions() -> dict[str, list[Shape]]:
    """Of bits: as dense layers, of odd channels, at random, and as networks have them (whole words, so that
    lanes go straight to the output)."""
    drawn = _drawn(5, 140, 9, 70, [16, 32, 64, 128])
    return {
        "dense": [_layer((k, 1, 1 + k % 3), 1 + k % 35) for k in TAPS],
        "channels": [_layer((c, 3, 4), 131 - c, 3, 1, pad_bit=bool(c % 2)) for c in range(1, 131)],
        "shapes": [{**shape, "pad_bit": bool(i % 2)} for i, shape in enumerate(drawn)],
        "networks": [
            _layer((64, 7, 9), 64, 3, 1, classes=9),
            _layer((128, 5, 7), 128, 3, 1, classes=9),
            _layer((256, 4, 4), 192, 3, 1, classes=9),
            _layer((512, 3, 3), 128, 3, 1, classes=9),
            _layer((64, 8, 8), 128, 3, 1, classes=9, stride=(2, 2)),
            _layer((256, 3, 5), 128),
            _layer((128, 5, 5), 128, 3, 1, classes=9, groups=2),
            _layer((64, 1, 1), 64, 3, 1, classes=9),
            _layer((32, 6, 6), 64, 5, 2, pad_bit=True),
        ],
    }


def sum_convolutions() -> dict[str, list[Shape]]:
    """Of numbers: at random, every tail of a block of lanes, and as networks have them."""
    return {
        "draws": _drawn(1, 9, 7, 40, [16, 64]),
        "widths": [_layer((1 + o % 4, 1 + o % 3, 1 + o % 7), o) for o in range(1, 150)],
        "networks": [
            _layer((3, 17, 19), 64, 7, 3, stride=(2, 2)),
            _layer((3, 8, 8), 64, 3, 1, classes=9),
            _layer((64, 4, 4), 128),
            _layer((70, 1, 1), 130),
            _layer((8, 4, 4), 256, 3, 1, groups=2),
            _layer((6, 4, 4), 6, 2, groups=6),
            *(_layer((c, 5, 4), c, 3, 1, groups=c) for c in (2, 7, 16, 40, 64, 67)),
        ],
        "taps": [_layer((k, 1, 1 + k % 3), 1 + k % 35) for k in TAPS],
    }


def pools(rng: np.random.Generator, most_padding: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Of numbers: (channels, height, width), kernel, stride and padding."""
    for channels in [*range(1, 36), 47, 48, 63, 64, 65, 130]:
        draw = lambda low, high: int(rng.integers(low, high + 1))  # noqa: E731
        kernel = draw(1, 4), draw(1, 4)
        padding = tuple(min(draw(0, k - 1), most_padding) for k in kernel)
        size = tuple(max(draw(1, 9), k - 2 * p) for k, p in zip(kernel, padding, strict=True))
        yield (channels, *size), kernel, (draw(1, 3), draw(1, 3)), padding
    yield (64, 7, 7), (7, 7), (1, 1), (0, 0)
