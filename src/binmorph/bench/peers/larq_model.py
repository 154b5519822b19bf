"""Models of Larq Compute Engine as lists of operators, and the process that runs one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from ..contest import Absent, System
from ..measure import evicted_bytes

Array = npt.NDArray[Any]
PACKAGE = "larq_compute_engine"
PYTHON = "BINMORPH_BENCH_LARQ_PYTHON"
"""Names the Python that has the wheel; without it, this one."""


class LarqModel:
    """A graph that grows by operators; values are numbers of tensors, channels-last."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._tensors: list[tuple[tuple[int, ...], str]] = []
        self._constants: dict[str, Array] = {}
        self._operators: list[tuple[str, list[int], int, str, dict[str, Any]]] = []
        self.input = self._tensor(shape, "float32")

    def shape(self, tensor: int) -> tuple[int, ...]:
        return self._tensors[tensor][0]

    def _tensor(self, shape: tuple[int, ...], dtype: str) -> int:
        self._tensors.append((tuple(shape), dtype))
        return len(self._tensors) - 1

    def constant(self, values: Array) -> int:
        """float32 or int32."""
        number = self._tensor(values.shape, str(values.dtype))
        self._constants[str(number)] = np.ascontiguousarray(values)
        return number

    def add(
        self,
        kind: str,
        inputs: list[int],
        shape: tuple[int, ...],
        dtype: str = "float32",
        options: str = "",
        **fields: Any,
    ) -> int:
        """An operator of TFLite by its name in the schema, with ``fields`` of its ``options`` there; or a
        binary one ("Lce...") with options of its own. Packed bits are int32."""
        output = self._tensor(shape, dtype)
        self._operators.append((kind, inputs, output, options, fields))
        return output

    def system(self, name: str, output: int, images: Array, threads: int) -> System:
        """The network that ends in ``output`` on ``images``. Raises Absent where no process can run it."""
        graph = {
            "tensors": self._tensors,
            "operators": self._operators,
            "input": self.input,
            "output": output,
        }
        process = LarqProcess(graph, {**self._constants, "images": images}, threads)
        return System(
            name,
            process.version,
            lambda: process.seconds(1, False),
            process.output,
            f"{threads} threads, indirect, XNNPACK, in a process of its own by whose clock it is timed",
            clock=process.seconds,
        )


class LarqProcess:
    """Runs one model until nothing refers to it."""

    def __init__(self, graph: dict[str, Any], arrays: dict[str, Array], threads: int) -> None:
        _look_for_it()
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "model.npz"
        save: Any = np.savez  # the names of its own options are none of ours
        save(file, graph=np.array(json.dumps(graph)), **arrays)
        script = Path(__file__).with_name("larq_process.py")
        self._process = subprocess.Popen(
            [os.environ.get(PYTHON, sys.executable), str(script), str(file), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._end = weakref.finalize(self, _stop, self._process)
        try:
            self.version = self._answer().removeprefix("ready ")
        except RuntimeError as error:
            raise Absent(str(error)) from error

    def _answer(self, request: str | None = None) -> str:
        stdin, stdout = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        if request is not None:
            print(request, file=stdin, flush=True)
        answer = stdout.readline().rstrip("\n")
        if not answer or answer.startswith("error "):
            self._end()
            raise RuntimeError(answer.removeprefix("error ") or "its process ended without a word")
        return answer

    def seconds(self, calls: int, cold: bool) -> float:
        """What so many calls took by the clock of the process; ``cold``: one, behind an eviction there."""
        return float(self._answer(f"cold {evicted_bytes()}" if cold else f"run {calls}"))

    def output(self) -> Array:
        """Of one call."""
        file = Path(self._folder.name) / "output.npy"
        self._answer(f"save {file}")
        result: Array = np.load(file)
        return result


def _look_for_it() -> None:
    """Raises Absent if it is clear without a process that there is none."""
    if PYTHON in os.environ:
        return
    why = "" if importlib.util.find_spec(PACKAGE) is not None else "not installed"
    why = why or ("needs numpy 1" if int(np.__version__.split(".")[0]) > 1 else "")
    if why:
        raise Absent(f"{why}; {PYTHON} may name a Python with {PACKAGE} and numpy 1")


def _stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()
