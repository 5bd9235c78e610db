"""The core in plain Python: the specification of ``clawvm._core``, and what runs without it.

Both have the same names, methods, sentences and answers. This one is written to be read.
"""

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
