"""What the commands share: the console and the way a budget is written."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol

import msgspec
from rich.console import Console

from ..errors import BudgetInvalid

__all__ = ["HasJson", "output", "parse_budget", "print_json", "print_objects", "say", "utc"]

_BUDGET = re.compile(r"(\d{1,12})([km]?)", re.IGNORECASE)
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}
# Wide enough for a replay table where the output is a file or a pipe.
_FILE_WIDTH = 160


class HasJson(Protocol):
    """A result that can be said in one line of JSON."""

    def to_json(self) -> bytes:
        """Return the line, without the newline."""


def output() -> Console:
    """Return a console on standard output: as wide as the terminal, or wide enough for a table."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)


def parse_budget(text: str) -> int:
    """Read a number of tokens: ``32000``, ``32k`` (thousands), ``1m`` (millions).

    Raises
    ------
    BudgetInvalid
        When it is not a positive whole number of tokens.
    """
    match = _BUDGET.fullmatch(text.strip())
    tokens = int(match[1]) * _UNITS[match[2].lower()] if match else 0
    if not 0 < tokens < 2**32 - 1:
        raise BudgetInvalid(
            f"a budget is a whole number of tokens above 0, like 32k or 128000; found {text!r}"
        )
    return tokens


def print_json(results: Iterable[HasJson]) -> None:
    """Write results to standard output, one JSON object a line."""
    for result in results:
        sys.stdout.buffer.write(result.to_json() + b"\n")
    sys.stdout.buffer.flush()


def print_objects(objects: Iterable[object]) -> None:
    """Write dicts and dataclasses to standard output, one JSON object a line."""
    for one in objects:
        sys.stdout.buffer.write(msgspec.json.encode(one) + b"\n")
    sys.stdout.buffer.flush()


def say(console: Console, text: str) -> None:
    """Print a text as it is: what is in brackets or between colons in an id is no markup."""
    console.print(text, markup=False, emoji=False, soft_wrap=True)


def utc(time: float) -> str:
    """Return a Unix time as a date."""
    try:
        return datetime.fromtimestamp(time, UTC).isoformat(sep=" ", timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"{time!r} (no date)"
