"""PyTorch: networks as an fx graph of its functions, eager or compiled, without gradients."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from ... import ir
from ..contest import Absent, System
from ..networks import Floats

Array = npt.NDArray[np.float32]
Node = Any  # of torch.fx


class TorchOps:
    """Values are nodes of the graph; images are channels-last unless ``nchw``."""

    def __init__(self, nchw: bool = False) -> None:
        self._format = torch.contiguous_format if nchw else torch.channels_last
        self._root = torch.nn.Module()
        self._graph = torch.fx.Graph(self._root)
        self._input = self._graph.placeholder("x")

    def _constant(self, values: Any) -> Node:
        tensor = torch.from_numpy(np.ascontiguousarray(values))
        if tensor.ndim == 4:
            tensor = tensor.contiguous(memory_format=self._format)
        name = f"constant{len(dict(self._root.named_buffers()))}"
        self._root.register_buffer(name, tensor)
        return self._graph.get_attr(name)

    def _call(self, function: Any, *args: Any, flat: bool | None = None, **kwargs: Any) -> Node:
        """A call; its value is ``flat`` (no image), by default if the last node among its arguments is."""
        node = self._graph.call_function(function, args, kwargs)
        values = [arg for arg in args if isinstance(arg, torch.fx.Node) and arg.op != "get_attr"]
        node.meta["flat"] = values[-1].meta.get("flat", False) if flat is None else flat
        return node

    def input(self) -> Node:
        return self._input

    def conv(
        self, x: Node, weight: Floats, bias: Floats | None, stride: int, padding: int, pad_value: float = 0
    ) -> Node:
        if pad_value and padding:
            x, padding = self._call(functional.pad, x, (padding,) * 4, value=float(pad_value)), 0
        b = None if bias is None else self._constant(bias)
        return self._call(functional.conv2d, x, self._constant(weight), b, stride, padding)

    def linear(self, x: Node, weight: Floats, bias: Floats | None) -> Node:
        b = None if bias is None else self._constant(bias)
        return self._call(functional.linear, x, self._constant(weight), b)

    def affine(self, x: Node, scale: Floats, shift: Floats) -> Node:
        a, b = (self._constant(v[:, None, None]) for v in (scale, shift))
        return self._call(torch.addcmul, b, x, a)

    def relu(self, x: Node) -> Node:
        return self._call(functional.relu, x)

    def signs(self, x: Node, threshold: Floats) -> Node:
        limit = threshold if x.meta.get("flat") else threshold[:, None, None]
        return self._call(_signs, x, self._constant(limit))

    def max_pool(self, x: Node, kernel: int, stride: int, padding: int) -> Node:
        return self._call(functional.max_pool2d, x, kernel, stride, padding)

    def average_pool(self, x: Node, kernel: int) -> Node:
        return self._call(functional.avg_pool2d, x, kernel)

    def mean(self, x: Node) -> Node:
        return self._call(torch.mean, x, (2, 3), flat=True)

    def add(self, x: Node, y: Node) -> Node:
        return self._call(torch.add, x, y)

    def flatten(self, x: Node) -> Node:
        return self._call(torch.flatten, x, 1, flat=True)

    def bisel(self, x: Node, kernel: int, bise: ir.Neurons, lui: ir.Neurons) -> Node:
        """By the reference operator of :mod:`binmorph.nn`, over bits 0 and 1."""
        import binmorph.nn  # noqa: F401  (registers it)

        masks = [m.reshape(*m.shape[:2], kernel, kernel) for m in (bise.plus, bise.minus)]
        operands = (*masks, bise.threshold, bise.invert, lui.plus, lui.minus, lui.threshold, lui.invert)
        bits = self._call(torch.div, self._call(torch.add, x, 1.0), 2.0)
        constants = [self._constant(v) for v in operands]
        fired = self._call(torch.ops.binmorph.bisel, bits, *constants, "replicate")
        return self._call(torch.sub, self._call(torch.mul, fired, 2.0), 1.0)

    def system(self, name: str, output: Node, x: Array, threads: int, compiled: bool = False) -> System:
        """The network that ends in ``output`` on the images ``x``; see :func:`module_system`."""
        return module_system(name, self._module(output), x, threads, compiled, self._format)

    def cuda_system(self, name: str, output: Node, x: Array) -> System:
        """The network that ends in ``output`` on the first GPU; see :func:`cuda_module_system`."""
        return cuda_module_system(name, self._module(output), x)

    def _module(self, output: Node) -> torch.fx.GraphModule:
        self._graph.output(output)
        return torch.fx.GraphModule(self._root, self._graph).eval()


def module_system(
    name: str,
    module: Any,
    x: npt.NDArray[Any],
    threads: int,
    compiled: bool = False,
    memory_format: Any = torch.channels_last,
) -> System:
    """``module`` in evaluation mode on the images ``x``.

    Raises:
        Absent: it should be compiled, and there is no C++ compiler.
    """
    images = torch.from_numpy(x)
    settings = f"{threads} threads"
    if images.ndim == 4:
        images = images.contiguous(memory_format=memory_format)
        settings += ", channels-last" if memory_format is torch.channels_last else ", nchw"
    if compiled:
        if shutil.which("c++") is None and shutil.which("g++") is None:
            raise Absent("torch.compile needs a C++ compiler")
        module, settings = torch.compile(module), f"{settings}, torch.compile"

    def call() -> Any:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return module(images)

    return System(name, torch.__version__, call, lambda: call().numpy(), settings)


def cuda_module_system(name: str, module: Any, x: npt.NDArray[Any]) -> System:
    """``module`` by cuDNN and cuBLAS in float16, channels-last, from arrays of the host and back.

    Raises:
        Absent: torch finds no GPU.
    """
    if not torch.cuda.is_available():
        raise Absent("torch finds no GPU")
    torch.backends.cudnn.benchmark = True
    images = torch.from_numpy(x)
    last = torch.channels_last if images.ndim == 4 else torch.contiguous_format
    module = module.to("cuda", torch.float16)

    def call() -> Any:
        with torch.inference_mode():
            return module(images.to("cuda", torch.float16, memory_format=last)).float().cpu()

    settings = f"{torch.cuda.get_device_name()}, float16, cuDNN {torch.backends.cudnn.version()}, host arrays"
    return System(name, torch.__version__, call, lambda: call().numpy(), settings)


def _signs(x: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    return torch.where(x >= limit, 1.0, -1.0)
