"""Make ``from exactness_oracle import ...`` work in this folder (see the conftest one level up)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
