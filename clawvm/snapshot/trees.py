"""JSON trees as MessagePack, their long texts replaced by numbers."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from ..errors import SnapshotInvalid
from .state import JSON
from .texts import TextPool

__all__ = ["DEPTH_MAX", "Packer", "check_tree", "decode_with", "encoded", "hook_for"]

DEPTH_MAX: Final = 100
"""Lists and dicts within each other, at most."""
TEXT: Final = 1
"""Extension: 4 bytes, the number of a text."""
INTEGER: Final = 2
"""Extension: a whole number beyond 64 bits, in two's complement."""
_INTEGER_BYTES_MAX: Final = 4096
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1

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
            if not depth:
                raise _Refused(f"lists and dicts stand {DEPTH_MAX} deep in each other at most")
            return {self._key(key): self._pack(value, depth - 1) for key, value in node.items()}
        if kind is list:
            if not depth:
                raise _Refused(f"lists and dicts stand {DEPTH_MAX} deep in each other at most")
            return [self._pack(value, depth - 1) for value in node]
        if node is None or kind is bool or kind is float:
            return node
        if kind is int:
            return node if _LEAST <= node <= _MOST else _long(node)
        return self._pack(_plain(node), depth)

    def _key(self, key: object) -> Any:
        if not isinstance(key, str):
            raise _Refused(f"a key of JSON is a text, found {reprlib.repr(key)}")
        return self._pack(key, 1)


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


def check_tree(trees: Iterable[JSON], where: str) -> None:
    """Refuse what MessagePack can say and JSON cannot.

    Raises
    ------
    SnapshotInvalid
        When something in them is no JSON.
    """
    waiting = list(trees)
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind is dict:
            if not set(map(type, node)) <= {str}:
                raise SnapshotInvalid(f"section {where} is damaged: a key is no text")
            waiting += node.values()
        elif kind is list:
            waiting += node
        elif kind not in _SCALARS:
            raise SnapshotInvalid(f"section {where} is damaged: a {kind.__name__} is no JSON")


_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
