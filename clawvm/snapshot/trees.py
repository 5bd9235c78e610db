"""JSON trees as MessagePack, their long texts replaced by numbers."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from ..errors import SnapshotInvalid
from .state import JSON
from .texts import TEXT_CHARS_MIN, TextPool

__all__ = ["DEPTH_MAX", "Packer", "check_trees", "decode_with", "encoded", "hook_for"]

DEPTH_MAX: Final = 100
"""Lists and dicts within each other, at most."""
TEXT: Final = 1
"""Extension: 4 bytes, the number of a text."""
INTEGER: Final = 2
"""Extension: a whole number beyond 64 bits, in two's complement."""
_INTEGER_BYTES_MAX: Final = 4096
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_STR: Final = frozenset({str})
_TOO_DEEP: Final = f"lists and dicts stand {DEPTH_MAX} deep in each other at most"

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
        self._refer = pool.refer

    def tree(self, tree: JSON, where: str) -> Any:
        """Return `tree` with extensions for its long texts; `where` names it in an error."""
        try:
            return self._pack(tree, DEPTH_MAX)
        except _Refused as refused:
            raise SnapshotInvalid(f"{where}: {refused}") from None

    def _pack(self, node: JSON, depth: int) -> Any:
        kind = type(node)
        if kind is str:
            reference = self._refer(node)
            if isinstance(reference, str):
                return reference
            return msgspec.msgpack.Ext(TEXT, reference.to_bytes(4, "little"))
        if kind is dict:
            return self._pack_dict(node, depth - 1)
        if kind is list:
            return self._pack_list(node, depth - 1)
        if kind is int:
            return node if _LEAST <= node <= _MOST else _long(node)
        if kind in _SCALARS:
            return node
        return self._pack(_plain(node), depth)

    # Most of what is in a message is a short text, which these two see to themselves.

    def _pack_dict(self, node: dict[str, JSON], depth: int) -> dict[Any, Any]:
        if depth < 0:
            raise _Refused(_TOO_DEEP)
        packed: dict[Any, Any] = {}
        for key, value in node.items():
            if type(key) is not str or len(key) >= TEXT_CHARS_MIN or not key.isascii():
                if not isinstance(key, str):
                    raise _Refused(f"a key of JSON is a text, found {reprlib.repr(key)}")
                key = self._pack(key, 0)
            if type(value) is str and len(value) < TEXT_CHARS_MIN and value.isascii():
                packed[key] = value
            else:
                packed[key] = self._pack(value, depth)
        return packed

    def _pack_list(self, node: list[JSON], depth: int) -> list[Any]:
        if depth < 0:
            raise _Refused(_TOO_DEEP)
        return [self._pack(value, depth) for value in node]


class _Refused(Exception):
    """What is no JSON; the caller knows where it stands."""


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


def encoded(value: object, where: str) -> bytes:
    """Return the MessagePack of plain values."""
    try:
        return _encoder.encode(value)
    except (OverflowError, TypeError, UnicodeEncodeError) as error:
        raise SnapshotInvalid(f"{where}: {error}") from error


def hook_for(texts: Sequence[str]) -> Callable[[int, memoryview], JSON]:
    """Return the reader of extensions for a container of these texts."""

    def read(code: int, data: memoryview) -> JSON:
        if code == TEXT and len(data) == 4:
            return texts[int.from_bytes(data, "little")]
        if code == INTEGER and 8 < len(data) <= _INTEGER_BYTES_MAX:
            return int.from_bytes(data, "little", signed=True)
        raise SnapshotInvalid(f"extension {code} of {len(data)} bytes is not known")

    return read


def decode_with(
    data: memoryview, kind: type[_T], where: str, hook: Callable[[int, memoryview], JSON] | None
) -> _T:
    """Read MessagePack of this type."""
    try:
        return msgspec.msgpack.Decoder(kind, ext_hook=hook).decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, IndexError) as error:
        raise SnapshotInvalid(f"section {where} is damaged: {error}") from error


def check_trees(trees: list[JSON], where: str) -> None:
    """Refuse what MessagePack can say and JSON cannot.

    Raises
    ------
    SnapshotInvalid
        When something in them is no JSON.
    """
    waiting: list[Any] = [trees]
    while waiting:
        node = waiting.pop()
        values = node
        if type(node) is dict:
            if not _STR.issuperset(map(type, node)):
                raise SnapshotInvalid(f"section {where} is damaged: a key is no text")
            values = node.values()
        if _SCALARS.issuperset(map(type, values)):
            continue
        for value in values:
            kind = type(value)
            if kind is dict or kind is list:
                waiting.append(value)
            elif kind not in _SCALARS:
                raise SnapshotInvalid(f"section {where} is damaged: a {kind.__name__} is no JSON")
