"""The report of a run: one self-contained HTML page with plots (by matplotlib), or Markdown."""

from __future__ import annotations

from .markdown import markdown
from .page import html

__all__ = ["html", "markdown"]
