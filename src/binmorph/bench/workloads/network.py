"""Whole networks, images in, scores out.

Ours stands beside the same network in float operators ("simulated"), beside a float network of the same
shapes and its int8 form, and beside OpenVINO with its BinaryConvolution.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..contest import Case, System, close, correlated
from ..counts import counts_of, step_records
from ..networks import Description, descriptions
from ..networks.forms import FloatTwin, Simulated
from ..peers.numpy_ops import NumpyOps
from ..peers.packed import PackedNetwork, device_system
from .common import float_peers, larq, openvino_binary, ours


def random_images(description: Description, batch: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Random images. Those of float networks are noise about a colour, since averages over plain noise are
    nearly the same for every image, and scores that hardly depend on the image check nothing."""
    rng = np.random.default_rng([batch, seed])
    shape = (batch, *description.image)
    if description.exact:
        return rng.random(shape, np.float32)
    colours = 2 * rng.normal(size=(*shape[:2], 1, 1))
    return (colours + rng.normal(size=shape)).astype(np.float32)


@dataclass(frozen=True)
class NetworkWork:
    """``network`` is one of :func:`binmorph.bench.networks.descriptions`; ``compiled`` adds torch.compile,
    which takes long to build."""

    name: str
    network: str
    compiled: bool = False

    def case(self, batch: int, threads: int) -> Case:
        known = descriptions()
        if self.network not in known:
            raise ValueError(f"network {self.network!r} is not one of {', '.join(known)}")
        description = known[self.network]
        shape = (batch, *description.image)
        x = random_images(description, batch)

        packed = PackedNetwork(description.image)
        graph = packed.graph(description.build(packed))
        preferred = ("openvino-binary", "openvino-int8", "onnxruntime-int8", "torch-float", "torch")
        work = {"kind": "network", **asdict(self)}
        case = Case(self.name, work, batch, threads, preferred, counts_of(graph, batch))
        case.profile = partial(step_records, graph, x, threads)
        scores = description.build(Simulated(NumpyOps(x)))
        # Float sums in another order turn single signs, which later layers spread.
        check = close(scores) if description.exact else correlated(scores, 0.97)
        ours(case, graph, x, check)
        case.enter("binmorph-cuda", device_system(graph, x), check)

        def simulated() -> System:
            from ..peers.torch_ops import TorchOps

            ops = TorchOps()
            return ops.system("torch-simulated", description.build(Simulated(ops)), x, threads)

        case.enter("torch-simulated", simulated, check)
        reference = NumpyOps(x)
        twin = description.build(FloatTwin(reference))

        def on_gpu() -> System:
            from ..peers.torch_ops import TorchOps

            ops = TorchOps()
            return ops.cuda_system("torch-cuda", description.build(FloatTwin(ops)), x)

        case.enter("torch-cuda", on_gpu, correlated(twin, 0.99))
        float_peers(
            case,
            shape,
            x,
            lambda ops: description.build(FloatTwin(ops)),
            close(twin, 1e-2),
            correlated(twin, 0.9),
            reference.limits,
            self.compiled,
            windows=not description.dense,
        )
        along = description.dense
        images: Any = np.ascontiguousarray(x.reshape(batch, -1).T)[None, :, None] if along else x
        openvino_binary(case, images.shape, images, description.build, check, along)
        larq(case, x, description.build, check)
        return case
