"""Tool arguments: reading them, their canonical signature, their cheap form."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import MessageInvalid

__all__ = ["decode_arguments", "dump_json", "shorten_arguments", "signature", "size_marker"]

# One JSON string, and the colon that makes it a key. Possessive: a megabyte string costs one pass.
_JSON_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"(\s*+:)?', re.DOTALL)


def dump_json(value: object, where: str) -> str:
    """Write a value as compact JSON text, the way it is counted.

    Raises
    ------
    MessageInvalid
        The value is not JSON (a foreign object, a cycle, nested beyond the recursion limit).
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise MessageInvalid(
            f"{where}: expected a value that can be written as JSON, found one that "
            f"cannot ({error})"
        ) from error


def _load(text: str) -> Any:
    """Decode JSON text; raise ValueError for everything that cannot be decoded."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested beyond the recursion limit") from error


def decode_arguments(text: str) -> dict[str, Any] | str:
    """Decode arguments that are a JSON object; anything else stays the text it is.

    Models do produce invalid JSON, so that is not an error here.
    """
    try:
        value = _load(text)
    except ValueError:
        return text
    return value if isinstance(value, dict) else text


def signature(name: str, arguments: Mapping[str, Any] | str) -> str:
    """Write a call in canonical form: equal calls have equal signatures.

    The order of keys and the white space of JSON text do not count; everything else does. Free
    text counts as it is.

    Parameters
    ----------
    name : str
        The tool's name.
    arguments : Mapping or str
        Decoded arguments, or their text.

    Returns
    -------
    str
        The name as a JSON string, a space, the arguments.

    Raises
    ------
    MessageInvalid
        The arguments are a mapping that cannot be written as JSON.
    """
    prefix = json.dumps(name) + " "
    value: Any = arguments
    if isinstance(arguments, str):
        try:
            value = _load(arguments)
        except ValueError:
            return prefix + arguments
    try:
        return prefix + json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(arguments, str):
            return prefix + arguments
        raise MessageInvalid(
            f"call of {name!r}: expected arguments that can be written as JSON, "
            f"found some that cannot ({error})"
        ) from error


def shorten_arguments(
    arguments: Mapping[str, Any] | str, handle: str, limit: int = 200
) -> str | None:
    """Build the cheap form of a call's arguments: same keys, long strings replaced by a marker.

    The first marker names what it stands for: ``[1,234 characters: clawvm://s/p@1]``; the others
    only say how much it is. Strings at any depth are replaced; keys, numbers, short strings and the
    order of keys stay.

    Parameters
    ----------
    arguments : Mapping or str
        Decoded arguments, or their text. Text that is no JSON object is free text (a custom tool,
        or JSON that the model got wrong): all of it is one string.
    handle : str
        What resolves to the full arguments; blank where something beside them says it.
    limit : int
        Strings of at most this many characters stay.

    Returns
    -------
    str or None
        The arguments as JSON text (free text: the marker itself); ``None`` when nothing is saved.
    """
    text = arguments if isinstance(arguments, str) else dump_json(arguments, "arguments")
    if isinstance(arguments, str) and isinstance(decode_arguments(text), str):
        marker = size_marker(len(text), handle)
        return marker if len(text) > limit and len(marker) < len(text) else None

    def replace(match: re.Match[str]) -> str:
        nonlocal handle
        token = match[0]
        if match[1] is not None or len(token) - 2 <= limit:
            return token
        size = len(json.loads(token))
        marker = json.dumps(size_marker(size, handle), ensure_ascii=False)
        if size <= limit or len(marker) >= len(token):
            return token
        handle = ""
        return marker

    short = _JSON_STRING.sub(replace, text)
    return short if len(short) < len(text) else None


def size_marker(size: int, handle: str = "") -> str:
    """Write what stands for a string of `size` characters, and where it can be had."""
    return f"[{size:,} characters: {handle}]" if handle else f"[{size:,} characters]"
