"""Every figure of the page that a run has the data for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..record import RunRecord
from .accuracy import accuracy_figure
from .latency import latency_figures
from .roofline import roofline_figures
from .shares import share_figure, step_figures
from .style import Figure, plotting

__all__ = ["Figure", "all_figures"]


def all_figures(run: RunRecord) -> list[Figure]:
    """In the order of the page."""
    makers: tuple[Callable[[RunRecord], Iterator[Figure]], ...] = (
        latency_figures,
        roofline_figures,
        share_figure,
        step_figures,
        accuracy_figure,
    )
    with plotting():
        return [figure for make in makers for figure in make(run)]
