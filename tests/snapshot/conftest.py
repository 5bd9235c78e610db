"""The back ends, one after the other, and small states."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import pytest


@pytest.fixture(params=["compiled", "reference"])
def core(request: pytest.FixtureRequest) -> ModuleType:
    """One back end of the page table."""
    if request.param == "reference":
        return importlib.import_module("clawvm._reference")
    if os.environ.get("CLAWVM_NO_EXTENSIONS", "") not in ("", "0"):
        pytest.skip("CLAWVM_NO_EXTENSIONS is set: the compiled core is not tested")
    return importlib.import_module("clawvm._core")
