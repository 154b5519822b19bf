"""Networks of logic gates as torchlogix (the fork of difflogic without CUDA) compiles them: C on words of 64
images, one image per bit."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from typing import Any

import numpy as np
import numpy.typing as npt

from ..contest import Absent, System

Array = npt.NDArray[Any]
WORD = 64
OPERATIONS = 16  # numbered by their results: the highest of four bits for (0, 0), the lowest for (1, 1)


def compiled(layers: Sequence[tuple[Array, Array, Array]], inputs: int, classes: int) -> Callable[..., Any]:
    """Layers of gates over two numbered values each, with the number of its operation per gate, and a count
    per class of the last. Raises Absent for a version with another interface."""
    torch = importlib.import_module("torch")
    parts = importlib.import_module("torchlogix.layers")
    try:
        network = importlib.import_module("torchlogix.compiled_model").CompiledLogicNet
    except ModuleNotFoundError as error:
        raise Absent("torchlogix 0.1 is needed: later versions compile by another interface") from error
    modules = []
    for first, second, operation in layers:
        layer = parts.LogicDense(inputs, len(first))
        layer.connections.indices = torch.tensor(np.stack([first, second]))
        chosen = torch.nn.functional.one_hot(torch.tensor(operation), OPERATIONS)
        layer.weight = torch.nn.Parameter(chosen.float())
        modules.append(layer)
        inputs = len(first)
    model = torch.nn.Sequential(*modules, parts.GroupSum(classes))
    made = network(model, (modules[0].in_dim,), num_bits=WORD)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints how long that took
        made.compile(opt_level=3)
    return partial(made.forward, verbose=False)


def system(network: Callable[..., Any], images: Array) -> System:
    """A compiled network on booleans [N, inputs]; it packs them itself.

    Raises:
        Absent: N is no multiple of 64; version 0.1.1 reads past the end of such a batch.
    """
    if len(images) % WORD:
        raise Absent(f"takes batches of multiples of {WORD} images")

    def call() -> Any:
        return network(images)

    found = metadata.version("torchlogix")
    return System("torchlogix", found, call, lambda: call().numpy(), "gcc -O3, 1 thread, booleans in")
