"""The recipes by name: NETWORK_DATA."""

from __future__ import annotations

from ..recipe import Recipe
from . import digits, papers

RECIPES: dict[str, Recipe] = {**papers.RECIPES, **digits.RECIPES}
"""Every recipe that ``binmorph train`` knows beside ``digits``."""
