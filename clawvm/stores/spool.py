"""Where commits go while the store is down: bounded, local, in order, never dropped."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import SpoolFull, StoreFailed
from .protocol import Append, Space, Store
from .spool_file import SpoolFile, frame_of, header_of, read_file

__all__ = ["SPOOL_BYTES_MAX", "Refused", "SpaceSpool", "Spool", "spool_of"]

SPOOL_BYTES_MAX = 64 << 20
"""Default bound of one space's spool."""

_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_SUFFIX, _REFUSED = ".spool", ".refused"


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows that the store would not take because somebody else had taken the space over."""

    space: Space | None
    path: Path
    rows: int


class Spool:
    """A folder of spools, one file for each space and writer that needs one.

    Parameters
    ----------
    folder : path
        Made when it is needed. It may be shared by processes of one machine; it has to outlive
        them.
    max_bytes : int, optional
        Most bytes that one space may keep in it.

    Notes
    -----
    Thread safety: safe; a `SpaceSpool` belongs to one journal.
    """

    def __init__(self, folder: str | os.PathLike[str], max_bytes: int = SPOOL_BYTES_MAX) -> None:
        self.folder = Path(folder)
        self.max_bytes = max_bytes

    def of(self, space: Space) -> SpaceSpool:
        """Return the spool of one space, with the rows that dead processes have left there.

        Raises
        ------
        StoreCorrupt
            When a row in it that was acknowledged is damaged.
        StoreFailed
            When its files cannot be read.
        """
        return SpaceSpool(self, space)

    def refused(self) -> list[Refused]:
        """List the files of rows that were refused; they stay until somebody deletes them."""
        found = []
        for path in self.paths(refused=True):
            contents = read_file(path)
            found.append(Refused(contents.space, path, len(contents.rows)))
        return found

    def paths(self, *, refused: bool = False) -> list[Path]:
        """List the files of rows that wait for the store, or of those that were refused."""
        return _listing(self.folder, "", _REFUSED if refused else _SUFFIX)


def spool_of(store: Store, folder: str | os.PathLike[str] | None = None) -> Spool | None:
    """Return the spool for a store: in `folder`, or where it suits the store.

    A store that does not outlive the process has none.
    """
    if folder is not None:
        return Spool(folder)
    if not store.durable:
        return None
    kind, _, path = store.url.partition(":///")
    if kind == "sqlite":
        return Spool(f"{path}-spool")
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    name = hashlib.sha256(store.url.encode()).hexdigest()[:16]
    return Spool(Path(state) / "clawvm" / "spool" / name)


class SpaceSpool:
    """The rows of one space that the store does not have yet, in order.

    Not safe for use by several threads at once.
    """

    def __init__(self, spool: Spool, space: Space) -> None:
        self.space = space
        self.max_bytes = spool.max_bytes
        self._folder = spool.folder
        self._stem = stem_of(space)
        found = _listing(self._folder, self._stem, _SUFFIX)
        adopted = [SpoolFile.adopt(path, space) for path in found]
        self._files = [file for file in adopted if file is not None]
        self._files.sort(key=lambda file: (next(file.rows()).seq, file.path.name))

    def __len__(self) -> int:
        return sum(file.waiting for file in self._files)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in self._files)

    def rows(self) -> Iterator[Append]:
        """Read the rows that are waiting, in order."""
        for file in self._files:
            yield from file.rows()

    def write(self, row: Append) -> None:
        """Add a row behind the others; it is on disk when this returns.

        Raises
        ------
        SpoolFull
            When there is no room for it; the others are untouched.
        StoreFailed
            When the disk fails.
        """
        frame = frame_of(row)
        need = len(frame) + (0 if self._files else len(header_of(self.space)))
        if self.size + need > self.max_bytes:
            for file in self._files:
                file.compact()
        if self.size + need > self.max_bytes:
            raise SpoolFull(
                f"{self.space}: row {row.seq} needs {need} bytes, its spool in {self._folder} has "
                f"{self.size} of {self.max_bytes}; bring the store back, or raise the bound"
            )
        if self._files:
            self._files[-1].append(frame)
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFailed(
                f"{self._folder}: the local spool cannot be made ({error.strerror})"
            ) from error
        while not self._files:
            path = self._folder / f"{self._stem}.{secrets.token_hex(4)}{_SUFFIX}"
            made = SpoolFile.create(path, self.space, frame)
            self._files.extend([] if made is None else [made])

    def drop(self) -> None:
        """Forget the first row: the store has acknowledged it."""
        file = self._files[0]
        file.drop()
        if not file.waiting:
            del self._files[0]
            file.remove()

    def refuse(self) -> list[Path]:
        """Set aside every row, for good, in files that `Spool.refused` lists."""
        paths = []
        while self._files:
            file = self._files.pop(0)
            path = file.path.with_suffix(_REFUSED)
            file.rename(path)
            paths.append(path)
        return paths

    def close(self) -> None:
        """Leave the files to whoever opens the space next."""
        while self._files:
            self._files.pop().close()


def stem_of(space: Space) -> str:
    """Return the start of the names of a space's files: safe on every file system.

    The readable part is for people; the digest tells spaces apart, on file systems that ignore
    case too.
    """
    key = json.dumps([space.tenant, space.scope.value, space.name]).encode("ascii")
    readable = _NOT_IN_NAME.sub("-", space.name)[:24].strip("-")
    return f"{space.scope}-{readable}-{hashlib.blake2b(key, digest_size=10).hexdigest()}"


def _listing(folder: Path, stem: str, suffix: str) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreFailed(f"{folder}: the spool cannot be read ({error.strerror})") from error
    return [
        folder / name for name in sorted(names) if name.startswith(stem) and name.endswith(suffix)
    ]
