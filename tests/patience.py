"""How much longer than users may the tests wait: BINMORPH_TEST_PATIENCE, which .ci/sanitize sets."""

import os

PATIENCE = float(os.environ.get("BINMORPH_TEST_PATIENCE", "1"))
