"""The core in plain Python: the specification of ``clawvm._core``, and what runs without it.

Both have the same names, methods, sentences and answers. This one is written to be read.
"""

from importlib import import_module
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
    from .columns import pack_columns, unpack_columns
    from .exact import ExactSelection
    from .objects import get_slots, join_dicts, make_objects, split_dicts
    from .owners import last_parts, unpack_owners
    from .page_table import PageTable
    from .places import Places
    from .selector import Selection
    from .shown import Shown, Version
    from .texts import pack_texts, unpack_texts
    from .trees import pack_trees, unpack_trees
    from .turns import turn_many

__all__ = [
    "HALF_LIFE",
    "MAX_ID_BYTES",
    "MAX_PAGES",
    "MAX_TOKENS",
    "MAX_TURN",
    "MAX_WEIGHT",
    "MISSING_LEVEL",
    "ExactSelection",
    "PageTable",
    "Places",
    "Selection",
    "Shown",
    "Version",
    "get_slots",
    "join_dicts",
    "last_parts",
    "make_objects",
    "pack_columns",
    "pack_texts",
    "pack_trees",
    "record_dtype",
    "split_dicts",
    "turn_many",
    "unpack_columns",
    "unpack_owners",
    "unpack_texts",
    "unpack_trees",
]

_MODULES = {
    "ExactSelection": "exact",
    "PageTable": "page_table",
    "Places": "places",
    "Selection": "selector",
    "Shown": "shown",
    "Version": "shown",
    "get_slots": "objects",
    "join_dicts": "objects",
    "last_parts": "owners",
    "make_objects": "objects",
    "pack_columns": "columns",
    "pack_texts": "texts",
    "pack_trees": "trees",
    "split_dicts": "objects",
    "turn_many": "turns",
    "unpack_columns": "columns",
    "unpack_owners": "owners",
    "unpack_texts": "texts",
    "unpack_trees": "trees",
}


def __getattr__(name: str) -> Any:
    # The compiled core takes its limits and sentences from this package and needs the rest hardly
    # ever: importing the library does not wait for it.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
