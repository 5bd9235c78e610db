"""``clawvm doctor``: what runs here, what is missing, and how to get it."""

from __future__ import annotations

import platform
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version

from rich.table import Table
from rich.text import Text

from .. import __version__, backend
from ..errors import TokenizerUnavailable
from ..tokens import best_counter, counter
from .console import output

__all__ = ["doctor"]

_PACKAGES = ("numpy", "xxhash", "lz4", "msgspec", "tiktoken", "toktok-rs")
_ENCODINGS = ("o200k_base", "cl100k_base")


def doctor() -> None:
    """Tell which core runs, which versions are installed and how tokens can be counted."""
    table = Table(title=f"clawvm {__version__}", title_justify="left", show_header=False)
    table.add_column("what", no_wrap=True)
    table.add_column("found", overflow="fold")
    best = best_counter()
    kind = "exact" if best.exact else "approximate"
    rows = [
        ("python", f"{platform.python_version()} ({_gil()}) on {platform.machine()}"),
        ("back end", _backend()),
        *((package, _version(package)) for package in _PACKAGES),
        *((f"count {encoding}", _counting(encoding)) for encoding in _ENCODINGS),
        ("demo and replay count with", f"{best.name} ({kind})"),
    ]
    for what, found in rows:
        # Text and not str: the brackets of an extra are no markup.
        table.add_row(what, Text(found))
    output().print(table)


def _gil() -> str:
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    build = "free-threaded build, " if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return f"{build}GIL {'on' if enabled else 'off'}"


def _backend() -> str:
    if backend == "compiled":
        return "compiled"
    return (
        "reference: the pure Python twin, correct but slow; for the compiled core reinstall clawvm "
        "with a C compiler at hand and without CLAWVM_NO_EXTENSIONS"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        if package == "toktok-rs":
            return "missing; pip install 'clawvm[fast-tokens]' for exact counts without a download"
        return f"missing; pip install {package}"


def _counting(encoding: str) -> str:
    try:
        found = counter(encoding)
    except TokenizerUnavailable as error:
        return f"not at hand: {error}"
    return f"exact, with {type(found).__name__.removesuffix('Counter').lower()}"
