"""The training loop: the same numbers for the same seed, stopped and resumed or not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import DataError
from ..nn.binary import BinaryLayer
from ..nn.gradient_clipping import clip_gradients_adaptively
from ..nn.quantizers import set_progress
from ..nn.two_value import density_penalty
from .augment import mixup, shift_and_flip
from .data import Data
from .recipe import Recipe
from .workers import Workers

CHECKPOINT = "binmorph-checkpoint/1"
PARTS = 20  # of an epoch, each with its own mean loss in the log

Batch = tuple[Tensor, Tensor, Tensor | None, torch.Generator]


@dataclass(frozen=True)
class Settings:
    """How to run a recipe; ``epochs``, ``batch`` and ``rate`` override its own, ``bfloat16`` trains in that
    type (evaluation never does), ``checkpoint`` is written behind every epoch, the network begins with the
    state ``start``, ``teacher`` are a teacher's scores [N, classes] of the training images as they are;
    ``watch`` is how many test images the accuracy behind an epoch is taken from, all of them for None."""

    seed: int = 0
    epochs: int | None = None
    batch: int | None = None
    rate: float | None = None
    start: dict[str, Any] | None = None
    teacher: Tensor | None = None
    watch: int | None = None
    device: str = "cpu"
    bfloat16: bool = False
    checkpoint: Path | None = None
    resume: bool = False
    stop_after: int | None = None


@dataclass
class Run:
    """``history``: one dict per epoch, as in the log; its ``losses`` are the means over up to :data:`PARTS`
    equal parts of the epoch."""

    network: nn.Module
    history: list[dict[str, Any]] = field(default_factory=list)


def accuracy(network: nn.Module, recipe: Recipe, x: Tensor, y: Tensor, batch: int = 500) -> float:
    """Fraction of uint8 images ``x`` that ``network`` puts into class ``y``, in evaluation mode."""
    training, device = network.training, next(network.parameters()).device
    network.eval()
    with torch.no_grad():
        right = sum(
            int((network(recipe.inputs(xs).to(device)).argmax(1).cpu() == ys).sum())
            for xs, ys in zip(x.split(batch), y.split(batch), strict=True)
        )
    network.train(training)
    return right / len(x)


def optimizer_of(network: nn.Module, recipe: Recipe) -> torch.optim.Adam:
    """Adam; weight decay on matrices and kernels of float layers alone."""
    binary = {id(m.weight) for m in network.modules() if isinstance(m, BinaryLayer) and m.binarizes}
    groups: tuple[list[Tensor], list[Tensor]] = ([], [])
    for p in network.parameters():
        if p.requires_grad:
            groups[p.ndim > 1 and p[0].numel() > 1 and id(p) not in binary].append(p)
    free, decayed = groups
    parts = [{"params": free, "weight_decay": 0.0}]
    if decayed:
        parts.append({"params": decayed, "weight_decay": recipe.weight_decay})
    return torch.optim.Adam(parts, lr=recipe.rate)


def fit(
    recipe: Recipe,
    data: Data,
    settings: Settings,
    workers: Workers,
    report: Callable[[dict[str, Any]], None] = lambda line: None,
    bar: Callable[[range], Any] = iter,
    history: list[dict[str, Any]] | None = None,
) -> Run:
    """Train; ``report`` gets one dict per epoch, ``bar`` wraps the steps of an epoch, ``history`` is the list
    that the dicts are kept in.

    Raises DataError if a checkpoint does not belong to these settings, or the data are too few for a batch.
    """
    epochs, batch = settings.epochs or recipe.epochs, settings.batch or recipe.batch
    steps = len(data.x_train) // batch
    if not steps or batch % workers.count:
        raise DataError(
            f"a batch of {batch} needs as many training images, of which there are {len(data.x_train)}, and "
            f"must be a multiple of the {workers.count} workers"
        )
    torch.manual_seed(settings.seed)
    network = recipe.network(data).to(settings.device, memory_format=torch.channels_last)
    if settings.start is not None:
        network.load_state_dict(settings.start)
    recipe = recipe if settings.rate is None else replace(recipe, rate=settings.rate)
    optimizer = optimizer_of(network, recipe)
    plan: dict[str, Any] = {"seed": settings.seed, "epochs": epochs, "batch": batch, "workers": workers.count}
    plan |= {"bfloat16": settings.bfloat16, "rate": recipe.rate}
    run = Run(network, [] if history is None else history)
    if settings.resume:
        run.history += _load(settings, plan, network, optimizer)
    wrapped, parts = workers.wrap(network), min(steps, PARTS)
    watched = data.x_test[: settings.watch], data.y_test[: settings.watch]
    for epoch in range(len(run.history), min(epochs, settings.stop_after or epochs)):
        start = time.perf_counter()
        losses = torch.empty(steps, dtype=torch.float64)
        network.train()
        batches = _batches(data, batch, settings, epoch, workers)
        for step, chosen in zip(bar(range(steps)), batches, strict=True):
            t = (epoch * steps + step) / (epochs * steps)
            losses[step] = _step(recipe, network, wrapped, optimizer, chosen, t, settings)
        line = {
            "epoch": epoch + 1,
            "loss": workers.mean(float(losses.mean())),
            "losses": [round(workers.mean(float(part.mean())), 5) for part in losses.tensor_split(parts)],
            "rate": optimizer.param_groups[0]["lr"],
            "test_accuracy": accuracy(network, recipe, *watched),
            "seconds": round(time.perf_counter() - start, 2),
        }
        run.history.append(line)
        if workers.first:
            report(line)
            _save(settings, plan, network, optimizer, run.history)
    set_progress(network, 1.0)
    return run


def _batches(data: Data, batch: int, settings: Settings, epoch: int, workers: Workers) -> Iterator[Batch]:
    """This worker's images, labels and teacher's scores of each step, and what further random numbers come
    from. All of it depends on seed, epoch and worker alone, so that an epoch can be repeated from its
    beginning."""
    everyone = torch.Generator().manual_seed(settings.seed * 1_000_003 + epoch)
    own = torch.Generator().manual_seed((settings.seed * 1_000_003 + epoch) * 1009 + workers.rank + 1)
    order = torch.randperm(len(data.x_train), generator=everyone)
    for chosen in order[: len(order) // batch * batch].split(batch):
        share = chosen[workers.rank :: workers.count]
        taught = None if settings.teacher is None else settings.teacher[share]
        yield data.x_train[share], data.y_train[share], taught, own


def _step(
    recipe: Recipe,
    network: nn.Module,
    wrapped: Any,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    t: float,
    settings: Settings,
) -> Tensor:
    """One update at progress ``t``; its loss, a float64 scalar on the CPU."""
    set_progress(network, t)
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate_at(t)
    images, labels, taught, generator = batch
    x = recipe.inputs(shift_and_flip(images, recipe.shift, recipe.flip, generator))
    pairs, share = labels, 1.0
    if recipe.mixup:
        x, order, share = mixup(x, recipe.mixup, generator)
        pairs = labels[order]
    device = torch.device(settings.device)
    x = x.to(device).contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.bfloat16):
        scores = wrapped(x).float()
    loss = sum(
        weight * F.cross_entropy(scores, y.to(device), label_smoothing=recipe.label_smoothing)
        for y, weight in ((labels, share), (pairs, 1 - share))
        if weight
    )
    if taught is not None:
        learnt = distillation_loss(scores, taught.to(device), recipe.temperature)
        loss = (1 - recipe.distillation) * loss + recipe.distillation * learnt
    total = loss + density_penalty(network, loss, recipe.density, recipe.gamma) if recipe.gamma else loss
    optimizer.zero_grad()
    total.backward()
    if recipe.clip_gradients is not None:
        *clipped, _ = (m for m in network.modules() if any(True for _ in m.parameters(recurse=False)))
        clip_gradients_adaptively((p for m in clipped for p in m.parameters(False)), recipe.clip_gradients)
    optimizer.step()
    if recipe.clip_latent is not None:
        with torch.no_grad():
            for layer in network.modules():
                if isinstance(layer, BinaryLayer):
                    layer.weight.clamp_(-recipe.clip_latent, recipe.clip_latent)
    return loss.detach().double().cpu()


def distillation_loss(scores: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """temperature^2 KL(softmax(taught / temperature) || softmax(scores / temperature)), mean over the batch:
    the gradients keep their size at any temperature (Hinton et al. 2015, arXiv 1503.02531)."""
    target, given = (F.log_softmax(s / temperature, 1) for s in (taught, scores))
    return temperature**2 * F.kl_div(given, target, reduction="batchmean", log_target=True)


def _save(
    settings: Settings,
    plan: dict[str, Any],
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    history: list[dict[str, Any]],
) -> None:
    """Write the checkpoint: first beside its place, then moved there, so that it is whole at any moment."""
    if settings.checkpoint is None:
        return
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "history": history}
    beside = settings.checkpoint.with_name(settings.checkpoint.name + ".part")
    torch.save({"format": CHECKPOINT, "plan": plan, **state}, beside)
    os.replace(beside, settings.checkpoint)


def _load(
    settings: Settings, plan: dict[str, Any], network: nn.Module, optimizer: torch.optim.Optimizer
) -> list[dict[str, Any]]:
    path = settings.checkpoint
    if path is None or not path.is_file():
        raise DataError(f"{path}: no checkpoint to resume from")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise many types
        raise DataError(f"{path}: not a checkpoint ({type(error).__name__})") from error
    if not isinstance(saved, dict) or saved.get("format") != CHECKPOINT:
        raise DataError(f"{path}: not a checkpoint")
    if saved["plan"] != plan:
        raise DataError(f"{path}: belongs to a run with {saved['plan']}, this one has {plan}")
    network.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    return list(saved["history"])
