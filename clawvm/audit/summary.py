"""Checking a log from end to end, and what it says in figures."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import AuditInvalid
from ..faults import FaultKind
from .reader import Line, LogReader

__all__ = ["AuditSummary", "verify"]


@dataclass(slots=True)
class AuditSummary:
    """What a log says, in figures.

    Parameters
    ----------
    files : list of str
        Its files, oldest first.
    lines : int
        How many have been written, those that rotation has dropped included.
    dropped : int
        How many of them rotation has dropped: what they said cannot be checked.
    head : str
        Hash of the last line. Only who has noted it elsewhere can find that the end was cut off.
    after_head : int or None
        How many lines came after the one with the given head; None when none was given.
    first_time, last_time : float
        Unix times of the first and the last line.
    turns : int
        Prompts that were decided.
    infeasible, epochs : int
        How many of those had no room for their floor, and how many demoted pages to make room.
    used_tokens, peak_tokens, prefix_kept_tokens : int
        What the prompts cost in all and at most, and how much of them was kept from the one before.
    pages : int
        How often a page was put, changed or given other terms.
    faults, boundaries, rejections, recalls : dict of str to int
        How many by kind, by kind, by code and by outcome; of the faults every kind is named.
    commits, operations, spooled : int
        Transactions, the operations in them, and how many transactions went to the spool first.
    lost : int
        Lines that the log says could not be written.
    reopened : int
        How often a torn last line was cut off.
    unknown : dict of str to int
        Events that this version does not know, by name.
    """

    files: list[str] = field(default_factory=list)
    lines: int = 0
    dropped: int = 0
    head: str = ""
    after_head: int | None = None
    first_time: float = 0.0
    last_time: float = 0.0
    turns: int = 0
    infeasible: int = 0
    epochs: int = 0
    used_tokens: int = 0
    peak_tokens: int = 0
    prefix_kept_tokens: int = 0
    pages: int = 0
    faults: dict[str, int] = field(default_factory=lambda: {kind.value: 0 for kind in FaultKind})
    boundaries: dict[str, int] = field(default_factory=dict)
    rejections: dict[str, int] = field(default_factory=dict)
    recalls: dict[str, int] = field(default_factory=dict)
    commits: int = 0
    operations: int = 0
    spooled: int = 0
    lost: int = 0
    reopened: int = 0
    unknown: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """One line of JSON, without the newline; keys are only ever added."""
        import msgspec

        return msgspec.json.encode(self)

    def count(self, line: Line) -> None:
        """Add one line's event."""
        fields = line.fields
        match line.event:
            case "assemble":
                self.turns += 1
                self.infeasible += not fields["feasible"]
                self.epochs += fields["epoch"]
                self.used_tokens += fields["used"]
                self.peak_tokens = max(self.peak_tokens, fields["used"])
                self.prefix_kept_tokens += fields["prefix_kept"]
            case "fault":
                _add(self.faults, fields["kind"])
            case "boundary":
                _add(self.boundaries, fields["kind"])
            case "commit":
                self.commits += 1
                self.operations += fields["operations"]
                self.spooled += fields["spooled"]
            case "rejection":
                _add(self.rejections, fields["code"])
            case "recall":
                _add(self.recalls, fields["outcome"])
            case "lost":
                self.lost += fields["lines"]
            case "reopened":
                self.reopened += 1
            case "page":
                self.pages += 1
            case "open" | "demand" | "archive" | "close" | "begun" | "rotated":
                pass
            case _:
                _add(self.unknown, line.event)


def _add(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def verify(path: str | os.PathLike[str], *, head: str | None = None) -> AuditSummary:
    """Check a log from its oldest line to its newest.

    Parameters
    ----------
    path : str or Path
        The log's own file; those that were rotated away are found beside it.
    head : str, optional
        Hash of a line that must be there, noted when it was the last: without it, lines that were
        cut off at the end are not missed.

    Returns
    -------
    AuditSummary

    Raises
    ------
    AuditInvalid
        At the first line that was altered, removed, inserted, moved or cut; with a head, also when
        no line has that hash.
    """
    reader = LogReader(Path(path))
    summary = AuditSummary()
    head_at = None
    for line in reader:
        if line.hash == head:
            head_at = line.n
        if not summary.first_time:
            summary.first_time = line.time
        summary.last_time = line.time
        summary.count(line)
    if reader.torn_bytes:
        raise AuditInvalid(
            reader.files[-1],
            reader.torn_line,
            "a whole line",
            f"{reader.torn_bytes:,} bytes without an end, as a crash leaves them (the next session "
            "to open the log will cut them off)",
        )
    if head is not None and head_at is None:
        raise AuditInvalid(
            reader.files[-1],
            0,
            f"a line whose hash is {head}",
            f"none up to the last, which has {reader.head}",
        )
    summary.files = reader.files
    summary.lines = reader.last
    summary.dropped = reader.first - 1
    summary.head = reader.head
    summary.after_head = None if head_at is None else reader.last - head_at
    return summary
