"""Rows as files: JSON Lines, CSV, and Markdown tables; the same rows give the same bytes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from .jobs import Row

__all__ = ["Table", "write_rows", "write_tables"]

_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_CHARS_MAX = 100


class Table(msgspec.Struct, frozen=True):
    """A table for a reader.

    Parameters
    ----------
    name : str
        Its file's name, without an ending.
    title : str
        What it shows, of what, in which unit.
    columns : tuple of str
        Heads; the first column is text, the others are figures.
    lines : tuple of tuple of str
        Its cells.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return it as Markdown, with its title above it."""
        rule = ["---", *["--:"] * (len(self.columns) - 1)]
        lines = [self.columns, rule, *self.lines]
        body = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return f"**{self.title}**\n\n{body}\n"

    def csv(self) -> str:
        """Return it as CSV."""
        return _csv(self.columns, self.lines)


def write_rows(rows: Sequence[Row], folder: Path) -> None:
    """Write ``results.jsonl``, without what differs from run to run, and ``timings.jsonl``.

    Beside them stands ``KIND.csv`` for each kind of row, nested names joined by dots; rows of kind
    ``timeline`` become a file each below ``timelines``.
    """
    told = [row for row in rows if row["kind"] == "timeline"]
    rows = [row for row in rows if row["kind"] != "timeline"]
    _write_timelines(told, folder / "timelines")
    lasting = [{name: value for name, value in row.items() if name != "timing"} for row in rows]
    timed = [_timed(row) for row in rows if "timing" in row]
    _write(folder / "results.jsonl", _json_lines(lasting))
    _write(folder / "timings.jsonl", _json_lines(timed))
    for kind in sorted({row["kind"] for row in rows}):
        flat = [dict(_flat(row)) for row in lasting if row["kind"] == kind]
        columns = list(dict.fromkeys(name for row in flat for name in row))
        lines = [[row.get(name, "") for name in columns] for row in flat]
        _write(folder / f"{kind}.csv", _csv(columns, lines).encode())


def write_tables(tables: Iterable[Table], folder: Path) -> None:
    """Write each table as Markdown and CSV below ``tables``, and all of them in ``tables.md``."""
    below = folder / "tables"
    below.mkdir(exist_ok=True)
    parts = []
    for table in tables:
        _write(below / f"{table.name}.md", table.markdown().encode())
        _write(below / f"{table.name}.csv", table.csv().encode())
        parts.append(table.markdown())
    _write(folder / "tables.md", "\n".join(parts).encode())


def _write_timelines(rows: Sequence[Row], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for number, row in enumerate(rows):
        name = f"{number:03d}-{_UNSAFE_IN_NAME.sub('-', row['trace'])[:_NAME_CHARS_MAX]}.json"
        _write(folder / name, msgspec.json.encode(row["timeline"]) + b"\n")


def _timed(row: Row) -> Row:
    named = {name: value for name, value in row.items() if isinstance(value, str | int | None)}
    return {**named, "timing": row["timing"]}


def _flat(value: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{above}{name}.")
        else:
            yield f"{above}{name}", inner


def _json_lines(rows: Iterable[Row]) -> bytes:
    return b"".join(msgspec.json.encode(row, order="sorted") + b"\n" for row in rows)


def _csv(columns: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return text.getvalue()


def _write(path: Path, data: bytes) -> None:
    aside = path.with_name(f"{path.name}.part")
    aside.write_bytes(data)
    aside.replace(path)
