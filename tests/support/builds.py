"""What a test has to know of the build that it runs on; the variables are those of setup.py."""

import os

import pytest

IS_CHECKED = any(
    os.environ.get(f"CLAWVM_{name}", "") not in ("", "0") for name in ("DEBUG", "SANITIZE")
)
"""Whether the twin selects as well, from nothing, at every selection of the core."""

unchecked_only = pytest.mark.skipif(
    IS_CHECKED,
    reason="a build with checks selects with the twin as well, which is not the core's work",
)
