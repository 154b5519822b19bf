"""What a verification compares, by sort; each adds up over parts of a batch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerCheck:
    """One layer on the same input: ``values`` compared, ``mismatched`` of them different, ``first`` the place
    of the first one as (image, channel, row, column), or (image, feature) for a flat layer. ``kind`` is
    "bits" or "numbers"."""

    name: str
    op: str
    values: int
    mismatched: int
    first: tuple[int, ...] | None
    kind: str = "bits"

    def __add__(self, later: LayerCheck) -> LayerCheck:
        first = self.first if self.first is not None else later.first
        wrong = self.mismatched + later.mismatched
        return LayerCheck(self.name, self.op, self.values + later.values, wrong, first, self.kind)

    def place(self) -> str:
        """The first mismatch in words, or ""."""
        if self.first is None:
            return ""
        names = ("image", "channel", "row", "column") if len(self.first) == 4 else ("image", "feature")
        return ", ".join(f"{name} {index}" for name, index in zip(names, self.first, strict=True))


@dataclass(frozen=True)
class FloatCheck:
    """A float layer on the same input, whose sums torch adds up in an order of its own.

    ``share``: the largest difference as a fraction of what the roundings of both sums can make; up to 1 it is
    a matter of rounding.
    """

    name: str
    op: str
    values: int
    max_abs_difference: float
    share: float

    def __add__(self, later: FloatCheck) -> FloatCheck:
        gap, share = (
            max(a, b)
            for a, b in (
                (self.max_abs_difference, later.max_abs_difference),
                (self.share, later.share),
            )
        )
        return FloatCheck(self.name, self.op, self.values + later.values, gap, share)


@dataclass(frozen=True)
class ProbeCheck:
    """One layer by itself on inputs made against it (:mod:`binmorph.export.probes`).

    Attributes:
        images: such inputs; in ``targets`` windows of them the sum lies at a threshold or next to it.
        values, mismatched: compared and different; ``border`` of the different ones are targets whose window
            reads over the edge of the image.
    """

    name: str
    op: str
    images: int
    targets: int
    values: int
    mismatched: int
    border: int


@dataclass(frozen=True)
class EndToEnd:
    """The packed network beside torch left to itself, where float sums may turn bits over.

    Attributes:
        bits: compared; ``different`` of them differ, all in ``images`` images.
        first: those whose image had no earlier difference: their numbers differ by roundings alone.
        distance: the farthest of these from its threshold, relative to the largest number of its stream.
    """

    bits: int
    different: int
    images: int
    first: int
    distance: float

    def __add__(self, later: EndToEnd) -> EndToEnd:
        return EndToEnd(
            self.bits + later.bits,
            self.different + later.different,
            self.images + later.images,
            self.first + later.first,
            max(self.distance, later.distance),
        )


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
