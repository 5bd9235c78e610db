"""Snapshots in files, written so that after a crash a file is either the old one or the new one."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ..crash_points import reach
from ..errors import SnapshotInvalid, StoreFailed
from .container import decode_payload, encode
from .header import HEADER_BYTES_MAX, read_header
from .state import Decoded, Kind, StateDelta

__all__ = ["load", "load_delta", "save", "save_delta"]


def save(path: str | os.PathLike[str], state: StateDelta) -> bytes:
    """Write a whole state to a file.

    It is on disk when the call returns. A crash leaves the old file or the new one, and at most
    one temporary file beside it (``.clawvm-...tmp``).

    Returns
    -------
    bytes
        The digest that a delta on it names it by.

    Raises
    ------
    SnapshotInvalid
        When the state does not hold together.
    StoreFailed
        When the file cannot be written; it is then as it was.
    """
    encoded = encode(Kind.SNAPSHOT, state)
    _write(Path(path), encoded.data)
    return encoded.digest


def save_delta(path: str | os.PathLike[str], delta: StateDelta, base: bytes) -> bytes:
    """Write what changed since the snapshot or delta of digest `base`; as `save` otherwise."""
    encoded = encode(Kind.DELTA, delta, base=base)
    _write(Path(path), encoded.data)
    return encoded.digest


def load(path: str | os.PathLike[str]) -> Decoded:
    """Read a file of `save`.

    Raises
    ------
    SnapshotInvalid
        When it is damaged or none; what is wrong is said.
    StoreFailed
        When it cannot be read.
    """
    return _read(Path(path), Kind.SNAPSHOT)


def load_delta(path: str | os.PathLike[str], base: bytes) -> Decoded:
    """Read a file of `save_delta`, which must be one on the state of digest `base`.

    Raises
    ------
    SnapshotInvalid
        When it is damaged or none, or was saved on another base.
    StoreFailed
        When it cannot be read.
    """
    decoded = _read(Path(path), Kind.DELTA)
    if decoded.base != base:
        found = "none" if decoded.base is None else decoded.base.hex()
        raise SnapshotInvalid(
            f"{os.fspath(path)}: a delta on state {found} was to be applied to state {base.hex()}; "
            "load the file that it was saved on"
        )
    return decoded


def _read(path: Path, kind: Kind) -> Decoded:
    try:
        with open(path, "rb") as file:
            # The header first: what it says is checked before memory is taken for the rest.
            start = file.read(HEADER_BYTES_MAX)
            header = read_header(start, os.fstat(file.fileno()).st_size)
            if header.kind is not kind:
                raise SnapshotInvalid(
                    f"expected a {kind.name.lower()}, found a {header.kind.name.lower()}"
                )
            file.seek(header.header_bytes)
            stored = file.read(header.stored_bytes)
        return decode_payload(header, memoryview(stored), ())
    except OSError as error:
        raise StoreFailed(f"snapshot {os.fspath(path)} cannot be read: {error}") from error
    except SnapshotInvalid as error:
        raise SnapshotInvalid(f"{os.fspath(path)}: {error}") from error


def _write(path: Path, data: bytes) -> None:
    """Put a file in the place of another, or of none."""
    temporary = path.parent / f".clawvm-{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb", buffering=0) as file:
            try:
                _write_all(file.fileno(), data)
                reach("snapshot.written")
                os.fsync(file.fileno())
                reach("snapshot.synced")
                # Windows renames no file that is open.
                file.close()
                os.replace(temporary, path)
            except BaseException:
                file.close()
                temporary.unlink(missing_ok=True)
                raise
        reach("snapshot.replaced")
        _sync_folder(path.parent)
    except OSError as error:
        raise StoreFailed(
            f"snapshot {path} cannot be written: {error}; mend that and save again"
        ) from error
    reach("snapshot.done")


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk; on Windows a folder cannot be opened, nor need it be."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
