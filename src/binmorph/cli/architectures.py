"""``binmorph models``: the published networks and what they cost."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from .common import add_json, command, emit, need


def add(commands: Any) -> None:
    """Declare the command."""
    examples = ("binmorph models", "binmorph models --json models.json")
    made = command(
        commands, "models", "list the published networks with their operations and sizes", examples, execute
    )
    add_json(made)


def execute(args: argparse.Namespace) -> int:
    """Count and list."""
    need("torch", "train", "counting a network")
    from ..nn.architectures import PUBLISHED, counts, table

    data = [
        {"network": name, "image": list(image), "classes": classes, **asdict(counts(name, image, classes))}
        for name, image, classes in PUBLISHED
    ]
    emit(args.json, table(), {"models": data})
    return 0
