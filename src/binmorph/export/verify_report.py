"""The result of a verification, and its two forms: a table and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import Any

from .checks import EndToEnd, FloatCheck, LayerCheck, OutputCheck, ProbeCheck


@dataclass(frozen=True)
class VerifyReport:
    """The result of :func:`binmorph.verify`: ``layers`` are the packed ones and the streams between them,
    ``floats`` the layers of float sums, ``output`` the float output, if any, ``end_to_end`` the
    comparison with torch's own float sums, if there are any, and ``probes`` the layers by themselves on
    inputs made against them."""

    layers: tuple[LayerCheck, ...]
    output: OutputCheck | None
    images: int
    device: str
    isa: str
    floats: tuple[FloatCheck, ...] = ()
    end_to_end: EndToEnd | None = None
    probes: tuple[ProbeCheck, ...] = ()

    @property
    def mismatched_bits(self) -> int:
        """Bits that differ, over all packed layers and images."""
        return sum(layer.mismatched for layer in self.layers if layer.kind == "bits")

    @property
    def bits_compared(self) -> int:
        """Bits compared, over all packed layers and images."""
        return sum(layer.values for layer in self.layers if layer.kind == "bits")

    @property
    def mismatched_numbers(self) -> int:
        """Numbers of streams that differ, over all layers and images."""
        return sum(layer.mismatched for layer in self.layers if layer.kind == "numbers")

    @property
    def numbers_compared(self) -> int:
        """Numbers of streams compared, over all layers and images."""
        return sum(layer.values for layer in self.layers if layer.kind == "numbers")

    @property
    def equal(self) -> bool:
        """Whether every bit and every number of a stream agrees on the same input, the probes included, float
        sums lie within their roundings, and the float output is the stated sum to the last bit."""
        return (
            all(layer.mismatched == 0 for layer in self.layers)
            and all(check.share <= 1 for check in self.floats)
            and all(probe.mismatched == 0 for probe in self.probes)
            and (self.output is None or self.output.bit_equal_in_order)
        )

    @property
    def first_mismatch(self) -> str:
        """The earliest layer that differs and where, or ""."""
        wrong = [layer for layer in self.layers if layer.mismatched]
        return f"layer {wrong[0].name!r}: {wrong[0].place()}" if wrong else ""

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, ready for ``json.dump``."""
        layers = {
            layer.name: {
                "op": layer.op,
                layer.kind: layer.values,
                f"mismatched_{layer.kind}": layer.mismatched,
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
            "mismatched_numbers": self.mismatched_numbers,
            "numbers_compared": self.numbers_compared,
            "images": self.images,
            "layers": layers,
            "float_layers": [asdict(check) for check in self.floats],
            "probes": [asdict(probe) for probe in self.probes],
            "end_to_end": None if self.end_to_end is None else asdict(self.end_to_end),
            "output": output,
            "device": self.device,
            "isa": self.isa,
        }

    def __str__(self) -> str:
        names = [layer.name for layer in self.layers] + [check.name for check in self.floats]
        width = max(map(len, names), default=0)
        lines = [
            f"{layer.name.ljust(width)}  {layer.mismatched} of {layer.values} {layer.kind} differ"
            + (f"; first at {layer.place()}" if layer.first is not None else "")
            for layer in self.layers
        ]
        lines += [
            f"{check.name.ljust(width)}  float sums at most {check.max_abs_difference:.3g} apart, "
            f"{check.share:.3g} of what roundings can make"
            for check in self.floats
        ]
        if self.output is not None:
            order = "equal to the last bit" if self.output.bit_equal_in_order else "NOT equal"
            same = f"{self.output.argmax_agreements} of {self.output.images}"
            lines.append(
                f"{self.output.name} (float): {order} in the stated order; against torch at most "
                f"{self.output.max_abs_difference:.3g} apart, same argmax on {same}"
            )
        apart = self.end_to_end
        if apart is not None:
            distance = f"; the first of each within {apart.distance:.1e} of their thresholds"
            lines.append(
                f"end to end, beside torch's own float sums: {apart.different} of {apart.bits} bits differ, "
                f"in {apart.images} of {self.images} images{distance * bool(apart.first)}"
            )
        lines += [
            f"{p.name.ljust(width)}  by itself: {p.mismatched} of {p.values} differ, {p.border} of them at "
            "the border"
            for p in self.probes
            if p.mismatched
        ]
        if self.probes:
            targets, values = sum(p.targets for p in self.probes), sum(p.values for p in self.probes)
            lines.append(
                f"{len(self.probes)} layers by themselves, {targets} sums at their thresholds or next to "
                f"these: {sum(p.mismatched for p in self.probes)} of {values} values differ"
            )
        verdict = "EQUAL" if self.equal else "NOT EQUAL"
        streams = ""
        if self.numbers_compared:
            streams = f", {self.mismatched_numbers} of {self.numbers_compared} numbers"
        lines.append(
            f"{verdict}: {self.mismatched_bits} of {self.bits_compared} bits{streams} differ on "
            f"{self.images} inputs ({self.device}, {self.isa})"
        )
        return "\n".join(lines)


def merged(parts: Sequence[VerifyReport]) -> VerifyReport:
    """The report of all images from those of some of them each."""
    first = parts[0]

    def added(values: Sequence[Any]) -> Any:
        present = [v for v in values if v is not None]
        return reduce(add, present) if present else None

    return VerifyReport(
        tuple(added(column) for column in zip(*(p.layers for p in parts), strict=True)),
        added([p.output for p in parts]),
        sum(p.images for p in parts),
        first.device,
        first.isa,
        tuple(added(column) for column in zip(*(p.floats for p in parts), strict=True)),
        added([p.end_to_end for p in parts]),
    )
