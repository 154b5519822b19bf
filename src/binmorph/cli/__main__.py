"""``python -m binmorph.cli``: the command without an installed script."""

from __future__ import annotations

import sys

from . import main

sys.exit(main())
