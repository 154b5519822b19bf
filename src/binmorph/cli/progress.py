"""How far a long command is: a bar where tqdm is installed, plain lines where not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .common import note


class Plain:
    """Progress without tqdm."""

    def over(self, jobs: list[Any]) -> Iterator[Any]:
        yield from jobs

    def write(self, text: str) -> None:
        note(text)

    def write_result(self, text: str) -> None:
        print(f"{text}\n", flush=True)

    def close(self) -> None:
        pass


class Bar(Plain):
    """A bar on stderr that gives way to lines."""

    def __init__(self, tqdm: Any, total: int) -> None:
        self._tqdm = tqdm
        self._bar = tqdm.tqdm(total=total, unit="case", dynamic_ncols=True)

    def over(self, jobs: list[Any]) -> Iterator[Any]:
        for job in jobs:
            self._bar.set_description(job[0])
            yield job
            self._bar.update()

    def write(self, text: str) -> None:
        import sys

        self._tqdm.tqdm.write(text, file=sys.stderr)

    def write_result(self, text: str) -> None:
        self._tqdm.tqdm.write(f"{text}\n")

    def close(self) -> None:
        self._bar.close()


def progress(total: int) -> Plain:
    try:
        import tqdm
    except ImportError:
        return Plain()
    return Bar(tqdm, total)
