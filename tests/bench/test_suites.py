"""The data of the suites, and one small piece of work of each kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from binmorph.bench import suites
from binmorph.bench.measure import measure
from binmorph.bench.networks import descriptions
from binmorph.bench.networks.forms import FloatTwin, Simulated
from binmorph.bench.peers.numpy_ops import NumpyOps
from binmorph.bench.suites import from_json
from binmorph.bench.workloads import Workload, kinds
from binmorph.bench.workloads.morphology import (
    MorphologyOperation,
    density,
    elements,
    pixels,
    reference,
)
from binmorph.bench.workloads.network import random_images
from binmorph.errors import RecordError


@pytest.mark.parametrize("name", suites.names())
def test_suites_are_valid(name: str) -> None:
    suite = suites.load(name)
    jobs = list(suite.jobs(2))
    assert suite.title
    assert suite.about
    assert jobs
    assert len(jobs) <= len(list(suite.jobs(2, full=True)))
    keys = [(job.work, job.batch, job.threads) for job in suite.jobs(2, full=True)]
    assert len(set(keys)) == len(keys)
    assert {job.threads for job in suite.jobs(1, full=True)} == {1}


def test_the_suites_that_must_be_there() -> None:
    assert {"layers", "morphology", "networks", "batches"} <= set(suites.names())
    networks = {job.work.network for job in suites.load("networks").jobs(1)}  # type: ignore[attr-defined]
    assert {"mlp", "lfc", "cnv", "vgg_small", "resnete18_32", "resnete18_224", "bisel_classifier"} <= networks


GOOD = {"kind": "float_conv2d", "name": "n", "channels": 3, "outputs": 4, "size": 8}
MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"kind": "none"}, r"work\[0\].kind must be one of"),
    ({**GOOD, "channels": "3"}, "channels must be int"),
    ({**GOOD, "batches": [0]}, "batches must be a list of positive numbers"),
    ({**GOOD, "threads": [1]}, "threads must be a list of one and all"),
    ({**GOOD, "full": 1}, "full must be true or false"),
    ({**GOOD, "colour": 1}, "nobody knows: colour"),
    ({k: v for k, v in GOOD.items() if k != "size"}, "size is missing"),
]


@pytest.mark.parametrize(("entry", "message"), MALFORMED)
def test_malformed_suites(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        from_json("s", {"title": "t", "about": "a", "work": [entry]})


def test_lists_stand_for_several_pieces_of_work() -> None:
    data = {**GOOD, "size": [8, 9], "stride": [1, 2], "batches": [1, 4], "threads": ["one", "all"]}
    suite = from_json("s", {"title": "t", "about": "a", "work": [data]})
    assert len(list(suite.jobs(3))) == 16
    assert {job.threads for job in suite.jobs(3)} == {1, 3}


def test_an_unknown_suite() -> None:
    with pytest.raises(RecordError, match="no suite 'none'"):
        suites.load("none")


SMALL: dict[str, dict[str, Any]] = {
    "binary_conv2d": {"name": "L", "channels": 64, "outputs": 64, "size": 7},
    "binary_dense": {"name": "L", "features": 200, "outputs": 100},
    "float_conv2d": {"name": "L", "channels": 3, "outputs": 8, "size": 9, "kernel": 3, "stride": 2},
    "bisel_layer": {"channels": 4, "kernel": 3, "form": "popcount", "size": 9},
    "masked_dense": {"features": 70, "outputs": 33, "form": "erosion/dilation"},
    "sparse_conv2d": {"name": "L", "channels": 64, "size": 5, "density": 0.05, "isa": "x86_avx2"},
    "network": {"name": "BiSEL", "network": "bisel_classifier"},
    "logic_network": {"gates": 60, "layers": 2, "inputs": 50},
    "morphology": {"operation": "opening", "element": "cross3", "size": 70},
    "image_stack": {"operation": "erosion", "element": "sq5", "size": 12},
    "packing": {"direction": "pack", "size": 100},
}


def test_every_kind_is_tried() -> None:
    assert set(SMALL) == set(kinds())


@pytest.mark.parametrize("kind", SMALL)
def test_one_piece_of_work_of_each_kind(kind: str) -> None:
    work: Workload = kinds()[kind](**SMALL[kind])
    batches = {"binary_dense": 3, "masked_dense": 3, "image_stack": 3, "logic_network": 64}
    case = work.case(batches.get(kind, 1), 1)
    assert not [f"{other.name}: {other.why}" for other in case.others if other.status == "wrong"]
    ours = [system for system in case.systems if system.name.startswith("binmorph")]
    assert ours or kind == "sparse_conv2d"  # a machine may lack the instruction set
    timings, complete = measure(case.systems[:1], 2, 1e-5)
    assert complete
    assert all(len(timing.seconds) == 2 for timing in timings.values())


@pytest.mark.parametrize("network", ["mlp", "cnv"])
def test_networks_equal_their_peers(network: str) -> None:
    case = kinds()["network"](name="n", network=network).case(2, 1)
    assert {other.status for other in case.others} <= {"skipped"}
    assert "binmorph" in {system.name for system in case.systems}


@pytest.mark.parametrize("name", sorted(set(descriptions()) - {"resnete18_224"}))
def test_scores_depend_on_the_image(name: str) -> None:
    """Or a network that a library folds to a constant would pass for a fast one."""
    description = descriptions()[name]
    for form in (Simulated, FloatTwin):
        if name == "bisel_classifier" and form is Simulated:
            continue  # numpy has no operator for its layers
        values = [NumpyOps(random_images(description, 1, seed)) for seed in (1, 2)]
        one, other = (description.build(form(value)) for value in values)
        assert np.abs(one - other).max() > 0.01 * np.abs(one).max()
        if form is Simulated and not description.exact:
            assert np.corrcoef(one.reshape(-1), other.reshape(-1))[0, 1] < 0.95


@pytest.mark.parametrize("operation", ["erosion", "dilation", "opening"])
def test_results_of_morphology_are_mixed(operation: str) -> None:
    """A constant result would equal that of many a wrong operation."""
    for name, cells in elements().items():
        image = pixels("random", 256, density(operation, cells))
        edge = max(cells.shape)
        ones = reference(image, cells, operation)[edge:-edge, edge:-edge].mean()
        assert 0.2 < ones < 0.9, (name, ones)


def test_results_on_blobs_are_mixed() -> None:
    works = [job.work for job in suites.load("morphology").jobs(1, full=True)]
    on_blobs = [w for w in works if isinstance(w, MorphologyOperation) and w.image == "blobs"]
    assert on_blobs
    image = pixels("blobs", 1024, 0)
    for work in on_blobs:
        ones = reference(image, elements()[work.element], work.operation)
        assert 100 < ones.sum() < image.size - 100, work


def test_a_chain_of_layers() -> None:
    work = kinds()["binary_conv2d"](name="L", channels=64, outputs=64, size=8, stride=1, chain=3)
    case = work.case(2, 2)
    assert not [other for other in case.others if other.status == "wrong"]
