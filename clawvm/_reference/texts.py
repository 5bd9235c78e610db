"""The texts of a container as MessagePack: strings if they are ASCII, else UTF-8 in binaries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ..errors import SnapshotInvalid

__all__ = ["pack_texts", "unpack_texts"]

_ENCODING: Final = ("utf-8", "surrogatepass")


def pack_texts(
    payload: bytearray, texts: Iterable[str], least: int
) -> tuple[list[bytes], list[str]]:
    """Add an array of texts to the payload, but for the long ones.

    Parameters
    ----------
    payload : bytearray
        Where it is added.
    texts : iterable of str
        The texts.
    least : int
        From how many bytes on a text is nil in the array; 0 if all of them stand in it.

    Returns
    -------
    tuple of (list of bytes, list of str)
        The bytes of those that are nil in the array, and the same as texts.
    """
    from msgspec import msgpack

    # Not all of them as bytes, because msgspec copies a str of ASCII as it lies in memory. Any
    # other it would have Python encode, and Python keeps what it encoded beside the text.
    items: list[str | bytes | None] = []
    outside: list[bytes] = []
    outside_texts: list[str] = []
    for text in texts:
        item = text if text.isascii() else text.encode(*_ENCODING)
        if least and len(item) >= least:
            outside.append(item.encode() if isinstance(item, str) else item)
            outside_texts.append(text)
            items.append(None)
        else:
            items.append(item)
    payload += msgpack.encode(items)
    return outside, outside_texts


def unpack_texts(data: Any) -> list[str | None]:
    """Return the texts of an array, None in the place of each that is not in it.

    Raises
    ------
    SnapshotInvalid
        When it is no such array.
    """
    import msgspec

    try:
        items = msgspec.msgpack.decode(data, type=list[Any])
    except (msgspec.MsgspecError, ValueError, RecursionError, TypeError) as error:
        raise SnapshotInvalid(f"section TEXT is damaged: {error}") from error
    if not {str, bytes, type(None)}.issuperset(map(type, items)):
        raise SnapshotInvalid("section TEXT is damaged: it has something that is no text")
    try:
        return [str(item, *_ENCODING) if type(item) is bytes else item for item in items]
    except UnicodeDecodeError as error:
        raise SnapshotInvalid(f"a text of the snapshot is no UTF-8 ({error})") from error
