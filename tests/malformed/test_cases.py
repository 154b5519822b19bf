"""Every malformed case raises exactly its error, quickly, with the checksum verified and without."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from cases import CASES, Case
from mutate import pack, take_apart, valid, with_graph, with_metadata, with_node
from patience import PATIENCE

from binmorph.errors import BinmorphError, FormatError
from binmorph.format import load, loads


def test_names_are_unique_and_many() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 80


def test_the_starting_point_is_valid() -> None:
    loads(valid())
    loads(pack(*take_apart(valid())))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.timeout(10)
def test_case(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "case.bmorph"
    path.write_bytes(case.make())
    start = time.perf_counter()
    with pytest.raises(BinmorphError) as caught:
        load(path)
    seconds = time.perf_counter() - start
    assert caught.type is case.error, caught.value
    assert case.says in str(caught.value)
    assert len(str(caught.value)) < 600  # hostile names and values are quoted in part only
    limit = 1 + path.stat().st_size / 1e6
    assert seconds < PATIENCE * limit  # milliseconds, but for the cases of several megabytes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_without_checksum(case: Case) -> None:
    """The rules hold on their own: only a wrong or hidden digest may pass, never a malformed one."""
    if case.name in ("payload_changed", "sha_spaced", "sha_escaped_key"):
        with contextlib.suppress(FormatError):  # some other rule may notice
            loads(case.make(), verify_checksum=False)
        return
    with pytest.raises(BinmorphError) as caught:
        loads(case.make(), verify_checksum=False)
    assert caught.type is case.error


HOSTILE = {
    "numbers": b'{"a":[' + b"1," * 500_000 + b"1]}",
    "objects": b'{"a":[' + b"{}," * 340_000 + b"{}]}",
    "strings": b'{"a":[' + b'"",' * 340_000 + b'""]}',
    "backslashes": b'{"a":"' + b"\\" * 1_000_000 + b'"}',
    "escapes": b'{"a":"' + b"\\u0000" * 160_000 + b'"}',
    "quotes": b'{"a":' + b'"' * 1_000_000 + b"}",
    "digits": b'{"a":' + b"1" * 1_000_000 + b"}",
    "fraction": b'{"a":0.' + b"1" * 1_000_000 + b"}",
    "digests": b'{"a":[' + b'{"sha256":""},' * 70_000 + b"{}]}",
    "keys": b"{" + b",".join(b'"%d":0' % i for i in range(100_000)) + b"}",
    "same_keys": b"{" + b'"a":0,' * 160_000 + b'"a":0}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_anything_is_refused_fast(name: str) -> None:
    data = pack(HOSTILE[name], b"")
    start = time.perf_counter()
    with pytest.raises(BinmorphError):
        loads(data)
    assert time.perf_counter() - start < PATIENCE  # 0.02 to 0.15 s on an idle core


def test_extensions_and_key_order_do_not_matter() -> None:
    graph = with_graph(lambda g: g.update({"x-note": [1, {"a": None}]}))
    for data in (
        graph,
        with_metadata(x__note="hello"),
        with_node("pool", **{"x-note": 1.5}),
        with_graph(lambda g: dict(reversed(g.items()))),
        pack(dict(reversed(take_apart(valid())[0].items())), take_apart(valid())[1]),
        with_metadata(format="1.7"),
    ):
        loads(data)
