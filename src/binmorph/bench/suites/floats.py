"""Float layers of binary networks: our kernel of a stated order of summation beside torch (oneDNN).

Channels-last images on both sides, where they lie; ours includes the copy that adds the padding. Results are
compared within rounding before anything is timed: the library's order of summation is its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

import binmorph
from binmorph import _core

from ..case import Case, System

# Input channels, outputs, size, kernel, stride.
LAYERS = {
    "stem of ResNet-18": (3, 64, 224, 7, 2),
    "stem for CIFAR": (3, 64, 32, 3, 1),
    "1x1 64->128 @28": (64, 128, 28, 1, 1),
    "1x1 256->512 @7": (256, 512, 7, 1, 1),
    "3x3 64->64 @56": (64, 64, 56, 3, 1),
    "linear 512->1000": (512, 1000, 1, 1, 1),
}


def _kernel() -> str:
    return [name for op, name, _, runs in _core.kernels.list_kernels() if op == "conv2d_f32" and runs][-1]


def _case(name: str, channels: int, outputs: int, size: int, kernel: int, stride: int) -> Case:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((1, channels, size, size), generator=generator).to(memory_format=torch.channels_last)
    weight = torch.randn((outputs, channels, kernel, kernel), generator=generator)
    bias, pad = torch.randn(outputs, generator=generator), kernel // 2
    conv = _core.kernels.FloatConv2d(
        _kernel(),
        weight.numpy(),
        bias.numpy(),
        (channels, size, size),
        outputs,
        (kernel, kernel),
        stride=(stride, stride),
        padding=(pad,) * 4,
    )
    image = np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy())
    extended = conv.extend(image)
    out = conv.run(extended)
    filters = weight.to(memory_format=torch.channels_last)

    def ours() -> object:
        return conv.run(conv.extend(image, extended) if pad else image, out)

    def library() -> torch.Tensor:
        with torch.inference_mode():
            if size == 1:
                return torch.nn.functional.linear(x.flatten(1), weight.flatten(1), bias)
            return torch.nn.functional.conv2d(x, filters, bias, stride, pad)

    expected = library().reshape(outputs, -1).T.numpy()
    if not np.allclose(out.reshape(expected.shape), expected, rtol=1e-3, atol=1e-3):
        raise AssertionError(f"{name}: our sums are not those of torch")
    systems = (
        System("binmorph", f"{binmorph.__version__} {_kernel()}", ours),
        System("torch", torch.__version__, library),
    )
    return Case(name, systems, "torch")


def cases(threads: int) -> Iterator[Case]:
    """Each layer; the kernels run on one thread, so others are refused."""
    if threads != 1:
        raise ValueError("this suite times kernels, which run on one thread")
    torch.set_num_threads(1)
    for name, shape in LAYERS.items():
        yield _case(name, *shape)
