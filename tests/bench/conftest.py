"""Make ``import made_runs`` work, wherever pytest runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
