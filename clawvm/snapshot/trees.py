"""JSON trees as MessagePack, their long texts replaced by numbers."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from ..errors import SnapshotInvalid
from .state import JSON
from .texts import TEXT_CHARS_MIN, TextPool

__all__ = ["DEPTH_MAX", "Hook", "Packer", "check_trees", "decode_with", "encode_into", "hook_for"]

DEPTH_MAX: Final = 100
"""Lists and dicts within each other, at most."""
TEXT: Final = 1
"""Extension: the number of a text, in decimal digits."""
INTEGER: Final = 2
"""Extension: a whole number beyond 64 bits, in two's complement."""
PAIRS: Final = 3
"""Extension: a dict with a key that is no UTF-8, as a list of keys and values in turn."""
_INTEGER_BYTES_MAX: Final = 4096
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_TOO_DEEP: Final = f"lists and dicts stand {DEPTH_MAX} deep in each other at most"
# What starts a binary or a time in MessagePack; a text or a number may have these bytes too.
_SUSPECT: Final = (b"\xc4", b"\xc5", b"\xc6", b"\xd6\xff", b"\xd7\xff", b"\xc7\x0c\xff")

Hook = Callable[[int, memoryview], JSON]
_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder()


class Packer:
    """Replaces what MessagePack or a short record has no place for in trees.

    Parameters
    ----------
    pool : TextPool
        Takes the long texts.
    """

    def __init__(self, pool: TextPool) -> None:
        self._number = pool.number
        # Keys that stand in a tree as they are; messages have the same few again and again.
        self._known: set[str] = set()

    def tree(self, tree: JSON, where: str) -> Any:
        """Return `tree` with extensions for its long texts; `where` names it in an error."""
        try:
            return self._pack(tree, DEPTH_MAX)
        except _Refused as refused:
            raise SnapshotInvalid(f"{where}: {refused}") from None

    def refer(self, text: str) -> str | int:
        """Return a short text as it is, or the number of a long one.

        A short text that cannot be written as UTF-8 (a lone surrogate) counts as long: the texts
        have an encoding that can.
        """
        if len(text) < TEXT_CHARS_MIN and (text.isascii() or _is_plain(text)):
            return text
        return self._number(text)

    def references(self, texts: Sequence[str | None]) -> list[str | int | None]:
        """Return what `refer` returns of each."""
        return [
            text
            if text is None or (len(text) < TEXT_CHARS_MIN and text.isascii())
            else self.refer(text)
            for text in texts
        ]

    def _pack(self, node: JSON, depth: int) -> Any:
        kind = type(node)
        if kind is str:
            if len(node) < TEXT_CHARS_MIN and (node.isascii() or _is_plain(node)):
                return node
            return msgspec.msgpack.Ext(TEXT, b"%d" % self._number(node))
        if kind is dict:
            if not depth:
                raise _Refused(_TOO_DEEP)
            depth -= 1
            if not self._known.issuperset(node) and not self._learn(node):
                return self._pairs(node, depth)
            # What `_pack` would return of a short text, which most values are, without the call.
            return {
                key: value
                if type(value) is str and len(value) < TEXT_CHARS_MIN and value.isascii()
                else self._pack(value, depth)
                for key, value in node.items()
            }
        if kind is list:
            if not depth:
                raise _Refused(_TOO_DEEP)
            return [self._pack(value, depth - 1) for value in node]
        if kind is int:
            return node if _LEAST <= node <= _MOST else _long(node)
        if kind in _SCALARS:
            return node
        return self._pack(_plain(node), depth)

    def _learn(self, keys: Iterable[object]) -> bool:
        """Tell whether all of these keys can stand as they are."""
        for key in keys:
            if not isinstance(key, str):
                raise _Refused(f"a key of JSON is a text, found {reprlib.repr(key)}")
            if not _is_plain(key):
                return False
        self._known.update(map(str.__str__, keys))
        return True

    def _pairs(self, node: dict[str, JSON], depth: int) -> msgspec.msgpack.Ext:
        flat = [self._pack(item, depth) for pair in node.items() for item in pair]
        return msgspec.msgpack.Ext(PAIRS, _encoder.encode(flat))


class _Refused(Exception):
    """What is no JSON; the caller knows where it stands."""


def _is_plain(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(node: object) -> JSON:
    """Return a subclass's value as the type that JSON has."""
    if isinstance(node, str):
        return str.__str__(node)
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    if isinstance(node, dict):
        return dict(node)
    if isinstance(node, (list, tuple)):
        return list(node)
    raise _Refused(
        f"expected JSON (None, bool, int, float, str, list, dict), found {reprlib.repr(node)}"
    )


def _long(number: int) -> msgspec.msgpack.Ext:
    size = number.bit_length() // 8 + 1
    if size > _INTEGER_BYTES_MAX:
        raise _Refused(f"a whole number takes {_INTEGER_BYTES_MAX} bytes at most, found {size}")
    return msgspec.msgpack.Ext(INTEGER, number.to_bytes(size, "little", signed=True))


def encode_into(payload: bytearray, value: object, where: str) -> None:
    """Add the MessagePack of plain values to the payload; `where` names them in an error."""
    try:
        _encoder.encode_into(value, payload, -1)
    except (OverflowError, TypeError, UnicodeEncodeError) as error:
        raise SnapshotInvalid(f"{where}: {error}") from error


def hook_for(texts: Sequence[str | None]) -> Hook:
    """Return the reader of extensions for a container of these texts."""

    def read(code: int, data: memoryview) -> JSON:
        if code == TEXT and len(data) < 10:
            text = texts[int(bytes(data))]
            if text is not None:
                return text
        if code == INTEGER and 8 < len(data) <= _INTEGER_BYTES_MAX:
            return int.from_bytes(data, "little", signed=True)
        if code == PAIRS:
            flat = msgspec.msgpack.Decoder(list[Any], ext_hook=read).decode(data)
            return dict(zip(flat[::2], flat[1::2], strict=True))
        raise SnapshotInvalid(f"extension {code} of {len(data)} bytes is not known")

    return read


def decode_with(data: memoryview, kind: type[_T], where: str, hook: Hook | None = None) -> _T:
    """Read MessagePack of this type."""
    try:
        return msgspec.msgpack.Decoder(kind, ext_hook=hook).decode(data)
    except (msgspec.MsgspecError, RecursionError, IndexError, ValueError, TypeError) as error:
        # Beyond what msgspec says: too deep, no such text, no number, a key that is none.
        if isinstance(error, SnapshotInvalid):
            raise
        raise SnapshotInvalid(f"section {where} is damaged: {error}") from error


def check_trees(data: memoryview, trees: Sequence[JSON], where: str) -> None:
    """Refuse what MessagePack can say and JSON cannot, given the bytes and what they say.

    Raises
    ------
    SnapshotInvalid
        When something in them is no JSON.
    """
    raw = bytes(data)
    if any(mark in raw for mark in _SUSPECT):
        _check_each(trees, where)


def _check_each(trees: Sequence[JSON], where: str) -> None:
    waiting: list[Any] = [trees]
    while waiting:
        node = waiting.pop()
        for value in node.values() if type(node) is dict else node:
            kind = type(value)
            if kind is dict or kind is list:
                waiting.append(value)
            elif kind not in _SCALARS:
                raise SnapshotInvalid(f"section {where} is damaged: a {kind.__name__} is no JSON")
