"""The packed runtime: load a file, run it, look at its plan. Never imports torch."""

from __future__ import annotations

from .device import DeviceModel
from .model import Layer, PackedModel, load
from .plan import Plan, PlanStep

__all__ = ["DeviceModel", "Layer", "PackedModel", "Plan", "PlanStep", "load"]
