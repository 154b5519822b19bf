"""Coordinate descent over the taps of a hard network: what binarization took away, won back on the data.

A projection moves each neuron by itself and knows nothing of the task. Afterwards every tap of every
morphological operator is flipped once, kept where the score of the whole hard network on training data rises,
and so again until nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from torch import nn

from ..errors import BinmorphError
from ..exactness.projection import distance
from ..ir import Status
from .hardening import morphological_layers
from .neurons import Mode, ThresholdNeurons


def refine(module: nn.Module, score: Callable[[nn.Module], float], passes: int = 4) -> int:
    """Flip single taps of the dilations and erosions of a hard ``module`` in place while ``score`` rises.

    A dilation stays one (threshold 1), an erosion too (threshold |S|), and no S becomes empty; a move also
    exchanges the two. Neurons that are neither are left alone. Neurons that changed are APPROXIMATED from
    then on, at the distance of their weights from the new S. ``score`` evaluates the module, higher is
    better. Returns how many moves were kept.

    Raises BinmorphError if a layer is not in hard mode.
    """
    layers = list(morphological_layers(module))
    if any(layer.mode is not Mode.HARD for _, layer in layers):
        raise BinmorphError("refine: the network is not hard yet; call binmorph.nn.harden first")
    best, kept = score(module), 0
    for _ in range(passes):
        before = kept
        for _, layer in layers:
            for _, bank in layer.banks():
                for at, tap in _moves(bank):
                    undo = _apply(bank, at, tap)
                    if undo is None:
                        continue
                    reached = score(module)
                    if reached > best:
                        best, kept = reached, kept + 1
                        _mark(bank, at)
                    else:
                        undo()
        if kept == before:
            break
    return kept


def _moves(bank: ThresholdNeurons) -> Iterator[tuple[tuple[int, ...], int | None]]:
    """(neuron, tap) of every move; None stands for exchanging the operation."""
    for at in np.ndindex(*bank.shape):
        yield at, None
        for tap in range(bank.n):
            yield at, tap


def _apply(bank: ThresholdNeurons, at: tuple[int, ...], tap: int | None) -> Callable[[], None] | None:
    """Make one move and return the way back; None where it is no move."""
    plus, threshold = bank.plus[at].clone(), bank.threshold[at].clone()
    size, needed = int(plus.sum()), int(threshold)
    if bool(bank.minus[at].any()) or size == 0 or needed not in (1, size):
        return None
    if size == 1 and (tap is None or bool(plus[tap])):
        return None

    def undo() -> None:
        bank.plus[at], bank.threshold[at] = plus, threshold

    if tap is None:
        bank.threshold[at] = size if needed == 1 else 1
    else:
        bank.plus[at][tap] = ~plus[tap]
        # A single input is both operations, and grows into a dilation; the exchange finds the other.
        bank.threshold[at] = int(bank.plus[at].sum()) if needed == size > 1 else 1
    return undo


def _mark(bank: ThresholdNeurons, at: tuple[int, ...]) -> None:
    weight = bank.effective_parameters()[0][at].detach().double().cpu().numpy()
    bank.status[at], bank.margin[at] = int(Status.APPROXIMATED), float("nan")
    bank.distance[at] = float(distance(weight[None], bank.plus[at].cpu().numpy()[None])[0])
