"""Layers whose neurons are no counts, replaced by ones that decide every input alike: the cheapest that do.

For windows of up to 16 inputs there are two exact forms, proved on all 2^n inputs: the truth table, and the
smallest integer weights that realise the same threshold function, as bit planes
(:mod:`binmorph.nn.integer_layers`). The one of fewer operations on words is taken, by :mod:`binmorph.cost`:
tables where many pixels share a word, integer weights for dense layers. Layers of more inputs can be
calibrated: integer weights of few bits, with an error bound, and every decision on given images tried.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..exactness.integer_weights import LIMIT
from ..ir import Status
from .hardening import binarized_bank, morphological_layers, set_mode
from .integer_layers import Fire, Part, Shape, TruthTables, repeated, unary
from .layers import LUI, BiSEL, DenseLUI, MorphologicalLayer
from .lossless_report import ExactForm, LosslessLayer, LosslessReport
from .neurons import HardNeurons, Mode, ThresholdNeurons
from .realise import Realised, realise
from .windows import pad_border

IMAGE = (64, 64)  # assumed of images that no example shows
LARGEST_OF_WINDOWS = 63  # as planes, beyond which tables have long won


class _Refused(Exception):
    """A layer that stays approximated, and why."""


def _windows_of(x: Tensor, kernel: tuple[int, int], border: str) -> npt.NDArray[np.bool_]:
    """bool [C, N, n]: every window of every channel."""
    padded = pad_border(x, kernel, border)
    patches = padded.unfold(2, kernel[0], 1).unfold(3, kernel[1], 1).flatten(4).flatten(2, 3)
    found: npt.NDArray[np.bool_] = patches.permute(1, 0, 2, 3).flatten(1, 2).numpy() > 0.5
    return found


class _Bisel:
    """The forms of a BiSEL: windows and joins, each by integers or by tables."""

    def __init__(self, layer: BiSEL, x: Tensor | None) -> None:
        self.layer = layer
        # Planes are convolutions, which reach as far to the right as to the left.
        self.even = layer.border != "valid" and not all(k % 2 for k in layer.kernel)
        self.outputs, self.channels = layer.bise.shape
        seen = None if x is None else _windows_of(x, layer.kernel, layer.border)
        self.bise = realise(layer.bise, seen, LARGEST_OF_WINDOWS)
        if self.even and self.bise.n > LIMIT:
            raise _Refused("its window is even and has more than 16 inputs")
        joined = None
        if x is not None and isinstance(layer.lui, ThresholdNeurons) and layer.lui.n > LIMIT:
            maps = nn.Sequential(*self._windows(False, 1))(x)
            joined = maps.unflatten(1, (self.outputs, self.channels)).permute(1, 0, 3, 4, 2).flatten(1, 3)
        self.lui = realise(layer.lui, None if joined is None else joined.numpy() > 0.5)

    def forms(self) -> Iterator[tuple[str, list[Part]]]:
        joins = [False] * self.lui.found + [True] * (self.lui.table is not None)
        for by_table in [False] * (self.bise.found and not self.even) + [True] * (
            self.bise.table is not None
        ):
            if self.lui.passes:  # nothing to join
                yield self._name(by_table), self._windows(by_table, 1)
                continue
            for join_by_table in joins:
                copies = 1 if join_by_table else self.lui.largest
                name = f"{self._name(by_table)}, joined by {self._name(join_by_table)}"
                yield name, [*self._windows(by_table, copies), self._join(join_by_table)]

    @staticmethod
    def _name(by_table: bool) -> str:
        return "truth tables" if by_table else "integer planes"

    def _windows(self, by_table: bool, copies: int) -> list[Part]:
        """Every BiSE neuron ``copies`` times, in the order [output][channel][copy]."""
        found, kernel, border = self.bise, self.layer.kernel, self.layer.border
        if by_table:
            assert found.table is not None
            table = np.repeat(found.table, copies, axis=0)
            read = np.repeat(np.tile(np.arange(self.channels), self.outputs), copies)
            labels = np.repeat(found.statuses, copies)
            return [TruthTables(read[:, None].astype(np.int32), table, kernel, border, labels)]
        m, channels = found.largest, self.channels
        units = unary(found.weight.reshape(self.outputs, channels, *kernel), m)
        spread = np.zeros((self.outputs, channels, copies, channels, m, *kernel), np.int64)
        for c in range(channels):
            spread[:, c, :, c] = np.moveaxis(units[:, c], -1, 1)[:, None]
        weight = spread.reshape(self.outputs * channels * copies, channels * m, *kernel)
        threshold = np.repeat(found.threshold, copies)
        statuses, bound = np.repeat(found.statuses, copies), np.repeat(found.bound, copies)
        return [*repeated(channels, m), Fire(weight, threshold, 1, border, statuses, bound)]

    def _join(self, by_table: bool) -> Part:
        found = self.lui
        if by_table:
            read = np.arange(self.outputs * self.channels, dtype=np.int32).reshape(self.outputs, -1)
            assert found.table is not None
            return TruthTables(read, found.table, (1, 1), "valid", found.statuses)
        weight = unary(found.weight, found.largest).reshape(self.outputs, -1, 1, 1)
        return Fire(weight, found.threshold, self.outputs, "valid", found.statuses, found.bound)


class _Points:
    """The forms of a LUI or a DenseLUI: tables are for images."""

    def __init__(self, layer: LUI | DenseLUI, x: Tensor | None) -> None:
        flat = None if x is None else (x if x.ndim == 2 else x.movedim(1, -1).flatten(0, 2)).numpy() > 0.5
        self.image = isinstance(layer, LUI)
        self.found = realise(layer.lui, flat)

    def forms(self) -> Iterator[tuple[str, list[Part]]]:
        found = self.found
        if found.found:
            units = unary(found.weight, found.largest).reshape(len(found.weight), -1)[:, :, None, None]
            fire = Fire(units, found.threshold, 1, "valid", found.statuses, found.bound)
            yield "integer planes", [*repeated(found.n, found.largest), fire]
        if self.image and found.table is not None:
            read = np.tile(np.arange(found.n, dtype=np.int32), (len(found.weight), 1))
            yield "truth tables", [TruthTables(read, found.table, (1, 1), "valid", found.statuses)]


def _inexact(bank: HardNeurons) -> int:
    """How many neurons are no count; the identity is one."""
    if not isinstance(bank, ThresholdNeurons):
        return 0
    return int((binarized_bank(bank, "popcount").status == Status.APPROXIMATED).sum())


@contextmanager
def _inputs(module: nn.Module, layer: nn.Module, images: Tensor | None) -> Iterator[list[Tensor]]:
    """What ``layer`` reads when ``module`` runs hard on ``images``; empty without images."""
    seen: list[Tensor] = []
    if images is not None:
        handle = layer.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
        try:
            with torch.no_grad():
                module(images)
        finally:
            handle.remove()
    yield seen


def lossless(
    module: nn.Module, example: Any = None, calibration: Any = None
) -> tuple[nn.Module, LosslessReport]:
    """A copy of ``module``, inexact layers replaced by ones equal to their hard-float form on every input.

    Layers whose neurons are all proved counts stay, and are the cheapest form; harden or export them as
    usual. The others are replaced if their windows have at most 16 inputs, of odd size, by the form of fewest
    operations on images of the size that ``example`` [N, ...] shows (without one: of 64 x 64 pixels).

    With ``calibration`` images [N, ...] layers of more inputs are replaced, too, by integer weights of the
    fewest bits (up to 4) that change no decision on these images, or of 4: the report says how many decisions
    were tried and how many changed, and the statuses say CALIBRATED. Nothing is proved about other images but
    the bound on sums.
    """
    twin = copy.deepcopy(module).eval()
    modes = {name: layer.mode for name, layer in morphological_layers(twin)}
    set_mode(twin, Mode.HARD_FLOAT)
    images = None if calibration is None else torch.as_tensor(calibration)
    shown = torch.as_tensor(example)[:1] if example is not None else None if images is None else images[:1]
    done, left = [], []
    for name, layer in list(morphological_layers(twin)):
        inexact = sum(_inexact(bank) for _, bank in layer.banks())
        if not inexact:
            continue
        with _inputs(twin, layer, shown) as seen:
            shape = tuple(seen[0].shape[1:]) if seen else _assumed(layer)
        wide = max(bank.n for _, bank in layer.banks()) > LIMIT
        try:
            with _inputs(twin, layer, images if wide else None) as seen:
                new, report = _replacement(name, layer, inexact, shape, seen[0] if seen else None)
        except _Refused as reason:
            left.append(f"{name}: {inexact} neurons stay approximated: {reason}")
            continue
        done.append(report)
        if not name:
            twin = new
        else:
            parent, _, own = name.rpartition(".")
            setattr(twin.get_submodule(parent), own, new)
    for name, layer in morphological_layers(twin):
        layer.mode = modes[name]
    return twin.eval(), LosslessReport(tuple(done), tuple(left))


def _assumed(layer: MorphologicalLayer) -> Shape:
    if isinstance(layer, DenseLUI):
        return (layer.lui.n,)
    return (layer.lui.n if isinstance(layer, LUI) else next(layer.banks())[1].shape[1], *IMAGE)


def _replacement(
    name: str, layer: MorphologicalLayer, inexact: int, shape: Shape, x: Tensor | None
) -> tuple[nn.Module, LosslessLayer]:
    kind: _Bisel | _Points
    largest = max(bank.n for _, bank in layer.banks())
    if largest > LIMIT and x is None:
        raise _Refused(f"{largest} inputs cannot all be tried, the limit is {LIMIT}; give calibration images")
    if isinstance(layer, BiSEL):
        kind = _Bisel(layer, x)
        banks: list[Realised] = [kind.bise, kind.lui]
    elif isinstance(layer, (LUI, DenseLUI)):
        kind = _Points(layer, x)
        banks = [kind.found]
    else:
        raise _Refused(f"{type(layer).__name__} has no replacement; put a BiSEL there")
    forms = [(ExactForm.of(title, parts, shape), parts) for title, parts in kind.forms()]
    if not forms:
        raise _Refused("no integer weights of 12 bits were found")
    forms.sort(key=lambda form: (form[0].operations, form[0].bits))
    tried, changed = (sum(getattr(bank, what) for bank in banks) for what in ("tried", "changed"))
    report = LosslessLayer(
        name,
        inexact,
        max(bank.largest for bank in banks),
        ExactForm.as_counts(layer, shape),
        tuple(form for form, _ in forms),
        tried,
        changed,
        max(float(bank.bound.max()) for bank in banks),
    )
    return nn.Sequential(*forms[0][1]), report
