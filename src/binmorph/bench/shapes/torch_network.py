"""Networks as torch functions, channels last, without gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

Floats = npt.NDArray[np.float32]
Step = Callable[[torch.Tensor], torch.Tensor]


class TorchNetwork:
    """Values are functions from the image to a tensor, each evaluated once per image."""

    def __init__(self, binary: bool) -> None:
        self._binary = binary
        self._kept: dict[int, torch.Tensor] = {}

    def compiled(self, output: Step, image: Floats, threads: int) -> Callable[[], npt.NDArray[np.float32]]:
        """A call that computes the scores of ``image``."""
        x = torch.from_numpy(image).contiguous(memory_format=torch.channels_last)

        def call() -> npt.NDArray[np.float32]:
            self._kept.clear()
            with torch.inference_mode():
                return output(x).numpy()

        return call

    def _once(self, step: Step) -> Step:
        def value(image: torch.Tensor) -> torch.Tensor:
            key = id(step)
            if key not in self._kept:
                self._kept[key] = step(image)
            return self._kept[key]

        return value

    def input(self) -> Step:
        return lambda image: image

    def conv(self, x: Step, weight: Floats, stride: int, padding: int) -> Step:
        w = torch.from_numpy(weight).contiguous(memory_format=torch.channels_last)
        return self._once(lambda image: functional.conv2d(x(image), w, stride=stride, padding=padding))

    def affine(self, x: Step, scale: Floats, shift: Floats) -> Step:
        a, b = (torch.from_numpy(v)[:, None, None] for v in (scale, shift))
        return self._once(lambda image: torch.addcmul(b, x(image), a))

    def relu(self, x: Step) -> Step:
        return self._once(lambda image: functional.relu(x(image)))

    def max_pool(self, x: Step) -> Step:
        return self._once(lambda image: functional.max_pool2d(x(image), 3, 2, 1))

    def average_pool(self, x: Step) -> Step:
        return self._once(lambda image: functional.avg_pool2d(x(image), 2))

    def add(self, x: Step, y: Step) -> Step:
        return self._once(lambda image: x(image) + y(image))

    def sign_conv(self, x: Step, threshold: Floats, weight: npt.NDArray[np.bool_], stride: int) -> Step:
        t = torch.from_numpy(threshold)[:, None, None]
        signs = torch.from_numpy(np.where(weight, np.float32(1), np.float32(-1)))
        w = signs.contiguous(memory_format=torch.channels_last)
        if not self._binary:
            return self._once(lambda image: functional.conv2d(functional.relu(x(image)), w, None, stride, 1))

        def binary(image: torch.Tensor) -> torch.Tensor:
            ones = torch.where(x(image) >= t, 1.0, -1.0)
            return functional.conv2d(functional.pad(ones, (1, 1, 1, 1), value=-1.0), w, stride=stride)

        return self._once(binary)

    def head(self, x: Step, weight: Floats, bias: Floats) -> Step:
        w, b = torch.from_numpy(weight), torch.from_numpy(bias)
        return lambda image: functional.linear(x(image).mean((2, 3)), w, b)
