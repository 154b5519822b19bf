"""Networks of logic gates: every operation as a threshold neuron."""

from __future__ import annotations

import numpy as np
import pytest

from binmorph.bench.workloads.logic_network import OPERATIONS, evaluated, neurons


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_gate_is_a_neuron_with_its_truth_table(operation: int) -> None:
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], bool)
    gates = (np.array([0]), np.array([1]), np.array([operation]))
    table = np.array([operation >> bit & 1 for bit in (3, 2, 1, 0)], bool)
    np.testing.assert_array_equal(evaluated(gates, inputs)[:, 0], table)
    made = neurons(gates, 2)
    sums = inputs.astype(int) @ (made.plus.astype(int) - made.minus.astype(int)).T
    np.testing.assert_array_equal((sums >= made.threshold)[:, 0], table)
