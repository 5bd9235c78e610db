"""Diffs: which files, where, and the changed lines; the context goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from .forms import Form, Source
from .output import unwrap
from .text import finish, ink, split_lines

__all__ = ["FileChange", "changes", "compress"]

_FILE_MARKS = (
    "diff --git ",
    "diff --cc ",
    "Index: ",
    "*** Add File",
    "*** Update File",
    "*** Delete File",
)
_KEPT_HEADERS = (
    "new file",
    "deleted file",
    "rename ",
    "similarity ",
    "Binary files",
    "*** Move to",
)
_DROPPED_HEADERS = ("index ", "=====", "*** Begin Patch", "*** End Patch", "old mode", "new mode")
_LINE_MAX = 1_000


@dataclass(slots=True)
class FileChange:
    """One file of a diff.

    Parameters
    ----------
    path : str
        Its new path, or the old one where it was deleted.
    added, removed : int
        How many lines.
    lines : list of str
        Hunk headers and changed lines.
    """

    path: str
    added: int = 0
    removed: int = 0
    lines: list[str] = field(default_factory=list)


def compress(source: Source) -> Form | None:
    """Reduce a diff to its file headers, hunk headers and changed lines.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form or None
        ``None`` where no line is added or removed.
    """
    output = unwrap(source.text)
    preamble, files = changes(output.body)
    if not any(file.added or file.removed for file in files):
        return None
    shown = list(filter(None, preamble))
    for file in files:
        shown.append(f"*** {file.path} +{file.added} -{file.removed}")
        shown += file.lines
    quality = _quality(shown, output.body)
    if output.note:
        shown.append(output.note)
    return finish("changes", source, "\n".join(shown), quality, status=output.status)


def _quality(shown: list[str], body: str) -> float:
    """Of a diff it is the changed lines that are quoted; the context stands in other pages too."""
    return min(0.95, 1.1 * ink("\n".join(shown)) / max(1, ink(body)))


@lru_cache(maxsize=2)
def changes(body: str) -> tuple[list[str], list[FileChange]]:
    """What stands before the first file of a diff (a commit message, a summary), and its files."""
    preamble: list[str] = []
    files: list[FileChange] = []
    file: FileChange | None = None
    in_hunk = False
    for raw in split_lines(body):
        line = raw.rstrip()
        if line.startswith(_FILE_MARKS):
            file = FileChange(_path_of(line))
            files.append(file)
            # An apply_patch section starts with its lines at once.
            in_hunk = line.startswith("***")
        elif _names_file(line, in_hunk):
            file = _name_file(line, file, files)
            in_hunk = False
        elif line.startswith("@@"):
            if file is None:
                file = FileChange("(one file)")
                files.append(file)
            file.lines.append(line)
            in_hunk = True
        elif file is None:
            if not line.startswith(_DROPPED_HEADERS):
                preamble.append(line)
        elif in_hunk:
            _add_line(line, file)
        elif line.startswith(_KEPT_HEADERS):
            file.lines.append(line)
    return preamble, files


def _names_file(line: str, in_hunk: bool) -> bool:
    """Whether a line is a ``---`` or ``+++`` header; inside a hunk it may be a changed line."""
    return line.startswith(("--- a/", "+++ b/", "--- /dev/null") if in_hunk else ("--- ", "+++ "))


def _add_line(line: str, file: FileChange) -> None:
    if line.startswith("+"):
        file.added += 1
    elif line.startswith("-"):
        file.removed += 1
    elif not line.startswith("\\"):
        return
    if len(line) > 1:
        file.lines.append(line if len(line) <= _LINE_MAX else f"{line[:_LINE_MAX]}…")


def _name_file(line: str, file: FileChange | None, files: list[FileChange]) -> FileChange:
    """Take the path of a ``---`` or ``+++`` line; a ``---`` after hunks opens the next file."""
    path = line[4:].split("\t", 1)[0].strip()
    if file is None or (line.startswith("---") and (file.added or file.removed)):
        file = FileChange(_bare(path))
        files.append(file)
    elif path != "/dev/null":
        file.path = _bare(path)
    return file


def _path_of(line: str) -> str:
    if line.startswith("diff --git "):
        return _bare(line[len("diff --git ") :].rsplit(" ", 1)[-1])
    if line.startswith("***"):
        action, _, path = line[4:].partition(": ")
        verb = action.split(" ", 1)[0].lower()
        return path if verb == "update" else f"{path} ({verb})"
    return line.split(" ")[-1]


def _bare(path: str) -> str:
    return path[2:] if path.startswith(("a/", "b/")) else path
