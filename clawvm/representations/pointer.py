"""The pointer: one line that resolves, and says enough to decide whether to resolve it."""

from __future__ import annotations

from .forms import ContentKind, Form, Source
from .output import unwrap
from .text import QUALITY_MAX, clean, clip, error_lines, first_sentence, line_count, split_lines

__all__ = ["LENGTH_MAX", "point"]

LENGTH_MAX = 200
_GIST_MIN = 40
_QUALITY = 25
_QUALITY_WITH_ERROR = 40
# The argument that says what a call was about, best first.
_TELLING = (
    "file_path",
    "path",
    "command",
    "cmd",
    "pattern",
    "query",
    "url",
    "description",
)


def point(source: Source) -> Form:
    """Make the pointer line of a source.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form
        One line: handle, tool or role, kind, size and a gist; at most 200 characters unless the
        handle itself leaves no room for 40 characters of gist. Beside its call it says neither tool
        nor gist, but for an error.
    """
    who = "" if source.call_shown else source.tool or source.role or ""
    fields = [
        "".join(source.handle.split()) or "clawvm://",
        *([clip(who, 40)] if who else []),
        source.kind.value,
        f"{len(source.text)}ch/{line_count(source.text)}ln",
    ]
    head = " ".join(fields)
    room = max(_GIST_MIN, LENGTH_MAX - len(head) - 2)
    gist = clip(_gist(source), room)
    quality = _QUALITY_WITH_ERROR if source.is_error else _QUALITY
    line = clip(clean(f"{head}: {gist}" if gist else head), len(head) + room + 2)
    return Form(line, min(QUALITY_MAX, quality))


def _gist(source: Source) -> str:
    if source.is_error and (error := first_error(source.text)):
        return error
    if source.call_shown:
        return ""
    if source.path:
        return source.path
    arguments = source.arguments or {}
    for name in _TELLING:
        value = arguments.get(name)
        if isinstance(value, str) and value.strip():
            return value
    for value in arguments.values():
        if isinstance(value, str | int | float):
            return str(value)
    body = unwrap(source.text).body
    if source.kind in (ContentKind.CHAT, ContentKind.PROSE):
        return first_sentence(body, LENGTH_MAX)
    return body[: 4 * LENGTH_MAX]


def first_error(text: str) -> str:
    """First line that carries an error, else the first line that says anything."""
    lines = [line for line in split_lines(unwrap(text).body[:20_000]) if line.strip()]
    return next(iter(error_lines(lines) or lines), "")
