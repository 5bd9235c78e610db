"""Benches of the compiled core, which an installation may be without."""

from __future__ import annotations

import os

import pytest

__all__ = ["compiled_only"]

compiled_only = pytest.mark.skipif(
    os.environ.get("CLAWVM_NO_EXTENSIONS", "") not in ("", "0"),
    reason="CLAWVM_NO_EXTENSIONS is set: there is no compiled core to measure",
)
