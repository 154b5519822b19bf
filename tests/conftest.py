"""Shared by all tests: make ``from oracle import evaluate, random_graph`` work from every test folder."""

import sys
from pathlib import Path

# --import-mode=importlib leaves sys.path alone, so helpers next to this file would not be importable.
sys.path.insert(0, str(Path(__file__).parent))
