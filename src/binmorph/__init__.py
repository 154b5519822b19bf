"""binmorph: run binary and morphological networks as fast as the hardware allows, bit for bit."""

from __future__ import annotations
