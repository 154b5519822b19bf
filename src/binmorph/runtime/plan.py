"""What runs where: the printable plan of a loaded model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class PlanStep:
    """One node in one layout: the kernels that run, the bytes its values take, its estimated cost.

    ``fused`` names the elementwise nodes that run with it, tile by tile. ``op`` is the node's, or "repack"
    where a value changes between rows of pixels and rows of channels ("load" for the network's input).

    ``offset`` is the (first) value's place in the arena in bytes; ``cost`` counts vector operations, for one
    image (row-packed) or a block. ``rivals`` names the kernels that would compute the same and were estimated
    to take longer on the plan's threads, with the step's cost and what they would take longer.
    """

    node: str
    fused: tuple[str, ...]
    op: str
    output: tuple[int, ...]
    kernels: tuple[str, ...]
    bytes: int
    offset: int
    scratch_bytes: int
    cost: float
    rivals: tuple[tuple[str, float], ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """Every node that runs in the step; none where a value only changes its layout."""
        return () if self.op in ("repack", "load") else (self.node, *self.fused)

    @property
    def key(self) -> str:
        """The step's name in a profile, "node: kernels" or "node: load"; empty where there is no work."""
        work = ", ".join(self.kernels) or ("load" if self.op == "load" else "")
        return f"{self.node}: {work}" if work else ""


@dataclass(frozen=True)
class LayoutPlan:
    """All steps for one layout; a unit is a block of images (batch-sliced), or one image, up to
    ``images_per_unit`` where dense layers gain by taking several (row-packed).
    """

    layout: str
    images_per_unit: int
    arena_bytes: int
    steps: tuple[PlanStep, ...]

    @property
    def cost_per_image(self) -> float:
        """Estimated vector operations for an image of a full unit."""
        images = self.images_per_unit if self.layout == "batch-sliced" else 1
        return sum(step.cost for step in self.steps) / images


@dataclass(frozen=True)
class Plan:
    """The plan of a model: one entry per layout it may use. ``str(plan)`` is a table."""

    isa: str
    threads: int
    layouts: tuple[LayoutPlan, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists, ready for ``json.dump``."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"isa {self.isa}, {self.threads} thread{'s' if self.threads > 1 else ''}"]
        for layout in self.layouts:
            lines.append("")
            unit = "image" if layout.images_per_unit == 1 else f"{layout.images_per_unit} images"
            lines.append(
                f"{layout.layout}, by {unit}, arena {layout.arena_bytes:,} bytes,"
                f" {layout.cost_per_image:,.0f} vops an image"
            )
            width = max(len(step.node) for step in layout.steps)
            for step in layout.steps:
                shape = "x".join(map(str, step.output))
                kernels = ", ".join(step.kernels) or "(no work: same memory)"
                kernels += f"  (+ {', '.join(step.fused)})" if step.fused else ""
                kernels += "".join(f"; not {name}: {cost:,.0f}" for name, cost in step.rivals)
                lines.append(
                    f"  {step.node:<{width}}  {step.op:<16}  {shape:>12}  {step.bytes:>9,} B"
                    f"  {step.cost:>12,.0f} vops  {kernels}"
                )
        return "\n".join(lines)
