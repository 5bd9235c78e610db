"""The core in plain Python: the specification of ``clawvm._core``, and what runs without it.

Both have the same names, methods, sentences and answers. This one is written to be read.
"""

from typing import TYPE_CHECKING, Any

from .layout import (
    HALF_LIFE,
    MAX_ID_BYTES,
    MAX_PAGES,
    MAX_TOKENS,
    MAX_TURN,
    MAX_WEIGHT,
    MISSING_LEVEL,
    record_dtype,
)

if TYPE_CHECKING:
    from .page_table import PageTable
    from .selector import Selection

__all__ = [
    "HALF_LIFE",
    "MAX_ID_BYTES",
    "MAX_PAGES",
    "MAX_TOKENS",
    "MAX_TURN",
    "MAX_WEIGHT",
    "MISSING_LEVEL",
    "PageTable",
    "Selection",
    "record_dtype",
]


def __getattr__(name: str) -> Any:
    # The compiled core takes its limits and sentences from this package and needs neither class:
    # importing the library does not wait for them.
    if name == "PageTable":
        from .page_table import PageTable

        return PageTable
    if name == "Selection":
        from .selector import Selection

        return Selection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
