"""Make the helpers of this folder, and the file mutations of the malformed cases, importable."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "malformed")]
