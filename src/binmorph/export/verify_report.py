"""The result of a verification, and its two forms: a table and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LayerCheck:
    """One packed layer: ``values`` bits compared, ``mismatched_bits`` of them different, ``first`` the place
    of the first one as (image, channel, row, column), or (image, feature) for a flat layer."""

    name: str
    op: str
    values: int
    mismatched_bits: int
    first: tuple[int, ...] | None

    def __add__(self, later: LayerCheck) -> LayerCheck:
        first = self.first if self.first is not None else later.first
        bits = self.mismatched_bits + later.mismatched_bits
        return LayerCheck(self.name, self.op, self.values + later.values, bits, first)

    def place(self) -> str:
        """The first mismatch in words, or ""."""
        if self.first is None:
            return ""
        names = ("image", "channel", "row", "column") if len(self.first) == 4 else ("image", "feature")
        return ", ".join(f"{name} {index}" for name, index in zip(names, self.first, strict=True))


@dataclass(frozen=True)
class OutputCheck:
    """The float last layer. ``max_abs_difference`` and ``argmax_agreements`` are against torch, whose order
    of summation is its own; ``bit_equal_in_order`` is against the order that the file's graph states."""

    name: str
    max_abs_difference: float
    argmax_agreements: int
    images: int
    bit_equal_in_order: bool

    def __add__(self, later: OutputCheck) -> OutputCheck:
        return OutputCheck(
            self.name,
            max(self.max_abs_difference, later.max_abs_difference),
            self.argmax_agreements + later.argmax_agreements,
            self.images + later.images,
            self.bit_equal_in_order and later.bit_equal_in_order,
        )


@dataclass(frozen=True)
class VerifyReport:
    """The result of :func:`binmorph.verify`: ``layers`` are the packed ones, ``output`` the float last one,
    if any."""

    layers: tuple[LayerCheck, ...]
    output: OutputCheck | None
    images: int
    device: str
    isa: str

    @property
    def mismatched_bits(self) -> int:
        """Bits that differ, over all packed layers and images."""
        return sum(layer.mismatched_bits for layer in self.layers)

    @property
    def bits_compared(self) -> int:
        """Bits compared, over all packed layers and images."""
        return sum(layer.values for layer in self.layers)

    @property
    def equal(self) -> bool:
        """Whether every bit agrees, and the float output is the stated sum to the last bit."""
        return self.mismatched_bits == 0 and (self.output is None or self.output.bit_equal_in_order)

    @property
    def first_mismatch(self) -> str:
        """The earliest layer that differs and where, or ""."""
        wrong = [layer for layer in self.layers if layer.mismatched_bits]
        return f"layer {wrong[0].name!r}: {wrong[0].place()}" if wrong else ""

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, ready for ``json.dump``."""
        layers = {
            layer.name: {
                "op": layer.op,
                "bits": layer.values,
                "mismatched_bits": layer.mismatched_bits,
                "first_mismatch": None if layer.first is None else list(layer.first),
            }
            for layer in self.layers
        }
        output = None
        if self.output is not None:
            output = {
                "name": self.output.name,
                "max_abs_difference": self.output.max_abs_difference,
                "argmax_agreement": self.output.argmax_agreements / max(self.output.images, 1),
                "bit_equal_in_order": self.output.bit_equal_in_order,
            }
        return {
            "equal": self.equal,
            "mismatched_bits": self.mismatched_bits,
            "bits_compared": self.bits_compared,
            "images": self.images,
            "layers": layers,
            "output": output,
            "device": self.device,
            "isa": self.isa,
        }

    def __str__(self) -> str:
        width = max((len(layer.name) for layer in self.layers), default=0)
        lines = [
            f"{layer.name.ljust(width)}  {layer.mismatched_bits} of {layer.values} bits differ"
            + (f"; first at {layer.place()}" if layer.first is not None else "")
            for layer in self.layers
        ]
        if self.output is not None:
            order = "equal to the last bit" if self.output.bit_equal_in_order else "NOT equal"
            same = f"{self.output.argmax_agreements} of {self.output.images}"
            lines.append(
                f"{self.output.name} (float): {order} in the stated order; against torch at most "
                f"{self.output.max_abs_difference:.3g} apart, same argmax on {same}"
            )
        verdict = "EQUAL" if self.equal else "NOT EQUAL"
        lines.append(
            f"{verdict}: {self.mismatched_bits} of {self.bits_compared} bits differ on {self.images} inputs "
            f"({self.device}, {self.isa})"
        )
        return "\n".join(lines)
