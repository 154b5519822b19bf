"""A process that runs one model of Larq Compute Engine: a script for the Python that has its wheel.

The wheel of 0.16.0 needs numpy 1, other peers numpy 2: hence a process, which imports nothing of this
package. Its Python package and its converter import TensorFlow; the interpreter does not. It is one extension
module, loaded from its file, as is the module with the schema of models. A model is a TFLite flatbuffer,
written here operator by operator; the binary operators are custom ones, with options in a flexbuffer.

``python larq_process.py MODEL.npz THREADS`` answers "ready VERSION" and then a line to each line of stdin:
"run CALLS" with the seconds they took, "cold BYTES" with those of one call behind the writing of so many
bytes, "save FILE.npy" when the output is there. Anything that fails is answered by "error ...".
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE = "larq_compute_engine"


def main(model_file: str, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to end
    with np.load(model_file) as file:
        arrays = dict(file)
    graph = json.loads(str(arrays.pop("graph")))
    images = arrays.pop("images")
    interpreter = _interpreter(_flatbuffer(graph, arrays), threads)

    def predict() -> Any:
        return interpreter.predict([images])[0]

    predict()
    print("ready", metadata.version(PACKAGE), flush=True)
    for answer in _answers(predict):
        print(answer, flush=True)


def _answers(predict: Callable[[], Any]) -> Iterator[object]:
    for line in sys.stdin:
        command, argument = line.rstrip("\n").split(" ", 1)
        if command == "save":
            np.save(argument, predict())
            yield "saved"
        elif command == "cold":
            buffer = _written(int(argument))
            np.add(buffer, 1, out=buffer)
            yield _seconds(predict, 1)
        else:
            yield _seconds(predict, int(argument))


def _seconds(call: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return time.perf_counter() - start


@cache
def _written(size: int) -> Any:
    return np.zeros(size, np.uint8)


def _module(path: str) -> Any:
    """A module of the wheel, without its package."""
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{PACKAGE} is not installed")
    file = Path(package.submodule_search_locations[0]) / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{file} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _interpreter(model: bytes, threads: int) -> Any:
    """The faster of its two binary convolutions on x86 ("indirect"), and XNNPACK for float operators."""
    if int(np.__version__.split(".")[0]) > 1:
        raise RuntimeError(f"its wheel needs numpy 1, this is numpy {np.__version__}")
    module = _module("tflite/python/interpreter_wrapper_lite.so")
    return module.LiteInterpreter(model, threads, False, True, True)


def _flatbuffer(graph: dict[str, Any], constants: dict[str, Any]) -> bytes:
    """``graph`` has "tensors" [shape, dtype], "operators" [kind, inputs, output, options of the schema,
    fields], "input" and "output"; ``constants`` are arrays by number of their tensor."""
    schema = _module("mlir/python/tflite_schema.py")
    flatbuffers = importlib.import_module("flatbuffers")
    buffers = [schema.BufferT()]  # the first is empty, and that of every tensor that is no constant
    subgraph, model = schema.SubGraphT(), schema.ModelT()
    subgraph.tensors = []
    for number, (shape, dtype) in enumerate(graph["tensors"]):
        tensor = schema.TensorT()
        tensor.shape, tensor.name = np.array(shape, np.int32), f"t{number}"
        tensor.type = {"float32": schema.TensorType.FLOAT32, "int32": schema.TensorType.INT32}[dtype]
        if str(number) in constants:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(constants[str(number)].tobytes(), np.uint8)
            tensor.buffer = len(buffers)
            buffers.append(buffer)
        subgraph.tensors.append(tensor)
    kinds = sorted({operator[0] for operator in graph["operators"]})
    subgraph.operators = [_operator(schema, kinds, *operator) for operator in graph["operators"]]
    subgraph.inputs, subgraph.outputs = (np.array([graph[end]], np.int32) for end in ("input", "output"))
    model.version, model.subgraphs, model.buffers = 3, [subgraph], buffers
    model.operatorCodes = [_code(schema, kind) for kind in kinds]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _operator(
    schema: Any,
    kinds: list[str],
    kind: str,
    inputs: list[int],
    output: int,
    options: str,
    fields: dict[str, Any],
) -> Any:
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
    operator.opcodeIndex = kinds.index(kind)
    if options:
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        operator.builtinOptions = getattr(schema, f"{options}T")()
        for name, value in fields.items():
            setattr(operator.builtinOptions, name, value)
    elif fields:
        packed = importlib.import_module("flatbuffers.flexbuffers").Dumps(fields)
        operator.customOptions = np.frombuffer(packed, np.uint8)
    return operator


def _code(schema: Any, kind: str) -> Any:
    code = schema.OperatorCodeT()
    if kind.startswith("Lce"):
        code.builtinCode, code.customCode = schema.BuiltinOperator.CUSTOM, kind
    else:
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)  # where readers before 2020 looked
    return code


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except Exception as error:
        print("error", f"{type(error).__name__}: {error}".replace("\n", " "), flush=True)
        sys.exit(1)
