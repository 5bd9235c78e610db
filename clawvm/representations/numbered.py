"""Texts whose lines carry numbers, as most tools that show a file print them."""

from __future__ import annotations

import re
from itertools import pairwise

from .forms import Form, Source
from .output import unwrap
from .text import finish, split_lines

__all__ = ["compress", "is_numbered", "split_numbers"]

# "   12→text" (Claude Code), "    12\ttext" (nl, cat -n), "12:text" (SWE-agent), "12: text" and
# "00012| text" (OpenCode).
_NUMBERED = re.compile(r" {0,8}(\d{1,7})([→\t:|])")
# All that is lost are the numbers, which no edit quotes.
_QUALITY = 0.98


def is_numbered(lines: list[str]) -> bool:
    """Whether the lines carry line numbers."""
    seen = [line for line in lines[:40] if line.strip()][:20]
    return bool(seen) and sum(_NUMBERED.match(line) is not None for line in seen) >= 0.8 * len(seen)


def split_numbers(raw: list[str]) -> tuple[list[str], list[str]]:
    """Take numbered lines apart.

    Parameters
    ----------
    raw : list of str
        Lines of which `is_numbered` is true.

    Returns
    -------
    numbers : list of str
        Of each line the number and what separates it from the text; "" for a line without.
    lines : list of str
        The lines without them.
    """
    first = next(filter(None, map(_NUMBERED.match, raw)))
    separator = first[2]
    numbers, lines = [], []
    for line in raw:
        number, found, rest = line.partition(separator)
        number = number.strip()
        has_number = bool(found) and number.isdecimal()
        numbers.append(number + separator if has_number else "")
        lines.append(rest if has_number else line)
    return numbers, _without_blank(numbers, lines) if separator in "|:" else lines


def _without_blank(numbers: list[str], lines: list[str]) -> list[str]:
    """Take the blank off that follows each separator, if one does: even an empty line has it."""
    numbered = [line for number, line in zip(numbers, lines, strict=True) if number]
    if " " not in numbered or any(line[:1] != " " for line in numbered):
        return lines
    return [line[1:] if number else line for number, line in zip(numbers, lines, strict=True)]


def _is_doubtful(numbers: list[str], lines: list[str]) -> bool:
    """Whether a blank that begins every line may belong to the numbers: no empty line tells."""
    separator = next(filter(None, numbers))[-1]
    return separator in "|:" and all(
        line[:1] == " " for number, line in zip(numbers, lines, strict=True) if number
    )


def compress(source: Source) -> Form | None:
    """Keep every line of a numbered text, without its number.

    A sixth of a listed file is line numbers, and nothing that is quoted from it later holds one.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form or None
        ``None`` for a text that has no line numbers, or in which they do not follow each other:
        there they tell where a line is from. Nor is there a form where it cannot be told whether a
        blank belongs to the text: an edit that quotes it must quote it exactly.
    """
    output = unwrap(source.text)
    raw = split_lines(output.body)
    if not is_numbered(raw):
        return None
    numbers, lines = split_numbers(raw)
    counted = [int(number[:-1]) for number in numbers if number]
    if _is_doubtful(numbers, lines) or any(
        after != before + 1 for before, after in pairwise(counted)
    ):
        return None
    body = "\n".join([*lines, output.note] if output.note else lines)
    label = f"lines from {counted[0]}, unnumbered,"
    return finish(label, source, body, _QUALITY, status=output.status)
