"""The counts themselves."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

WORD = 64
ONCE = ("weight_bytes", "float_weight_bytes")  # move once per batch


@dataclass(frozen=True)
class Counts:
    """Work of a node or a network. Everything is a plain count.

    ``float_adds`` and ``float_muls`` are what the packed network still does in float32, of which
    ``float_macs_left`` belong to convolutions and dense layers (additions alone where the layer reads bits).
    ``float_macs``, ``float_weight_bytes`` and ``float_value_bytes`` are of the float twin: the same network
    with dense float32 weights. ``*_bytes`` are bytes of the file's weights and of dense values.

    ``ace`` is the arithmetic computation effort of Zhang et al. (PokeBNN, CVPR 2022): each multiply-add
    counts the bits of its weight times those of its activation, so a binary one counts 1, an int8 one 64, a
    float32 one 1024. ``elementwise_ace`` counts each elementwise multiplication or addition of a float32
    stream as such a multiply-add, which most papers leave out.
    """

    binary_macs: int = 0
    word_ops: int = 0
    popcounts: int = 0
    table_lookups: int = 0
    float_adds: int = 0
    float_muls: int = 0
    float_macs_left: int = 0
    int_macs: int = 0
    weight_bytes: int = 0
    value_bytes: int = 0
    float_macs: int = 0
    float_weight_bytes: int = 0
    float_value_bytes: int = 0
    ace: int = 0
    elementwise_ace: int = 0

    @property
    def bops(self) -> int:
        """Binary operations as Liu et al. (Bi-Real Net, ECCV 2018) and Bethge et al. count them: one per
        multiply-add."""
        return self.binary_macs

    @property
    def flops(self) -> int:
        """ "FLOPs" of the same papers: float (and here 8-bit) multiply-adds that are left, one each."""
        return self.float_macs_left + self.int_macs

    @property
    def operations(self) -> float:
        """The papers' sum: FLOPs + BOPs / 64."""
        return self.flops + self.bops / WORD

    def times(self, batch: int) -> Counts:
        """The counts of a batch of images: weights move once."""
        return Counts(*(getattr(self, f.name) * (1 if f.name in ONCE else batch) for f in fields(self)))

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def to_json(self) -> dict[str, Any]:
        """The fields and what follows from them."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**own, "bops": self.bops, "flops": self.flops, "operations": self.operations}
