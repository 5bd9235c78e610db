"""Search results: hits grouped by file, paths grouped by folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from .forms import Form, Source
from .output import unwrap
from .text import finish, ink, split_lines

__all__ = ["HIT", "PATH", "Hits", "by_folder", "compress", "group"]

# "path:12:text" and "path-13-text" (context lines of grep and rg); the path has no blank.
HIT = re.compile(r"([^\s:]{1,400}?)(?::(\d{1,7}):|-(\d{1,7})-)")
# "12:text" and "13-text": a search in one file.
_HIT_IN_FILE = re.compile(r"(\d{1,7})([:-])")
PATH = re.compile(r"(?:\.{0,2}/)?[\w.@+()\[\]$~-]{1,255}(?:/[\w.@+()\[\]$~-]{1,255}){0,64}/?")

_ENOUGH = 0.6  # grouped hits that cost more lose their context lines, then all but the first hits
_HITS_SHOWN = 12
_LINE_MAX = 300


@dataclass(slots=True)
class Hits:
    """The hits in one file.

    Parameters
    ----------
    path : str
        The file, ``""`` for a search in a single one.
    lines : list of (str, bool)
        ``"12: text"`` and whether it is a hit itself (or context).
    """

    path: str
    lines: list[tuple[str, bool]] = field(default_factory=list)


def compress(source: Source) -> Form | None:
    """Group hits by file and paths by folder, so that each path stands there once.

    Where that is not enough, context lines go, then all but the first hits of each file, with
    their count.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form or None
        ``None`` for a text without a line.
    """
    output = unwrap(source.text)
    files, paths, others = group(output.body)
    total = ink(output.body)
    if not total:
        return None
    shown = _written(files, context=True, most=None)
    if _cost(shown) > _ENOUGH * total:
        shown = _written(files, context=False, most=None)
    if _cost(shown) > _ENOUGH * total:
        shown = _written(files, context=False, most=_HITS_SHOWN)
    body = [*others, *shown, *_folder_lines(paths)]
    if output.note:
        body.append(output.note)
    return finish(
        "hits", source, "\n".join(body), _quality(files, shown, total, paths), status=output.status
    )


@lru_cache(maxsize=2)
def group(body: str) -> tuple[list[Hits], list[str], list[str]]:
    """Sort the lines of a search result into hits by file, paths, and what is neither.

    Returns
    -------
    tuple of (list of Hits, list of str, list of str)
        All in the order in which they first came.
    """
    files: dict[str, Hits] = {}
    paths: list[str] = []
    others: list[str] = []
    for raw in split_lines(body):
        line = raw.rstrip()
        if not line or line == "--":
            continue
        hit = HIT.match(line)
        if hit:
            text = line[hit.end() :].strip()
            number = hit[2] or hit[3]
            entry = files.setdefault(hit[1], Hits(hit[1]))
            entry.lines.append((f"{number}: {text}", hit[2] is not None))
        elif in_file := _HIT_IN_FILE.match(line):
            entry = files.setdefault("", Hits(""))
            entry.lines.append(
                (f"{in_file[1]}: {line[in_file.end() :].rstrip()}", in_file[2] == ":")
            )
        elif PATH.fullmatch(line):
            paths.append(line)
        else:
            others.append(line if len(line) <= _LINE_MAX else f"{line[:_LINE_MAX]}…")
    return _one_root(list(files.values())), paths, others


def _one_root(files: list[Hits]) -> list[Hits]:
    """Merge a file that is named both by its full and by its relative path, as some tools do."""
    relative = {file.path: file for file in files if file.path[:1] not in ("", "/")}
    root = ""
    for file in files:
        if file.path[:1] == "/" and not root:
            # The longest relative name comes from the root itself; any one tells where that is.
            root = next((file.path[: -len(p)] for p in relative if file.path.endswith(f"/{p}")), "")
    if not root:
        return files
    merged: dict[str, Hits] = {}
    for file in files:
        path = file.path.removeprefix(root)
        entry = merged.setdefault(path, Hits(path))
        entry.lines += file.lines
    for entry in merged.values():
        entry.lines.sort(key=lambda line: int(line[0].partition(":")[0]))
    return list(merged.values())


def _cost(lines: list[str]) -> int:
    return ink("\n".join(lines))


def _written(files: list[Hits], *, context: bool, most: int | None) -> list[str]:
    lines: list[str] = []
    for file in files:
        if file.path:
            lines.append(file.path)
        hits = [text for text, is_hit in file.lines if is_hit or context]
        # A context line that says nothing is not worth its number.
        hits = [text for text in hits if not text.endswith(": ")] if context else hits
        for text in hits[:most]:
            lines.append(f" {text}" if len(text) <= _LINE_MAX else f" {text[:_LINE_MAX]}…")
        if most is not None and len(hits) > most:
            lines.append(f" … {len(hits) - most} more hits")
    return lines


def by_folder(paths: list[str]) -> dict[str, list[str]]:
    """Names of paths by the folder that they are in, in the order in which they came."""
    folders: dict[str, list[str]] = {}
    for path in paths:
        folder, slash, name = path.rstrip("/").rpartition("/")
        folders.setdefault(folder + slash, []).append(name + ("/" if path.endswith("/") else ""))
    return folders


def _folder_lines(paths: list[str]) -> list[str]:
    lines = []
    for folder, names in by_folder(paths).items():
        if folder and len(names) > 1:
            lines.append(f"{folder}: {' '.join(names)}")
        else:
            lines += (folder + name for name in names)
    return lines


def _quality(files: list[Hits], shown: list[str], total: int, paths: list[str]) -> float:
    """Share of the text that stands in the form: hit texts, their paths, and the listed paths."""
    texts = _cost(shown)
    repeated = sum(len(file.path) * (len(file.lines) - 1) for file in files)
    return min(0.95, 0.95 * (texts + repeated + _cost(paths)) / total) if total else 0.0
