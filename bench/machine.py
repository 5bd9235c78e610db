"""Names the machine that a figure comes from, and how busy it was."""

from __future__ import annotations

import os
import platform
from pathlib import Path

__all__ = ["load", "machine"]


def machine() -> str:
    """Return processor, cores, system and Python, on one line."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{processor()}, {os.cpu_count()} cores, {platform.system()}, {python}"


def load() -> float | None:
    """Return the processes that ran or waited, in the mean of the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def processor() -> str:
    """Return the model of the processor, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for row in cpuinfo.read_text().splitlines():
            if row.startswith("model name"):
                return row.partition(":")[2].strip()
    return platform.processor() or platform.machine()
