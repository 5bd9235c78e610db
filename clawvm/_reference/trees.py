"""JSON trees as MessagePack, their long texts replaced by numbers.

The compiled core writes and reads the trees that there mostly are. What is unusual (a whole number
of more than 64 bits, a key with a lone surrogate, a subclass's value) and whatever is out of order
it leaves to this module, which has the sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..errors import SnapshotInvalid
from .validate import shown

__all__ = ["DEPTH_MAX", "TEXT_CHARS_MIN", "is_plain", "pack_tree", "pack_trees", "unpack_trees"]

TEXT_CHARS_MIN: Final = 64
"""A text of at least so many characters is kept once and referred to by its number."""
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
# What starts a binary or a time in MessagePack; a text or a number may have these bytes too.
_SUSPECT: Final = (b"\xc4", b"\xc5", b"\xc6", b"\xd6\xff", b"\xd7\xff", b"\xc7\x0c\xff")


class _Refused(Exception):
    """What is no JSON; the caller knows where it stands."""


def pack_trees(
    payload: bytearray,
    trees: Sequence[Any],
    numbers: dict[str, int],
    what: str,
    names: Sequence[object],
) -> None:
    """Add an array of trees to the payload.

    Parameters
    ----------
    payload : bytearray
        Where it is added.
    trees : sequence of JSON
        None, bool, int, float, str, and lists and string-keyed dicts of these.
    numbers : dict of str to int
        The numbers of the texts so far; a long text that is not in it gets the next one.
    what : str
        What the trees are, for an error.
    names : sequence
        What names each of them in an error.

    Raises
    ------
    SnapshotInvalid
        When one is no JSON.
    """
    from msgspec import Raw, msgpack

    packed = [
        Raw(pack_tree(tree, numbers, f"{what} {name!r}"))
        for tree, name in zip(trees, names, strict=True)
    ]
    payload += msgpack.encode(packed)


def pack_tree(tree: Any, numbers: dict[str, int], where: str) -> bytes:
    """Return a tree as MessagePack; `where` names it in an error."""
    from msgspec import msgpack

    try:
        return msgpack.encode(_packed(tree, numbers, DEPTH_MAX))
    except _Refused as refused:
        raise SnapshotInvalid(f"{where}: {refused}") from None


def _packed(node: Any, numbers: dict[str, int], depth: int) -> Any:
    kind = type(node)
    if kind is str:
        if len(node) < TEXT_CHARS_MIN and is_plain(node):
            return node
        return _extension(TEXT, b"%d" % numbers.setdefault(node, len(numbers) + 1))
    if kind is dict or kind is list:
        if not depth:
            raise _Refused(f"lists and dicts stand {DEPTH_MAX} deep in each other at most")
        if kind is list:
            return [_packed(value, numbers, depth - 1) for value in node]
        return _packed_dict(node, numbers, depth - 1)
    if kind is int:
        return node if _LEAST <= node <= _MOST else _long(node)
    if kind in _SCALARS:
        return node
    return _packed(_plain(node), numbers, depth)


def _packed_dict(node: dict[Any, Any], numbers: dict[str, int], depth: int) -> Any:
    from msgspec import msgpack

    for key in node:
        if not isinstance(key, str):
            raise _Refused(f"a key of JSON is a text, found {shown(key)}")
    if all(map(is_plain, node)):
        return {str.__str__(key): _packed(value, numbers, depth) for key, value in node.items()}
    flat = [_packed(item, numbers, depth) for pair in node.items() for item in pair]
    return _extension(PAIRS, msgpack.encode(flat))


def _extension(code: int, data: bytes) -> Any:
    from msgspec import msgpack

    return msgpack.Ext(code, data)


def is_plain(text: str) -> bool:
    """Tell whether a text can be written as UTF-8: one with a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(node: object) -> Any:
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
    raise _Refused(f"expected JSON (None, bool, int, float, str, list, dict), found {shown(node)}")


def _long(number: int) -> Any:
    size = number.bit_length() // 8 + 1
    if size > _INTEGER_BYTES_MAX:
        raise _Refused(f"a whole number takes {_INTEGER_BYTES_MAX} bytes at most, found {size}")
    return _extension(INTEGER, number.to_bytes(size, "little", signed=True))


def unpack_trees(data: Any, texts: Sequence[str | None], where: str) -> list[Any]:
    """Return the trees of an array.

    Parameters
    ----------
    data : bytes or memoryview
        All of the array.
    texts : sequence of (str or None)
        By number, those that the trees refer to; the first has no number.
    where : str
        What names the array in an error.

    Raises
    ------
    SnapshotInvalid
        When it is no such array, or MessagePack that is no JSON.
    """
    import msgspec

    decoder = msgspec.msgpack.Decoder(list[Any], ext_hook=_hook(texts))
    try:
        trees = decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, IndexError, ValueError, TypeError) as error:
        # Beyond what msgspec says: too deep, no such text, no number, a key that is none.
        if isinstance(error, SnapshotInvalid):
            raise
        raise SnapshotInvalid(f"section {where} is damaged: {error}") from error
    raw = bytes(data)
    if any(mark in raw for mark in _SUSPECT):
        _check_each(trees, where)
    return trees


def _hook(texts: Sequence[str | None]) -> Any:
    """Return the reader of extensions for a container of these texts."""

    def read(code: int, data: memoryview) -> Any:
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

    import msgspec

    return read


def _check_each(trees: Sequence[Any], where: str) -> None:
    """Refuse what MessagePack can say and JSON cannot."""
    waiting: list[Any] = [trees]
    while waiting:
        node = waiting.pop()
        for value in node.values() if type(node) is dict else node:
            kind = type(value)
            if kind is dict or kind is list:
                waiting.append(value)
            elif kind not in _SCALARS:
                raise SnapshotInvalid(f"section {where} is damaged: a {kind.__name__} is no JSON")
