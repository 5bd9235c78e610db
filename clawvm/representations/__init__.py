"""Representations: how a text gets its cheaper forms, at ingest, without a model call.

``compressed`` keeps what a reader of that kind of content would keep, ``structured`` holds typed
fields, ``pointer`` is one line that resolves. ``docs/representations.md`` says what each keeps.
"""

from .builders import BUILT_LEVELS, Builders, build, compress
from .forms import Builder, ContentKind, Form, Source
from .kinds import detect
from .pointer import point
from .structured import structure
from .text import carries_error

__all__ = [
    "BUILT_LEVELS",
    "Builder",
    "Builders",
    "ContentKind",
    "Form",
    "Source",
    "build",
    "carries_error",
    "compress",
    "detect",
    "point",
    "structure",
]
