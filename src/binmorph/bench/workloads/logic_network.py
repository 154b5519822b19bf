"""A network of logic gates over two values each, booleans in, counts per class out.

Ours runs gates as threshold neurons of two inputs, which all operations but exclusive ones are.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import ir
from ..contest import Absent, Case, System, equal
from ..counts import counts_of
from ..networks import Bits
from ..peers import torchlogix_gates
from ..peers.packed import PackedNetwork
from .common import ours

Gates = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]
# By the number of the operation in torchlogix: ANDs and ORs of inputs, some of them complemented.
OPERATIONS = np.array([1, 2, 4, 8, 7, 11, 13, 14])
FIRST_COMPLEMENTED, SECOND_COMPLEMENTED, ORS = (4, 8, 13, 14), (2, 8, 11, 14), (7, 11, 13, 14)


def neurons(gates: Gates, inputs: int) -> ir.Neurons:
    """An AND of literals counts all of them, an OR one: complemented inputs count -1 when they are set."""
    first, second, operation = gates
    plus, minus = (np.zeros((len(first), inputs), bool) for _ in range(2))
    for values, complemented in ((first, FIRST_COMPLEMENTED), (second, SECOND_COMPLEMENTED)):
        negative, row = np.isin(operation, complemented), np.arange(len(first))
        plus[row[~negative], values[~negative]] = True
        minus[row[negative], values[negative]] = True
    threshold = np.where(np.isin(operation, ORS), 1 - minus.sum(1), plus.sum(1))
    count = len(first)
    return ir.Neurons(
        plus,
        minus,
        threshold.astype(np.int32),
        np.zeros(count, bool),
        np.full(count, int(ir.Status.APPROXIMATED), np.uint8),
        np.full(count, np.nan),
        np.ones(count),
    )


def evaluated(gates: Gates, bits: Bits) -> Bits:
    """The reference."""
    first, second, operation = gates
    a = bits[:, first] ^ np.isin(operation, FIRST_COMPLEMENTED)
    b = bits[:, second] ^ np.isin(operation, SECOND_COMPLEMENTED)
    return np.where(np.isin(operation, ORS), a | b, a & b)


@dataclass(frozen=True)
class LogicNetwork:
    """``layers`` of ``gates`` each, random connections over ``inputs``, counts for ten classes."""

    gates: int
    layers: int
    inputs: int = 784
    classes: int = 10

    def described(self) -> list[Gates]:
        """Random ones, layer after layer."""
        rng, made, inputs = np.random.default_rng(self.gates), [], self.inputs
        for _ in range(self.layers):
            first = rng.integers(inputs, size=self.gates)
            second = (first + rng.integers(1, inputs, size=self.gates)) % inputs
            made.append((first, second, rng.choice(OPERATIONS, self.gates)))
            inputs = self.gates
        return made

    def case(self, batch: int, threads: int) -> Case:
        bits = np.random.default_rng(batch).random((batch, self.inputs)) < 0.5
        packed, values = PackedNetwork((self.inputs,), bits=True), bits
        value, inputs = packed.packed_input(), self.inputs
        for gates in self.described():
            value = packed.neurons(value, neurons(gates, inputs))
            values, inputs = evaluated(gates, values), self.gates
        weight = np.kron(np.eye(self.classes), np.ones(self.gates // self.classes)).astype(np.float32)
        graph = packed.graph(packed.scores(value, weight / np.float32(2), weight.sum(1) / 2))
        work = {"kind": "logic_network", **asdict(self)}
        title = f"{self.layers} layers of {self.gates} gates"
        case = Case(title, work, batch, threads, ("torchlogix",), counts_of(graph, batch))
        check = equal(values @ weight.T)
        ours(case, graph, bits.view(np.uint8), check)

        def theirs() -> System:
            return torchlogix_gates.system(_compiled(self), bits)

        case.enter("torchlogix", theirs, check)
        return case


@cache  # it takes seconds, and serves all batches
def _compiled(work: LogicNetwork) -> Any:
    try:
        return torchlogix_gates.compiled(work.described(), work.inputs, work.classes)
    except (ImportError, SyntaxError) as error:  # version 0.2 does not parse before Python 3.12
        raise Absent(f"torchlogix: {error}") from error
