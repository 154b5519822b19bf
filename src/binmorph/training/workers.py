"""One process, or several that ``torchrun`` started: each takes its share of every batch."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import nn


class Workers:
    """``count`` processes, of which this is number ``rank``; ``first`` writes files and reports."""

    def __init__(self, device: str = "cpu") -> None:
        self.count, self.rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
        self.device = device
        if self.count > 1:
            if device == "cuda":
                self.device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
                torch.cuda.set_device(self.device)
            torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")

    @property
    def first(self) -> bool:
        return self.rank == 0

    def wrap(self, network: nn.Module) -> Any:
        """The network whose backward pass averages gradients over the workers."""
        if self.count == 1:
            return network
        return nn.parallel.DistributedDataParallel(network)

    def mean(self, value: float) -> float:
        """The mean over the workers; every one of them must ask for it."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(total)
        return float(total) / self.count

    def close(self) -> None:
        """Wait for the others and leave the group."""
        if self.count > 1:
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()
