"""The wall clock that leases and rows go by, in one place so that a test can turn it."""

from __future__ import annotations

import time

__all__ = ["now"]


def now() -> float:
    """Return the Unix time."""
    return time.time()
