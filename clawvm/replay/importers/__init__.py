"""Importers: what people have on disk, read into the trace format.

An importer is a module with ``NAME``, ``sniff(values)`` (whether the first JSON values of a file
are of its format) and ``read(source)`` (the sessions of the file, one at a time), and its line in
`IMPORTERS`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from clawvm.errors import TraceInvalid
from clawvm.replay.importers import (
    anthropic_messages,
    claude_code,
    clawvm_trace,
    codex,
    copilot_cli,
    gemini_cli,
    mini_swe_agent,
    openai_messages,
    opencode,
    openhands,
    pi,
    swe_agent,
    tau_bench,
)
from clawvm.replay.importers.recorder import ImportedSession
from clawvm.replay.importers.report import ImportReport, Tally
from clawvm.replay.importers.source import Progress, Source

__all__ = [
    "IMPORTERS",
    "ImportReport",
    "ImportedSession",
    "Importer",
    "Progress",
    "Tally",
    "TraceFiles",
    "detect",
    "open_sessions",
    "trace_files",
]


class Importer(Protocol):
    """What a module must offer to be an importer."""

    NAME: str

    def sniff(self, values: list[Any], /) -> bool:
        """Return whether these first values of a file are of this format."""

    def read(self, source: Source, /) -> Iterator[ImportedSession]:
        """Yield the sessions of a file."""


IMPORTERS: tuple[Importer, ...] = (
    # Asked in this order: the formats that say who wrote them first, bare message lists last.
    clawvm_trace,
    claude_code,
    codex,
    copilot_cli,
    pi,
    opencode,
    gemini_cli,
    mini_swe_agent,
    swe_agent,
    openhands,
    tau_bench,
    anthropic_messages,
    openai_messages,
)


@dataclass(slots=True)
class TraceFiles:
    """The outcome of `trace_files`.

    Parameters
    ----------
    found : list of Path
        Files of a known format.
    unknown : list of (Path, str)
        Files inside the given directories that are of none, and why.
    """

    found: list[Path] = field(default_factory=list)
    unknown: list[tuple[Path, str]] = field(default_factory=list)


def detect(path: str | os.PathLike[str]) -> str:
    """Return the name of a file's format.

    Parameters
    ----------
    path : path
        A file.

    Returns
    -------
    str
        The `NAME` of the importer that reads it.

    Raises
    ------
    TraceInvalid
        If no importer knows it, or it cannot be read.
    """
    with Source(Path(path)) as source:
        return _importer(source).NAME


def open_sessions(
    path: str | os.PathLike[str], progress: Progress | None = None
) -> Iterator[ImportedSession]:
    """Yield the sessions of a file, one at a time; only the one at hand is in memory.

    Parameters
    ----------
    path : path
        A file of any known format.
    progress : callable, optional
        Called with the bytes done and the bytes there are, about once a megabyte and at the end.

    Raises
    ------
    TraceInvalid
        If no importer knows the file, or it cannot be read. What is wrong with single lines is
        counted in the session's report instead.
    """
    with Source(Path(path), progress) as source:
        yield from _importer(source).read(source)


def trace_files(paths: Iterable[str | os.PathLike[str]]) -> TraceFiles:
    """Expand files and directories into the trace files that they hold.

    Parameters
    ----------
    paths : iterable of paths
        Files are taken as they are, directories with everything below them, sorted by name; names
        that begin with a dot are passed over. A file that is met twice is listed once.

    Returns
    -------
    TraceFiles
        The files of known formats, and those inside directories that are of none.

    Raises
    ------
    TraceInvalid
        If a file that was named itself is of no known format, or a path does not exist.
    """
    files = TraceFiles()
    seen: set[Path] = set()
    for given in map(Path, paths):
        for path in _files_below(given) if given.is_dir() else (given,):
            identity = path.resolve()
            if identity in seen:
                continue
            seen.add(identity)
            try:
                detect(path)
            except TraceInvalid as error:
                if path is given:
                    raise
                files.unknown.append((path, str(error)))
            else:
                files.found.append(path)
    return files


def _files_below(directory: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise TraceInvalid(f"{error.filename}: cannot be listed ({error.strerror})") from error

    for folder, folders, names in os.walk(directory, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _importer(source: Source) -> Importer:
    values = source.head()
    for importer in IMPORTERS:
        if importer.sniff(values):
            return importer
    known = ", ".join(importer.NAME for importer in IMPORTERS)
    raise TraceInvalid(
        f"{source.path}: of no known trace format; expected one of {known}; "
        f"found {_described(values[0])}"
    )


def _described(value: Any) -> str:
    if isinstance(value, dict):
        keys = ", ".join(repr(key[:30]) for key in list(value)[:6])
        return f"JSON objects with the keys {keys}" if keys else "an empty JSON object"
    if isinstance(value, list):
        return f"a JSON list of {len(value)}"
    return f"a JSON value of type {type(value).__name__}"
