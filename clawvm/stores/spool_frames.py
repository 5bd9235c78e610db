"""One file of the spool: checksummed frames, appended and synced one by one.

All numbers are little-endian. A file is a header, then one frame for each row::

    header   magic 8 | major u16 | minor u16 | length u32 | checksum u64 | names
    frame    mark 4  | length u32 | checksum u64 | body, as the codec made it
    names    JSON in ASCII: tenant, scope and name of the space, name of the codec
    body     seq u64 | token u64 | record length u32 | contents u32 | length u32 each | the bytes

Checksums are XXH3-64, of what follows them. A frame is synced before the next one is written, so
at most one frame is not whole after a crash: the last one, which nobody was told of.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import NamedTuple

from ..errors import StoreCorrupt, StoreFailed, StoreInvalid
from ..pages import Scope
from .codec import Codec
from .protocol import Append, Space

__all__ = ["Parsed", "frame_of", "header_of", "parse", "row_of"]

_MAGIC = b"\x9cSPL\r\n\x1a\n"
_MARK = b"\x9cROW"
_MAJOR, _MINOR = 1, 0
_HEADER = struct.Struct("<8sHHIQ")
_FRAME = struct.Struct("<4sIQ")
_BODY = struct.Struct("<QQII")
_NAMES_BYTES_MAX = 1 << 16


class Parsed(NamedTuple):
    """What is in a file.

    Parameters
    ----------
    space : Space or None
        Whose spool it is; None when not even the header is whole.
    codec : str
        Name of the codec that made its rows.
    first : int
        Where the header ends.
    ends : list of int
        Where each whole row ends.
    """

    space: Space | None
    codec: str
    first: int
    ends: list[int]


def header_of(space: Space, codec: Codec) -> bytes:
    """Return the bytes with which a file of `space` starts."""
    names = [space.tenant, space.scope.value, space.name, codec.name]
    text = json.dumps(names).encode("ascii")
    return _HEADER.pack(_MAGIC, _MAJOR, _MINOR, len(text), _checksum(text)) + text


def frame_of(row: Append, codec: Codec) -> bytes:
    """Return a row as a frame; its contents are bytes, because the store may not know them."""
    contents = [content for content in row.contents if isinstance(content, bytes)]
    if len(contents) != len(row.contents):
        raise StoreFailed(
            f"{row.space}: row {row.seq} refers to contents by id, a spooled row has to bring "
            "them along"
        )
    lengths = struct.pack(f"<{len(contents)}I", *map(len, contents))
    head = _BODY.pack(row.seq, row.token, len(row.record), len(contents))
    body = codec.encode(b"".join((head, lengths, row.record, *contents)))
    return _FRAME.pack(_MARK, len(body), _checksum(body)) + body


def _checksum(data: bytes) -> int:
    import xxhash

    return int(xxhash.xxh3_64_intdigest(data))


def parse(data: bytes, path: Path) -> Parsed:
    """Find the rows of a file and check all of it against its checksums.

    Raises
    ------
    StoreCorrupt
        When something before the last whole row is damaged.
    StoreInvalid
        When it is of a newer version.
    """
    space, codec, first = _read_header(data, path)
    ends: list[int] = []
    offset = first
    while space is not None and (end := _frame_end(data, offset)) is not None:
        ends.append(end)
        offset = end
    # What follows is the frame that was being written; a whole one behind it was acknowledged.
    later = data.find(_MARK, offset + 1)
    while later >= 0:
        if _frame_end(data, later) is not None:
            raise StoreCorrupt(
                f"{path}: byte {offset} does not continue the rows before it, and a whole row "
                f"follows at byte {later}: acknowledged rows are damaged; move the file away to "
                "open the space without them"
            )
        later = data.find(_MARK, later + 1)
    return Parsed(space, codec, first, ends)


def row_of(frame: bytes, space: Space, codec: Codec) -> Append | None:
    """Return the row of a frame; None when it does not match its checksum."""
    if _frame_end(frame, 0) != len(frame):
        return None
    body = codec.decode(frame[_FRAME.size :])
    seq, token, record_size, count = _BODY.unpack_from(body)
    offset = _BODY.size
    lengths = struct.unpack_from(f"<{count}I", body, offset)
    offset += 4 * count
    parts: list[bytes] = []
    for length in (record_size, *lengths):
        parts.append(body[offset : offset + length])
        offset += length
    return Append(space, seq, parts[0], parts[1:], token)


def _read_header(data: bytes, path: Path) -> tuple[Space | None, str, int]:
    if len(data) < _HEADER.size:
        return None, "", 0
    magic, major, _, length, checksum = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        return None, "", 0
    if major != _MAJOR:
        raise StoreInvalid(f"{path} is a spool of version {major}, expected {_MAJOR}; update")
    text = data[_HEADER.size : _HEADER.size + min(length, _NAMES_BYTES_MAX)]
    if len(text) != length or _checksum(text) != checksum:
        return None, "", 0
    tenant, scope, name, codec = json.loads(text)
    return Space(tenant, Scope(scope), name), codec, _HEADER.size + length


def _frame_end(data: bytes, offset: int) -> int | None:
    """Where the frame at `offset` ends; None when there is no whole one."""
    if len(data) - offset < _FRAME.size:
        return None
    mark, length, checksum = _FRAME.unpack_from(data, offset)
    start = offset + _FRAME.size
    if mark != _MARK or len(data) - start < length:
        return None
    return start + length if _checksum(data[start : start + length]) == checksum else None
