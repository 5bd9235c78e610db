"""Where commits go while the store is down: bounded, local, in order, never dropped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import SpoolFull, StoreCorrupt, StoreFailed, StoreInvalid
from .codec import Codec, Lz4Codec
from .protocol import Append, Space, Store
from .spool_file import SpoolContents, SpoolFile, disk_failure, read_file
from .spool_frames import frame_of, header_of
from .system import sync_folder

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
    codec : Codec, optional
        What rows pass through; give the store's, so that what is encrypted there is so here.

    Notes
    -----
    Thread safety: safe; a `SpaceSpool` belongs to one journal.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        max_bytes: int = SPOOL_BYTES_MAX,
        codec: Codec | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.max_bytes = max_bytes
        self.codec = codec or Lz4Codec()

    def of(self, space: Space) -> SpaceSpool:
        """Return the spool of one space, with the rows that dead processes have left there.

        Raises
        ------
        StoreCorrupt, StoreInvalid
            When a row in it that was acknowledged is damaged, or was written with another codec.
        StoreFailed
            When its files cannot be read.
        """
        return SpaceSpool(self, space)

    def refused(self) -> list[Refused]:
        """List the files of rows that were refused; they stay until somebody deletes them."""
        found = []
        for path in self.paths(refused=True):
            contents = self.read(path)
            found.append(Refused(contents.space, path, len(contents.rows)))
        return found

    def paths(self, *, refused: bool = False) -> list[Path]:
        """List the files of rows that wait for the store, or of those that were refused."""
        return _listing(self.folder, "", _REFUSED if refused else _SUFFIX)

    def read(self, path: Path) -> SpoolContents:
        """Read a file of this folder without locking it; see `spool_file.read_file`."""
        return read_file(path, self.codec)

    def cut(self, path: Path, space: Space) -> bool:
        """Cut off what is torn of a file, as the next opening of `space` would.

        Nobody may open the space meanwhile: a file that is locked is passed over.

        Returns
        -------
        bool
            False when another process has the file.
        """
        file = SpoolFile.adopt(path, space, self.codec)
        if file is None:
            return not path.exists()
        file.close()
        return True


def spool_of(store: Store, folder: str | os.PathLike[str] | None = None) -> Spool | None:
    """Return the spool for a store: in `folder`, or where it suits the store.

    A store that does not outlive the process has none.
    """
    if folder is not None:
        return Spool(folder, codec=store.codec)
    if not store.durable:
        return None
    kind, _, path = store.url.partition(":///")
    if kind == "sqlite":
        return Spool(f"{path}-spool", codec=store.codec)
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    name = hashlib.sha256(store.url.encode()).hexdigest()[:16]
    return Spool(Path(state) / "clawvm" / "spool" / name, codec=store.codec)


class SpaceSpool:
    """The rows of one space that the store does not have yet, in order.

    Not safe for use by several threads at once.
    """

    def __init__(self, spool: Spool, space: Space) -> None:
        self.space = space
        self.max_bytes = spool.max_bytes
        self._folder = spool.folder
        self._codec = spool.codec
        self._stem = stem_of(space)
        found = _listing(self._folder, self._stem, _SUFFIX)
        self._files: list[SpoolFile] = []
        try:
            for path in found:
                file = SpoolFile.adopt(path, space, self._codec)
                self._files += [] if file is None else [file]
            self._files.sort(key=lambda file: (next(file.rows()).seq, file.path.name))
        except (StoreCorrupt, StoreFailed, StoreInvalid):
            self.close()
            raise

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
        frame = frame_of(row, self._codec)
        need = len(frame) + (0 if self._files else len(header_of(self.space, self._codec)))
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
        _make_folder(self._folder)
        while not self._files:
            path = self._folder / f"{self._stem}.{secrets.token_hex(4)}{_SUFFIX}"
            made = SpoolFile.create(path, self.space, self._codec, frame)
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


def _make_folder(folder: Path) -> None:
    """Make a folder, and have its name on disk before anything in it counts as saved."""
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in new:
            sync_folder(each.parent)
    except OSError as error:
        for each in new:  # so that the next attempt brings the names to disk
            with contextlib.suppress(OSError):
                each.rmdir()
        raise disk_failure(folder, error) from error


def _listing(folder: Path, stem: str, suffix: str) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise disk_failure(folder, error) from error
    return [
        folder / name for name in sorted(names) if name.startswith(stem) and name.endswith(suffix)
    ]
