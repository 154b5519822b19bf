"""Fitting a classifier while it turns into its own binarization: the loop that recipes and experiments share.

Needs tqdm. There is no batch normalisation anywhere: the thresholds of the neurons are trained themselves,
and move with the weights as these snap (:class:`binmorph.nn.Annealing`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .annealing import Annealing


def fit_classifier(
    net: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    schedule: Annealing,
    augment: Callable[[Tensor], Tensor] = lambda images: images,
    label_smoothing: float = 0.0,
    after_epoch: Callable[[int], None] = lambda epoch: None,
    progress: bool = True,
) -> None:
    """Train ``net`` in place on images ``x`` [N, C, H, W] and labels ``y`` int64 [N]; eval mode when done.

    Adam under a one-cycle learning rate with its peak at a tenth of the training. ``schedule`` anneals the
    morphological layers at every step, from progress 0 to 1; ``augment`` changes each batch of images;
    ``after_epoch`` is called with the number of epochs done.
    """
    from tqdm import tqdm

    optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
    steps = len(x) // batch_size
    rate = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=epochs * steps, pct_start=0.1, final_div_factor=100
    )
    for epoch in tqdm(range(epochs), desc="training", unit="epoch", disable=not progress):
        net.train()
        order = torch.randperm(len(x))
        for step, chosen in enumerate(order[: steps * batch_size].split(batch_size)):
            schedule.apply(net, (epoch * steps + step) / (epochs * steps))
            scores = net(augment(x[chosen]))
            loss = F.cross_entropy(scores, y[chosen], label_smoothing=label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
        after_epoch(epoch + 1)
    schedule.apply(net.eval(), 1.0)


def random_shift(images: Tensor, fraction: float, reach: int = 1) -> Tensor:
    """Shift about ``fraction`` of the ``images`` [N, C, H, W] by up to ``reach`` pixels per direction; zeros
    come in."""
    count, _, height, width = images.shape
    offset = torch.randint(0, 2 * reach + 1, (2, count)).where(torch.rand(count) < fraction, reach)
    rows = (offset[0, :, None] + torch.arange(height))[:, :, None]
    columns = (offset[1, :, None] + torch.arange(width))[:, None, :]
    padded = F.pad(images, (reach, reach, reach, reach))
    return padded[torch.arange(count)[:, None, None], :, rows, columns].movedim(-1, 1)


def predict(net: nn.Module, x: Tensor, batch: int = 1000) -> Tensor:
    """The class that ``net`` chooses for each of ``x``, int64 [N]."""
    with torch.no_grad():
        return torch.cat([net(part).argmax(1) for part in x.split(batch)])


def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """Fraction of ``x`` that ``net`` puts into class ``y``."""
    return float((predict(net, x) == y).double().mean())


@contextlib.contextmanager
def quiet_torch(seed: int) -> Iterator[None]:
    """One thread (sums then do not depend on the machine's core count) and a private random state, both put
    back afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
