"""The search of :mod:`binmorph.nn.refinement`, over whole networks, on images packed 64 to a word.

1. Climb. Taps are flipped, operations exchanged, complements and joins changed, each kept where the DICE of
   the network rises; windows of the last layer come in closed form.
2. Paths (:mod:`binmorph.nn.path_search`). A hidden window and the last window that reads it are searched
   together, while the rest of the network stays.
3. Starts. Where that ends below a DICE of 1, the paths of an output are laid anew: one path is searched from
   random boxes, as opening or closing or their complements; each of the others passes its input on, or the
   complement of it, or says nothing, under a union or an intersection. Such networks are ranked by what their
   first fit reaches, and climbed from the best on.
4. Unions. If none reaches 1, the outputs are composed as unions of paths, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement, product

import numpy as np
import numpy.typing as npt
from torch import Tensor

from .image_slices import ALL, Layer, Masks, Operators, State, Words, dice, pack
from .path_search import Kind, Path, Task, fit_dilation

_DRAWS = 60  # boxes in each network to start again from
_UNIONS, _CLIMBED = 2, 6  # unions composed, each path from so many boxes
_WORDS = ("", "x", "not x")  # nothing, the input, its complement: what a path says while another is searched

At = tuple[int, int, int]
"""A path: (output, hidden channel, input channel) of the last two layers."""


class NetworkSearch:
    """The layers, which it changes, and the images that it scores them on."""

    def __init__(self, layers: list[Layer], x: Tensor, y: Tensor, rng: np.random.Generator) -> None:
        self.layers, self.rng = layers, rng
        self.inputs = [pack(x.numpy())]
        height, width = self._forward(0).shape[-2:]
        top, left = (y.shape[-2] - height) // 2, (y.shape[-1] - width) // 2
        middle = y[..., top : top + height, left : left + width]
        self.wanted, self.live = pack(middle.numpy()), pack(np.ones(middle.shape))

    def _forward(self, start: int) -> Words:
        """The output, where no layer before ``start`` has changed."""
        del self.inputs[start + 1 :]
        for layer in self.layers[start:]:
            self.inputs.append(layer(self.inputs[-1]))
        return self.inputs[-1]

    def score(self, start: int = 0) -> float:
        """DICE, where no layer before ``start`` has changed."""
        return float(dice((self._forward(start) & self.live)[None], self.wanted)[0])

    def wrong_images(self) -> npt.NDArray[np.intp]:
        """Indices of the images with a wrong pixel."""
        wrong = np.bitwise_or.reduce((self._forward(0) ^ self.wanted) & self.live, axis=(0, 2, 3))
        return np.flatnonzero(np.unpackbits(wrong.astype("<u8").view(np.uint8), bitorder="little"))

    def run(self, restarts: int) -> float:
        """Climb from the network as it is, then from others; keep the best. Returns its DICE."""
        best, kept = self._climb(), self._state()
        starts = self._starts(best) if best < 1 and restarts and len(self.layers) > 1 else []
        for state, at, taps, kind in starts[:restarts]:
            self._restore(state)
            self._forward(0)
            self._lay(at, self._path(at), taps, kind)
            reached = self._climb()
            if reached > best:
                best, kept = reached, self._state()
            if best == 1:
                break
        for _ in range(_UNIONS if best < 1 and starts and self.layers[-1].joins.free else 0):
            self._unite()
            reached = self._climb()
            if reached > best:
                best, kept = reached, self._state()
        self._restore(kept)
        return best

    def _unite(self) -> None:
        """Make every output a union of paths. Each in turn is asked for one part more of the target: asked
        for all at once, it would give up precision for what others may find. Then each is searched again
        beside the others."""
        joins, channels = self.layers[-1].joins, self.layers[-1].windows.dilation.shape[1]
        joins.masks[...], joins.dilation[...], joins.invert[...] = True, True, False
        for o in range(len(joins.masks)):
            for c in range(channels):
                self._say((o, c, 0), "", True)
            for c in range(channels):
                self._lay_anew((o, c, 0), (c + 1) / channels, -1.0)
            for c in range(channels):
                self._lay_anew((o, c, 0), 1.0, self.score())

    def _lay_anew(self, at: At, share: float, best: float) -> None:
        """Search path ``at`` from random boxes and segments; keep what beats ``best``."""
        self._forward(len(self.layers) - 2)
        path, kernel = self._path(at, share), self.layers[-2].kernel
        drawn = [each for s in (False, True) for each in path.draws(kernel, _DRAWS, self.rng, segments=s)]
        drawn.sort(key=lambda each: -each[0])
        climbed = [(*path.climb(taps, kind, self.rng), kind) for _, taps, kind in drawn[:_CLIMBED]]
        _, taps, kind = max(climbed, key=lambda each: each[0])
        self._lay(at, path, taps, kind, best)

    def _starts(self, best: float) -> list[tuple[list[State], At, Masks, Kind]]:
        """Networks with one path from a random box, those that fit best first, each DICE once; those that
        could not pass ``best`` by any path are left out."""
        found: dict[float, tuple[list[State], At, Masks, Kind]] = {}
        present, last = self._state(), self.layers[-1]
        outputs, channels = last.windows.dilation.shape
        inputs = self.layers[-2].windows.dilation.shape[1]
        words = list(combinations_with_replacement(_WORDS, channels - 1))
        for o, i, union, rest in product(range(outputs), range(inputs), (True, False), words):
            if not (union or any(rest)):
                continue  # one path alone: its union is its intersection
            self._restore(present)
            if last.joins.free:
                last.joins.masks[o], last.joins.dilation[o], last.joins.invert[o] = True, union, False
            for c, word in enumerate(rest, 1):
                self._say((o, c, i), word, union)
            self._forward(0)
            at, state = (o, 0, i), self._state()
            path = self._path(at)
            if path.task.bound() > best:
                for reached, taps, kind in path.draws(self.layers[-2].kernel, _DRAWS, self.rng):
                    found[reached] = state, at, taps, kind
        return [start for _, start in sorted(found.items(), key=lambda each: -each[0])]

    def _say(self, at: At, word: str, union: bool) -> None:
        """Let path ``at`` say one of _WORDS."""
        o, c, i = at
        windows = self.layers[-1].windows
        windows.masks[o, c], windows.dilation[o, c] = False, True
        windows.invert[o, c] = word == "not x" if word else not union
        if word:
            self.layers[-2].set_path((c, i), self.layers[-2].middle(), False, False)
            windows.masks[o, c] = self.layers[-1].middle()

    def _paths(self) -> Iterator[At]:
        """Every (output, hidden channel, input) of the last two layers."""
        if len(self.layers) > 1:
            inputs = self.layers[-2].windows.dilation.shape[1]
            yield from np.ndindex(*self.layers[-1].windows.dilation.shape, inputs)

    def _path(self, at: At, share: float = 1.0) -> Path:
        o, c, i = at
        views = np.stack(self.layers[-2].views(self.inputs[-3])[i])
        return Path(views, self.layers[-1], self._task((o, c), share))

    def _lay(self, at: At, path: Path, taps: Masks, kind: Kind, best: float = -1.0) -> float:
        """Make path ``at`` window ``taps`` and the last window that fits it, if that beats ``best``."""
        (o, c, i), windows, before = at, self.layers[-1].windows, self._state()
        self.layers[-2].set_path((c, i), taps, *kind[:2])
        windows.masks[o, c], windows.dilation[o, c], windows.invert[o, c] = False, True, kind[2]
        windows.masks[o, c, path.fit(taps, kind)[1]] = True
        return self._kept(before, len(self.layers) - 2, best)

    def _kept(self, before: list[State], start: int, best: float) -> float:
        """The DICE after a change in layer ``start`` if it is above ``best``; else back to ``before``."""
        reached = self.score(start)
        if reached > best:
            return reached
        self._restore(before)
        self._forward(start)
        return best

    def _banks(self) -> Iterator[tuple[int, Operators]]:
        for index, layer in enumerate(self.layers):
            yield index, layer.windows
            yield index, layer.joins

    def _state(self) -> list[State]:
        return [bank.state() for _, bank in self._banks()]

    def _restore(self, state: list[State]) -> None:
        for (_, bank), saved in zip(self._banks(), state, strict=True):
            bank.restore(saved)

    def _climb(self) -> float:
        """Change the network while its DICE rises; returns that."""
        best, before = self.score(), -1.0
        while before < best < 1:
            before = best
            for window in np.ndindex(*self.layers[-1].windows.dilation.shape):
                best = self._refit(window, best)
            best = self._changes(best)
            for at in self._paths() if best < 1 else ():
                path, (taps, kind) = self._path(at), self._present(at)
                best = self._lay(at, path, path.climb(taps, kind, self.rng)[1], kind, best)
        return best

    def _present(self, at: At) -> tuple[Masks, Kind]:
        """What path ``at`` does now."""
        (o, c, i), hidden, windows = at, self.layers[-2], self.layers[-1].windows
        erodes = not windows.dilation[o, c]
        complemented = bool(hidden.windows.invert[c, i] ^ hidden.joins.invert[c])
        kind = bool(hidden.windows.dilation[c, i]), complemented ^ erodes, bool(windows.invert[o, c]) ^ erodes
        return hidden.windows.masks[c, i], kind

    def _changes(self, best: float) -> float:
        """Every change of one neuron once."""
        for index, bank in self._banks():
            for at in np.ndindex(*bank.dilation.shape if bank.free else (0,)):
                for what in range(bank.masks.shape[-1] + 2):
                    if best < 1:
                        before = self._state()
                        bank.change(at, what)
                        best = self._kept(before, index, best)
        return best

    def _task(self, window: tuple[int, int], share: float = 1.0) -> Task:
        (o, c), layer = window, self.layers[-1]
        row = layer.row(o, layer.views(self.inputs[-2]))
        zero, one = (
            layer.joins.apply((o,), [*row[:c], np.full_like(row[c], fill), *row[c + 1 :]])
            for fill in (0, ALL)
        )
        return Task(zero, zero ^ one, self.wanted[o], self.live[o], share)

    def _refit(self, window: tuple[int, int], best: float) -> float:
        """Give a window (o, c) of the last layer the operator that fits its task, if the DICE rises."""
        before, windows, task = self._state(), self.layers[-1].windows, self._task(window)
        views = np.stack(self.layers[-1].views(self.inputs[-2])[window[1]])
        # An erosion is a dilation of the complement, complemented.
        fits = [
            (*fit_dilation(views if dilation else ~views, task, invert == dilation), dilation, invert)
            for dilation, invert in product((False, True), repeat=2)
        ]
        _, taps, windows.dilation[window], windows.invert[window] = max(fits, key=lambda fit: fit[0])
        windows.masks[window] = False
        windows.masks[window][taps] = True
        return self._kept(before, len(self.layers) - 1, best)
