"""``clawvm audit``, ``explain`` and ``diff``: what a session's decision trace says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..audit import AuditSummary, Difference, History, verify
from .console import output, print_json, say, utc

__all__ = ["audit", "diff", "explain"]

File = Annotated[
    Path,
    typer.Argument(help="A session's audit file; the ones rotated away are found beside it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

_CHANGED_ROWS = 40
_LISTED_ROWS = 20


def audit(
    file: File,
    head: Annotated[
        str | None,
        typer.Option("--head", help="The hash of a line that must be there, noted earlier."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a decision trace from end to end and sum it up.

    Any line that was altered, removed, inserted, moved or cut is named, and the exit code is 1.
    """
    summary = verify(file, head=head)
    if as_json:
        print_json([summary])
        return
    console = output()
    say(console, f"{file}: {summary.lines:,} lines, nothing altered")
    table = Table(show_header=False)
    table.add_column("what", no_wrap=True)
    table.add_column("found", overflow="fold")
    for what, found in _summary_rows(summary):
        table.add_row(what, Text(found))
    console.print(table)


def explain(
    file: File,
    page: Annotated[str, typer.Argument(help="A page id.")],
    turn: Annotated[int, typer.Option("--turn", help="The turn whose prompt is meant.")],
    as_json: AsJson = False,
) -> None:
    """Say at which level a page was in the prompt of a turn, since when, and why."""
    history = _history(file)
    explanation = history.explanation(page, turn)
    if as_json:
        print_json([explanation])
    else:
        say(output(), str(explanation))


def diff(
    file: File,
    turns: Annotated[
        tuple[int, int], typer.Option("--turns", help="Two turns, the earlier first.")
    ],
    as_json: AsJson = False,
) -> None:
    """Tell what changed between the prompts of two turns: pages, tokens, faults, commits."""
    difference = _history(file).diff(*turns)
    if as_json:
        print_json([difference])
    else:
        _show_difference(difference, output())


def _history(file: Path) -> History:
    history = History.read(file)
    if history.torn_bytes:
        notes = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
        notes.print(
            f"{file}: a last line of {history.torn_bytes:,} bytes is torn and was passed over",
            markup=False,
        )
    return history


def _summary_rows(summary: AuditSummary) -> list[tuple[str, str]]:
    dropped = f"; {summary.dropped:,} lines dropped by rotation" if summary.dropped else ""
    rows = [
        ("files", f"{len(summary.files)}{dropped}"),
        ("from, to", f"{utc(summary.first_time)}, {utc(summary.last_time)}"),
        (
            "prompts",
            f"{summary.turns:,}, of them {summary.epochs:,} epochs and {summary.infeasible:,} "
            "without room for their floor",
        ),
        (
            "tokens",
            f"{summary.used_tokens:,} in all, {summary.peak_tokens:,} at most, "
            f"{_share(summary.prefix_kept_tokens, summary.used_tokens)} kept from the one before",
        ),
        ("pages put or changed", f"{summary.pages:,}"),
        ("faults", _counts(summary.faults)),
        ("boundaries", _counts(summary.boundaries)),
        (
            "commits",
            f"{summary.commits:,} of {summary.operations:,} operations, {summary.spooled:,} by way "
            "of the spool",
        ),
        ("rejections", _counts(summary.rejections)),
        ("recalls", _counts(summary.recalls)),
        ("head", summary.head),
    ]
    if summary.after_head is not None:
        rows.append(("lines after the given head", f"{summary.after_head:,}"))
    if summary.lost:
        rows.append(("lines that could not be written", f"{summary.lost:,}"))
    if summary.reopened:
        rows.append(("reopened after a crash", f"{summary.reopened:,}"))
    if summary.unknown:
        rows.append(("of a newer version", _counts(summary.unknown)))
    return rows


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _show_difference(difference: Difference, console: Console) -> None:
    used_a, used_b = difference.used_tokens
    budget_a, budget_b = difference.budget_tokens
    epochs = ", ".join(map(str, difference.epochs)) or "none"
    say(
        console,
        f"turn {difference.turn_a} to {difference.turn_b}: {used_a:,} of {budget_a:,} to "
        f"{used_b:,} of {budget_b:,} tokens, {len(difference.changed)} pages at another level, "
        f"epochs: {epochs}",
    )
    table = Table()
    for column in ("page", "from", "to"):
        table.add_column(column, overflow="fold")
    table.add_column("tokens", justify="right")
    for page_id, old, new, old_tokens, new_tokens in difference.changed[:_CHANGED_ROWS]:
        table.add_row(Text(page_id), old, new, f"{new_tokens - old_tokens:+,}")
    if difference.changed:
        console.print(table)
    if len(difference.changed) > _CHANGED_ROWS:
        hidden = len(difference.changed) - _CHANGED_ROWS
        say(console, f"and {hidden:,} pages more (--json has all)")
    for what, events, shown in (
        ("faults", difference.faults, "{kind} of {page_id}: {reason}"),
        ("commits", difference.commits, "row {seq}, {operations} operations, {bytes:,} bytes"),
        ("rejections", difference.rejections, "{code}: {field} of {page_id}, by {principal}"),
        ("boundaries", difference.boundaries, "{kind}: {outcome}"),
    ):
        lines = [f"turn {event.turn}: {shown.format_map(event.fields)}" for event in events]
        _show_list(console, what, lines)


def _show_list(console: Console, what: str, lines: Sequence[str]) -> None:
    say(console, f"{what}: {len(lines) or 'none'}")
    for line in lines[:_LISTED_ROWS]:
        say(console, f"  {line}")
    if len(lines) > _LISTED_ROWS:
        say(console, f"  and {len(lines) - _LISTED_ROWS:,} more (--json has all)")
