"""Make ``from mutate import ...`` and ``from cases import CASES`` work here."""

import sys
from pathlib import Path

# --import-mode=importlib leaves sys.path alone.
sys.path.insert(0, str(Path(__file__).parent))
