"""The ``.bmorph`` file: a safetensors container whose metadata holds the graph. Loading is validating.

save(graph, "net.bmorph")      atomic; returns the number of bytes written
graph = load("net.bmorph")     every rule of the format checked, the SHA-256 first
data = dumps(graph)            the same bytes in memory; same graph, same bytes
graph = loads(data)
"""

from __future__ import annotations

from .reader import load, loads
from .writer import dumps, save

__all__ = ["dumps", "load", "loads", "save"]
