"""Published DICE of learned operators, from the results of DGMM 2022 (Aouad & Talbot, "Binary Multi Channel
Morphological Neural Network", arXiv 2204.08768): (smooth, binarized)."""

from __future__ import annotations

ELEMENTS = ("disk", "stick", "cross")

_TABLE = {
    "disks": {
        "dilation": ((1, 1), (1, 1), (1, 1)),
        "erosion": ((1, 1), (1, 1), (1, 1)),
        "opening": ((1, 1), (1, 1), (1, 1)),
        "closing": ((1, 1), (0.923, 0.872), (1, 1)),
        "black tophat": ((1, 0.313), (1, 0.821), (1, 1)),
        "white tophat": ((0.822, 0.285), (0.969, 0.333), (0.812, 0.800)),
    },
    "mnist": {
        "dilation": ((1, 1), (1, 1), (1, 0.99996)),
        "erosion": ((0.999, 1), (1, 1), (1, 1)),
        "opening": ((1, 1), (1, 0.993), (0.9999, 0.988)),
        "closing": ((1, 1), (0.9999, 0.664), (1, 1)),
        "black tophat": ((0, 0), (0.375, 0), (0, 0)),
        "white tophat": ((0, 0.404), (0.0625, 0.320), (0.780, 0.646)),
    },
    "inverted mnist": {
        "dilation": ((1, 1), (1, 1), (1, 0.9997)),
        "erosion": ((1, 0.9959), (0.9993, 0.9991), (0.9999, 0.9999)),
        "opening": ((0.994, 0.934), (0.999, 0.982), (0.986, 0.904)),
        "closing": ((1, 1), (1.000, 0.908), (1, 0.999)),
        "black tophat": ((0.985, 0.762), (0.999, 0.290), (1, 0.260)),
        "white tophat": ((0, 0.116), (0.125, 0.141), (0.220, 0.214)),
    },
}


def dgmm(data: str, operator: str, element: str) -> tuple[float, float] | None:
    """The published pair, or None if there is none for this element."""
    if element not in ELEMENTS:
        return None
    smooth, binarized = _TABLE[data][operator][ELEMENTS.index(element)]
    return float(smooth), float(binarized)
