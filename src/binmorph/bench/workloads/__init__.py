"""Kinds of work, by the name that suites use for them.

Each is a dataclass whose fields are those of its entry in a suite, with a method ``case(batch, threads)``
that makes the data, the reference and the systems.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..contest import Case


class Workload(Protocol):
    """One piece of work."""

    def case(self, batch: int, threads: int) -> Case: ...


def kinds() -> dict[str, type[Any]]:
    """All kinds by name."""
    from .binary_layers import BinaryConv2d, BinaryDense
    from .float_layers import FloatConv2d
    from .image_stack import ImageStack
    from .logic_network import LogicNetwork
    from .morphological_layers import BiselLayer, MaskedDense
    from .morphology import MorphologyOperation
    from .network import NetworkWork
    from .packing import Packing
    from .sparse_layers import SparseConv2d

    return {
        "binary_conv2d": BinaryConv2d,
        "binary_dense": BinaryDense,
        "float_conv2d": FloatConv2d,
        "bisel_layer": BiselLayer,
        "masked_dense": MaskedDense,
        "sparse_conv2d": SparseConv2d,
        "network": NetworkWork,
        "logic_network": LogicNetwork,
        "morphology": MorphologyOperation,
        "image_stack": ImageStack,
        "packing": Packing,
    }
