"""Thousands of random float networks, binarized: packed equals the hard torch operators on every bit.

It also equals the float neurons themselves wherever a neuron is proved exact. Weights are multiples of 2^-14
and biases often lie exactly on a sum of weights, so float64 sums are exact and ties are real ties.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from binmorph import _core, ir
from binmorph.exactness import binarize
from binmorph.runtime import PackedModel

torch = pytest.importorskip("torch")
import binmorph.nn  # noqa: E402, F401  (registers the operators)

ISAS = [name for name, supported in _core.isas().items() if supported]
LAYOUTS = ("row-packed", "batch-sliced")
Floats = np.ndarray[Any, np.dtype[np.float64]]


class FloatNeurons:
    """y = [p (w . x - b) > 0] in exact arithmetic, and what binarization makes of it."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...], n: int) -> None:
        full = (*shape, n)
        # Signed constant weights on a support (popcounts, literals), the same with noise, and noise alone.
        support = rng.choice(
            [-1.0, 0.0, 1.0], full, p=[0.1, 0.4, 0.5] if rng.random() < 0.5 else [0, 0.4, 0.6]
        )
        noise = np.round(rng.normal(size=full) * 1024) / 1024
        kind = rng.integers(0, 4, (*shape, 1))
        self.weight = np.choose(kind, [support, support * 4 + noise / 16, noise, 0.25 * support])
        chosen = rng.random(full) < rng.random((*shape, 1))
        tie = (self.weight * chosen).sum(-1)
        self.bias = np.where(rng.random(shape) < 0.5, tie, tie + rng.integers(-1024, 1024, shape) / 1024)
        self.scale = rng.choice([-2.0, 0.0, 0.5, 1.0], shape, p=[0.3, 0.05, 0.3, 0.35])
        family = str(rng.choice(["popcount", "popcount", "morphological"]))
        self.packed = binarize(self.weight, self.bias, self.scale, family=family)
        self.exact = self.packed.status != ir.Status.APPROXIMATED

    def fire(self, sums: Floats, axes: int) -> Any:
        """For sums w . x [N, ..., then image axes]; a tie never fires, nor does a scale of zero."""
        shape = self.bias.shape + (1,) * axes
        return self.scale.reshape(shape) * (sums - self.bias.reshape(shape)) > 0


def tensors(neurons: ir.Neurons, *window: int) -> list[Any]:
    masks = [m.reshape(*neurons.shape, *(window or (neurons.n,))) for m in (neurons.plus, neurons.minus)]
    return [torch.from_numpy(a) for a in (*masks, neurons.threshold, neurons.invert)]


def windows(x: Any, kernel: tuple[int, int], border: str) -> Any:
    """Bits [N, C, H, W] to what every window sees, [N, C, H', W', kh, kw]."""
    kh, kw = kernel
    around = ((0, 0), (0, 0), (kh // 2, kh - 1 - kh // 2), (kw // 2, kw - 1 - kw // 2))
    if border == "replicate":
        x = np.pad(x, around, mode="edge")
    elif border != "valid":
        x = np.pad(x, around, constant_values=border == "ones")
    return np.lib.stride_tricks.sliding_window_view(x, kernel, (2, 3))


def float_bisel(bise: FloatNeurons, lui: FloatNeurons, x: Any, kernel: tuple[int, int], border: str) -> Any:
    weight = bise.weight.reshape(*bise.bias.shape, *kernel)
    maps = bise.fire(np.einsum("nchwij,ocij->nochw", windows(x, kernel, border), weight), 2)
    return lui.fire(np.einsum("nochw,oc->nohw", maps, lui.weight), 2)


def random_stack(rng: np.random.Generator) -> tuple[ir.Graph, dict[str, tuple[FloatNeurons, ...]]]:
    """One or two BiSEL layers and often a dense one, with the float neurons they came from."""
    channels, height, width = int(rng.integers(1, 4)), int(rng.integers(1, 8)), int(rng.integers(1, 12))
    if rng.random() < 0.1:
        width += 60
    spec = ir.InputSpec("uint8", (channels, height, width))
    nodes: list[ir.AnyNode] = [ir.PackBinary("pack", "input")]
    floats: dict[str, tuple[FloatNeurons, ...]] = {}
    for number in range(int(rng.integers(1, 3))):
        border = str(rng.choice(ir.BORDERS))
        kernel = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        if border == "valid":
            kernel = min(kernel[0], height), min(kernel[1], width)
            height, width = height - kernel[0] + 1, width - kernel[1] + 1
        outputs = int(rng.integers(1, 4))
        bise = FloatNeurons(rng, (outputs, channels), kernel[0] * kernel[1])
        lui = FloatNeurons(rng, (outputs,), channels)
        node = ir.Bisel(f"bisel{number}", nodes[-1].name, kernel, border, bise.packed, lui.packed)
        nodes.append(node)
        floats[node.name] = bise, lui
        channels = outputs
    if rng.random() < 0.6:
        dense = FloatNeurons(rng, (5,), channels * height * width)
        nodes.append(ir.Flatten("flat", nodes[-1].name))
        nodes.append(ir.ThresholdDense("dense", "flat", dense.packed))
        floats["dense"] = (dense,)
    return ir.Graph(spec, tuple(nodes), nodes[-1].name), floats


def check(rng: np.random.Generator, number: int) -> tuple[int, int]:
    """One network under one configuration; returns how many neurons are exact, and how many there are."""
    graph, floats = random_stack(rng)
    density = rng.random((4, 1, 1, 1))
    x = (rng.random((4, *graph.input.shape)) < density).astype(np.uint8)
    isa, layout, threads = ISAS[number % len(ISAS)], LAYOUTS[number // 2 % 2], 1 + number % 50 // 49
    values: dict[str, Any] = PackedModel(graph, isa=isa, layout=layout, threads=threads).trace(x)
    exact = total = 0
    for node in graph.nodes[1:]:
        before, after = values[node.input], values[node.name]
        bits = torch.from_numpy(before)
        if isinstance(node, ir.Bisel):
            bise, lui = floats[node.name]
            arguments = [*tensors(node.bise, *node.kernel), *tensors(node.lui), node.border]
            hard = torch.ops.binmorph.bisel(bits, *arguments)
            fired = float_bisel(bise, lui, before, node.kernel, node.border)
            proved = bise.exact.all(1) & lui.exact
        elif isinstance(node, ir.ThresholdDense):
            (dense,) = floats[node.name]
            hard = torch.ops.binmorph.threshold_dense(bits, *tensors(node.neurons))
            fired, proved = dense.fire(before @ dense.weight.T, 0), dense.exact
        else:
            continue
        np.testing.assert_array_equal(after, hard.numpy() == 1, err_msg=f"network {number}, {node.name}")
        message = f"network {number}, {node.name}: a neuron proved exact differs from its float form"
        np.testing.assert_array_equal(after[:, proved], fired[:, proved], err_msg=message)
        exact, total = exact + int(proved.sum()), total + proved.size
    return exact, total


@pytest.mark.parametrize("block", range(20))
def test_packed_equals_hard_and_exact_neurons_equal_their_floats(block: int) -> None:
    torch.set_num_threads(1)  # these tensors are too small to share
    rng = np.random.default_rng(block)
    counts = np.array([check(rng, 100 * block + i) for i in range(100)]).sum(0)
    assert counts[0] > 0.3 * counts[1]  # enough of them are proved for the comparison to mean something
