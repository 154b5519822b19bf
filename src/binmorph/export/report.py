"""What an export did, layer by layer: packed or float, how exactly, how many bits, and why not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .. import ir
from ..summary import LayerReport, table
from .match import Site

if TYPE_CHECKING:
    from ..nn.lossless_report import LosslessReport


@dataclass(frozen=True)
class ExportReport:
    """The result of :func:`binmorph.export`.

    Attributes:
        path: the file written, or None (``strict=False`` and something could not be packed).
        layers: one :class:`LayerReport` per layer, unsupported ones included.
        file_bytes: size of the file; 0 if none was written.
        hardened: smooth layers that were hardened on a copy.
        removed: layers without effect at inference (dropout ...).
        verified: images compared bit for bit before publishing; 0 with ``verify=False``.
        closed_forms, closed_forms_apart: thresholds behind a batch normalisation alone, found by evaluating
            torch, that were also derived; those where the derivation gave another (torch decides).
        notes: what else deserves to be known, for example latent weights that are exactly 0.
        exactness: with ``lossless`` or ``calibrate`` the forms that stand in for neurons that were no counts,
            and what they cost in bits and time beside the nearest counts.
    """

    path: str | None
    layers: tuple[LayerReport, ...]
    file_bytes: int = 0
    hardened: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    verified: int = 0
    notes: tuple[str, ...] = ()
    closed_forms: int = 0
    closed_forms_apart: int = 0
    exactness: LosslessReport | None = None

    @property
    def statuses(self) -> dict[str, int]:
        """Neurons per status over all layers."""
        names = [s.name.lower() for s in ir.Status]
        total = {n: sum(layer.statuses.get(n, 0) for layer in self.layers) for n in names}
        return {n: c for n, c in total.items() if c}

    @property
    def packed_bits(self) -> int:
        """Bits of all packed layers."""
        return sum(layer.bits for layer in self.layers if layer.packed)

    @property
    def coverage(self) -> dict[str, float]:
        """Shares in [0, 1] of the multiplications ("macs") and of the float network's weight bytes ("bytes")
        that layers with packed weights stand for; 1 where there are none."""
        shares = {}
        for what, name in (("macs", "macs"), ("bytes", "float_bytes")):
            total = sum(getattr(layer, name) for layer in self.layers)
            packed = sum(getattr(layer, name) for layer in self.layers if layer.packed)
            shares[what] = packed / total if total else 1.0
        return shares

    @property
    def unsupported(self) -> tuple[LayerReport, ...]:
        """Layers that could not be lowered at all."""
        return tuple(layer for layer in self.layers if layer.op.startswith("unsupported"))

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, ready for ``json.dump``."""
        result = {**asdict(self), "layers": [layer.to_json() for layer in self.layers]}
        totals = {
            "packed_bits": self.packed_bits,
            "packed_bytes": sum(layer.bytes for layer in self.layers if layer.packed),
            "float_layer_bytes": sum(layer.bytes for layer in self.layers if not layer.packed),
            "unpacked_float_bytes": sum(layer.float_bytes for layer in self.layers),
            "statuses": self.statuses,
            "coverage": self.coverage,
        }
        return {**result, "totals": totals}

    def __str__(self) -> str:
        lines = [table([layer for layer in self.layers if layer not in self.unsupported])]
        lines += [f"cannot be packed: {layer.why}" for layer in self.unsupported]
        for title, names in (("hardened on a copy", self.hardened), ("removed, no effect", self.removed)):
            if names:
                lines.append(f"{title}: {', '.join(names)}")
        lines += str(self.exactness).splitlines() if self.exactness is not None else []
        lines += [f"note: {note}" for note in self.notes]
        if self.closed_forms:
            lines.append(
                f"{self.closed_forms} thresholds behind batch normalisation: found by evaluation, "
                f"{self.closed_forms - self.closed_forms_apart} equal to their closed form"
            )
        packed = sum(layer.bytes for layer in self.layers if layer.packed)
        unpacked = sum(layer.bytes for layer in self.layers if not layer.packed)
        lines.append(
            f"weights: {packed} bytes packed + {unpacked} bytes float; "
            f"{sum(layer.float_bytes for layer in self.layers)} bytes before, in float32"
        )
        if not self.unsupported:
            share = self.coverage
            lines.append(f"packed: {share['macs']:.1%} of the MACs, {share['bytes']:.1%} of the weight bytes")
            floats = ", ".join(layer.name for layer in self.layers if not layer.packed)
            lines += [f"float: {floats}"] if floats else []
        if self.path is None:
            lines.append(f"no file was written: {len(self.unsupported)} layer(s) cannot be packed")
        else:
            checked = f"verified bit for bit on {self.verified} inputs" if self.verified else "NOT verified"
            lines.append(f"file: {self.path}, {self.file_bytes} bytes, {checked}")
        return "\n".join(lines)


def unsupported_layer(where: Site, why: str) -> LayerReport:
    """The report of a layer that cannot be lowered."""
    return LayerReport(where.path or "(the network itself)", f"unsupported {where.op}", False, why)
