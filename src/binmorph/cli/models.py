"""MODEL on the command line: a file written by ``binmorph train``, or ``module.py:factory``."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .common import UsageError, need

FORMAT = "binmorph-model/1"
MODEL_HELP = (
    "a .pt file written by 'binmorph train', or module.py:factory (a function that returns the network)"
)


@dataclass(frozen=True)
class Model:
    """``module`` in eval mode; ``example`` inputs [N, ...] if the model knows some, else None."""

    module: Any
    example: Any


def load_model(spec: str) -> Model:
    """Load MODEL.

    Raises:
        UsageError: torch is missing, the file or the factory does not exist or does not give a network.
    """
    need("torch", "train", "a network")
    path, colon, factory = spec.rpartition(":")
    if colon and path.endswith(".py"):
        return _from_factory(Path(path), factory)
    if spec.endswith(".py"):
        raise UsageError(f"{spec}: name the factory too, as {spec}:build")
    return _from_recipe(Path(spec))


def _from_factory(path: Path, factory: str) -> Model:
    import torch

    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"{path}: no such Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    build = getattr(module, factory, None)
    if not callable(build):
        raise UsageError(f"{path}: has no function {factory!r}")
    network = build()
    if not isinstance(network, torch.nn.Module):
        raise UsageError(f"{path}:{factory} returned {type(network).__name__}, not a torch.nn.Module")
    return Model(network.eval(), None)


def save_digits(network: Any, config: dict[str, Any], path: Path) -> None:
    """Write a trained digits network: tensors and plain values only, so that loading runs no code."""
    import torch

    torch.save({"format": FORMAT, "recipe": "digits", "config": config, "state": network.state_dict()}, path)


def _from_recipe(path: Path) -> Model:
    if not path.is_file():
        raise UsageError(f"{path}: no such file; MODEL is {MODEL_HELP}")
    import torch

    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise many types
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageError(f"{path}: not a model file of 'binmorph train' ({reason})") from error
    if not isinstance(saved, dict) or saved.get("format") != FORMAT or "recipe" not in saved:
        raise UsageError(f"{path}: not a model file of 'binmorph train'")
    if saved["recipe"] != "digits":
        return _from_registry(path, saved)
    from ..nn import recipes

    # The level sets are part of the state; any image will do to build the network.
    config = {key: int(saved["config"][key]) for key in ("levels", "channels", "hidden")}
    network = recipes.digits_network(torch.zeros(1, 1, 8, 8), **config)
    try:
        network.load_state_dict(saved["state"])
    except (RuntimeError, KeyError, ValueError) as error:
        raise UsageError(f"{path}: its state does not fit the digits network: {error}") from error
    return Model(network.eval(), _digits())


def _from_registry(path: Path, saved: dict[str, Any]) -> Model:
    from ..training.run import restore

    try:
        return Model(restore(saved), saved["example"].numpy())
    except (AttributeError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path}: does not fit the recipe {saved['recipe']!r}: {error}") from error


def _digits() -> Any:
    """The test images of the recipe, or None without scikit-learn."""
    from ..nn import recipes

    try:
        return recipes.load_digits().x_test
    except ImportError:
        return None
