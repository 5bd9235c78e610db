"""Logs and command output: noise folded, whatever carries an error kept whole."""

from __future__ import annotations

import re
from functools import lru_cache

from .forms import Form, Source
from .output import unwrap
from .text import (
    clip,
    error_lines,
    error_words,
    finish,
    ink,
    is_success,
    split_lines,
)

__all__ = ["compress", "fold", "plain_lines"]

_ANSI = re.compile(
    r"\x1b(?:\[[0-9;:?<=>!\"$' ]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
    r"|[()][A-Za-z0-9]|[A-Za-z0-9=>])?"
)
# Numbers, and the hexadecimal words that hold a digit, are what tells like lines apart. The look
# ahead is bounded, so that a megabyte of one letter is read once.
_NUMBERS = re.compile(r"\b(?=[a-fA-F]{0,40}[0-9])[0-9a-fA-F]+|[0-9]+")
_COUNTED = re.compile(
    r"\b\d+ (?:passed|failed|skipped|tests?|files? changed|issues?|problems?|packages?"
    r"|insertions?)\b"
)
_COUNTED_WORDS = (
    " passed",
    " skipped",
    " test",
    " file",
    " issue",
    " problem",
    " package",
    " insert",
)
_SUMMARY_STARTS = (
    "test suites:",
    "tests:",
    "tests run",
    "ran ",
    "total",
    "finished",
    "done",
    "result",
    "summary",
    "built ",
    "build ",
    "=====",
)

_SUCCESS_FAMILY = "success"
_LAST_LINES = 8
_FOLD_AT = 4  # so many like lines cost more than the first, a count and the last
_AFTER_ERROR = 12  # indented lines that follow an error belong to it
_LONG_LINE = 2_000


def compress(source: Source) -> Form | None:
    """Fold a log: escape codes, progress lines and repeats go, errors and the end stay.

    Lines that carry errors or warnings (:func:`carries_error`) with the indented lines that follow
    them, summary lines and the last lines are kept whole. Runs of equal lines become one and a
    count; runs of like lines (equal after numbers are masked, or reports of success) become the
    first, a count and the last.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form or None
        ``None`` for a text without a line.
    """
    output = unwrap(source.text)
    lines = plain_lines(output.body)
    total = ink("\n".join(lines))
    if not total:
        return None
    folded, kept = fold(lines)
    if output.note:
        folded.append(output.note)
    return finish("folded", source, "\n".join(folded), 0.97 * kept / total, status=output.status)


@lru_cache(maxsize=2)
def plain_lines(body: str) -> list[str]:
    """Lines as a terminal ends up showing them: no escapes, no overwritten progress."""
    if "\x1b" in body:
        body = _ANSI.sub("", body)
    lines = split_lines(body)
    if "\r" in body:
        lines = [state for line in lines for state in _last_states(line)]
    return [line.rstrip() for line in lines]


def _last_states(line: str) -> list[str]:
    """Last state of an overwritten line, after those of its states that carry an error."""
    states = [state for state in line.split("\r") if state.strip()]
    return [*error_lines(states[:-1]), *states[-1:]]


def fold(lines: list[str]) -> tuple[list[str], int]:
    """Fold repeats and like lines.

    Parameters
    ----------
    lines : list of str
        As :func:`plain_lines` gives them.

    Returns
    -------
    tuple of (list of str, int)
        The folded lines, and how much of the original ones (:func:`ink`) stands in them verbatim.
    """
    lowered = [line.lower() for line in lines]
    whole = _kept_whole(lowered)
    families = _families(lines, lowered)
    folded: list[str] = []
    kept = 0
    start = 0
    while start < len(lines):
        end = start + 1
        if whole[start]:
            while end < len(lines) and lines[end] == lines[start]:
                end += 1
        else:
            family = families[start]
            # Blank lines inside a run are dropped with it.
            while end < len(lines) and not whole[end] and families[end] in (family, ""):
                end += 1
        kept += _write_run(lines[start:end], whole[start], folded)
        start = end
    return folded, kept


def _kept_whole(lowered: list[str]) -> list[bool]:
    """Which lines are kept whole: errors with what is indented under them, summaries, the end."""
    text = "\n".join(lowered)
    words = error_words(text)
    counted = tuple(word for word in _COUNTED_WORDS if word in text)
    keep = [False] * len(lowered)
    following = 0  # how many more indented lines belong to the last error
    in_traceback = False
    for index, low in enumerate(lowered):
        indented = low[:1] in (" ", "\t")
        if words and any(word in low for word in words) and not is_success(low):
            keep[index] = True
            following = _AFTER_ERROR
            in_traceback = in_traceback or "traceback (most recent" in low
        elif indented and (following or in_traceback):
            keep[index] = True
            following -= 1
        elif low:
            # The line after a traceback's frames names the exception, whatever it is called.
            keep[index] = in_traceback or _sums_up(low, counted)
            following = 0
            in_traceback = False
    _keep_last(lowered, keep)
    return keep


def _sums_up(low: str, counted: tuple[str, ...]) -> bool:
    """Whether a lower-cased line gives a result in numbers, or says that it is the summary."""
    if low.startswith(_SUMMARY_STARTS):
        return True
    return (
        bool(counted)
        and len(low) < 200
        and any(word in low for word in counted)
        and _COUNTED.search(low) is not None
    )


def _keep_last(lowered: list[str], keep: list[bool]) -> None:
    remaining = _LAST_LINES
    for index in range(len(lowered) - 1, -1, -1):
        if lowered[index]:
            keep[index] = True
            remaining -= 1
            if not remaining:
                break


def _families(lines: list[str], lowered: list[str]) -> list[str]:
    """What like lines share: success, or their text with numbers masked; ``""`` if blank."""
    shapes = _NUMBERS.sub("0", "\n".join(lines)).split("\n")
    return [
        _SUCCESS_FAMILY if is_success(low) else shape
        for low, shape in zip(lowered, shapes, strict=True)
    ]


def _write_run(run: list[str], whole: bool, folded: list[str]) -> int:
    """Append a run to `folded`; how much of it stands there verbatim."""
    present = [line for line in run if line]
    if not present:
        return 0
    first = present[0]
    if whole or (len(present) > 1 and present.count(first) == len(present)):
        times = f" (×{len(present)})" if len(present) > 1 else ""  # noqa: RUF001
        folded.append((first if whole else _shorten(first)) + times)
        return ink(first) * len(present)
    if len(present) < _FOLD_AT:
        folded += map(_shorten, present)
        return ink("\n".join(present))
    folded += (_shorten(first), f"… {len(present) - 2} more like this …", _shorten(present[-1]))
    return ink(first) + ink(present[-1])


def _shorten(line: str) -> str:
    """Cut a line that no one would read to its end."""
    if len(line) <= _LONG_LINE:
        return line
    return f"{clip(line, _LONG_LINE)} (+{len(line) - _LONG_LINE} chars)"
