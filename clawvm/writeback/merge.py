"""The merge rules: what a field is after an operation. Written down in ``docs/writeback.md``.

Every rule is a function of the two values alone: no clock, no order of hashing, no other field.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from .operations import TEXT_FIELD, Json, OpKind

__all__ = [
    "JSON_CHARS_MAX",
    "JSON_DEPTH_MAX",
    "JSON_VALUES_MAX",
    "TEXT_CHARS_MAX",
    "apply",
    "canonical",
    "mismatch",
    "size_problem",
]

TEXT_CHARS_MAX = 16 << 20
"""Most characters of a page's text, all parts together."""
JSON_CHARS_MAX = 1 << 20
"""Most characters of all texts in a value that is no page text, names of members included."""
JSON_VALUES_MAX = 10_000
"""Most values in such a value."""
JSON_DEPTH_MAX = 32
"""Most lists and objects inside each other."""

_SET, _MERGE = OpKind.SET, OpKind.MERGE  # to look a member of an enum up takes as long as a call
_ONLY_TEXTS = {str}
_INT_MIN, _INT_MAX = -(1 << 63), (1 << 64) - 1  # what MessagePack can hold


def apply(op: OpKind, old: Json, value: Json) -> Json:
    """Return what a field with the value `old` holds after an operation that fits it.

    A field that is new or gone is None. Nothing of `old` is changed; parts of it may be shared.
    """
    if op is _SET:
        return value
    if op is _MERGE:
        return _patched(old, value)
    if old is None:
        return value
    if isinstance(old, list) and isinstance(value, list):
        return old + value
    assert isinstance(old, str) and isinstance(value, str)
    return _joined(old, value)


def mismatch(field: str, op: OpKind, old: Json, value: Json) -> str | None:
    """Say why `value` cannot be appended to, merged into or set over `old`; None when it can."""
    if field == TEXT_FIELD:
        if op is _MERGE:
            return "a page's text can be appended to or set, not merged"
        if not _is_text(value) and not (value is None and op is _SET):
            return f"a page's text is a text or a list of texts, found {_kind(value)}"
    if op is _SET:
        return None
    if op is _MERGE:
        if not isinstance(value, dict):
            return f"what is merged is an object, found {_kind(value)}"
        if old is not None and not isinstance(old, dict):
            return f"an object can be merged into an object only, the field holds {_kind(old)}"
        return None
    if not isinstance(value, (str, list)):
        return f"what is appended is a text or a list, found {_kind(value)}"
    if old is not None and type(old) is not type(value):
        return f"{_kind(value)} cannot be appended to {_kind(old)}"
    return None


def canonical(value: Json) -> Json:
    """Return `value` with the members of its objects sorted by name, sharing nothing with it."""
    if isinstance(value, dict):
        return {name: canonical(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    return value


def size_problem(field: str, value: Any) -> str | None:
    """Say why a value is no JSON within the documented limits; None when it is."""
    if type(value) is str and field == TEXT_FIELD:
        return _too_long(len(value)) if len(value) > TEXT_CHARS_MAX else None
    if field == TEXT_FIELD and _is_text(value):
        chars = sum(map(len, value))
        return _too_long(chars) if chars > TEXT_CHARS_MAX else None
    return _json_problem(value)


def _too_long(chars: int) -> str:
    return f"a page's text has at most {TEXT_CHARS_MAX} characters, found {chars}"


def _json_problem(value: Any) -> str | None:
    # By level and not by recursion, so that no depth of what a model made up is too deep for us.
    level = [value]
    depth = values = chars = 0
    while level:
        values += len(level)
        if values > JSON_VALUES_MAX:
            return f"a value holds at most {JSON_VALUES_MAX} values, found more"
        below: list[Any] = []
        nested = False
        for item in level:
            kind = type(item)
            if kind is str:
                chars += len(item)
            elif kind is dict:
                nested = True
                for name in item:
                    if type(name) is not str:
                        return f"the names of an object's members are texts, found {name!r:.80}"
                    chars += len(name)
                below.extend(item.values())
            elif kind is list:
                nested = True
                below.extend(item)
            elif kind is float:
                if not isfinite(item):
                    return f"JSON has no number {item!r}"
            elif kind is int:
                if not _INT_MIN <= item <= _INT_MAX:
                    return f"a whole number has at most 64 bits, found {item.bit_length()}"
            elif item is not None and kind is not bool:
                return f"a value is JSON, found {kind.__name__}"
        if chars > JSON_CHARS_MAX:
            return f"the texts of a value have at most {JSON_CHARS_MAX} characters, found more"
        depth += nested
        if depth > JSON_DEPTH_MAX:
            return f"lists and objects are at most {JSON_DEPTH_MAX} deep, found more"
        level = below
    return None


def _joined(old: str, value: str) -> str:
    """Two texts, on lines of their own: associative, and the empty text changes nothing."""
    if not old or not value or old.endswith("\n"):
        return old + value
    return f"{old}\n{value}"


def _patched(old: Json, patch: Json) -> Json:
    """RFC 7396, but a null stays as the tombstone of its member; members sorted by name.

    `patch` has passed `size_problem`, so it is not too deep for recursion.
    """
    if not isinstance(patch, dict):
        return canonical(patch)
    base = old if isinstance(old, dict) else {}
    return {
        name: _patched(base.get(name), patch[name]) if name in patch else base[name]
        for name in sorted(base.keys() | patch.keys())
    }


def _is_text(value: Json) -> bool:
    if type(value) is str:
        return True
    return type(value) is list and set(map(type, value)) == _ONLY_TEXTS


def _kind(value: Json) -> str:
    if value is None:
        return "nothing"
    names = {bool: "a truth value", int: "a number", float: "a number", str: "a text"}
    return {**names, list: "a list", dict: "an object"}.get(type(value), type(value).__name__)
