"""JSON as it is found on disk: strict and fast first, then tolerant, with every repair named."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import msgspec

__all__ = [
    "MAX_DEPTH",
    "DamageError",
    "as_list",
    "as_object",
    "decode_json",
    "depth_within",
    "known_id",
    "object_in",
    "text_in",
    "token_count",
]

MAX_DEPTH = 100
"""Deepest nesting of arguments and opaque blocks: writing them must not run out of stack."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_WRONG_BYTES = "bytes that are not UTF-8, read as U+FFFD"
_CONTROL = "raw control characters in a string, kept"
_SURROGATE = "lone surrogates, read as U+FFFD"
_NUMBER = "numbers that JSON has no room for, kept as text"

_MAX_TOKENS = 0xFFFFFFFE

_decoder = msgspec.json.Decoder()


class DamageError(Exception):
    """A value that cannot be read; the argument is the reason."""


def decode_json(raw: bytes) -> tuple[Any, tuple[str, ...]]:
    """Return the JSON value in `raw` and what had to be mended to read it.

    Parameters
    ----------
    raw : bytes
        One JSON value.

    Returns
    -------
    tuple
        The value, and a sentence for each kind of repair (none for valid JSON in UTF-8).

    Raises
    ------
    DamageError
        If it is not JSON, or nested too deeply to read.
    """
    try:
        return _decoder.decode(raw), ()
    except RecursionError:
        raise DamageError("nested too deeply") from None
    except ValueError:
        return _decode_tolerantly(raw)


def _decode_tolerantly(raw: bytes) -> tuple[Any, tuple[str, ...]]:
    mended: dict[str, None] = {}
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("utf-8", errors="replace")
        mended[_WRONG_BYTES] = None

    def as_text(literal: str) -> str:
        mended[_NUMBER] = None
        return literal

    def integer(literal: str) -> int | str:
        try:
            return int(literal)
        except ValueError:  # more digits than Python converts
            return as_text(literal)

    def real(literal: str) -> float | str:
        value = float(literal)
        return value if math.isfinite(value) else as_text(literal)

    try:
        value = json.loads(
            text, strict=False, parse_int=integer, parse_float=real, parse_constant=as_text
        )
        value = _without_surrogates(value, mended)
    except RecursionError:
        raise DamageError("nested too deeply") from None
    except json.JSONDecodeError as error:
        _refuse(error)
    if not mended:
        mended[_CONTROL] = None
    return value, tuple(mended)


def _refuse(error: json.JSONDecodeError) -> NoReturn:
    where = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno} of the document"
    raise DamageError(f"not JSON ({error.msg} at {where})") from None


def _without_surrogates(value: Any, mended: dict[str, None]) -> Any:
    if isinstance(value, str):
        clean = _SURROGATES.sub("\ufffd", value)
        if clean != value:
            mended[_SURROGATE] = None
        return clean
    if isinstance(value, list):
        return [_without_surrogates(item, mended) for item in value]
    if isinstance(value, dict):
        return {
            _without_surrogates(key, mended): _without_surrogates(item, mended)
            for key, item in value.items()
        }
    return value


def as_list(value: Any) -> list[Any]:
    """Return `value` where it is a JSON list, else an empty one."""
    return value if isinstance(value, list) else []


def as_object(value: Any) -> dict[str, Any]:
    """Return `value` where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def object_in(holder: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object under `key`; empty where there is none."""
    return as_object(holder.get(key))


def text_in(holder: dict[str, Any], key: str) -> str:
    """Return the text under `key`; empty where there is none."""
    value = holder.get(key)
    return value if isinstance(value, str) else ""


def known_id(value: Any) -> str | None:
    """Return a recorded id, or None: it is missing, or was scrubbed and so names no one thing."""
    return value if isinstance(value, str) and value and "REDACTED" not in value else None


def token_count(value: Any) -> int | None:
    """Return a recorded token count, or None when `value` cannot be one."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TOKENS
    return value if is_count else None


def depth_within(value: Any, limit: int = MAX_DEPTH) -> bool:
    """Return whether lists and objects in `value` are nested at most `limit` deep."""
    level = [value]
    for _ in range(limit + 1):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return True
    return False
