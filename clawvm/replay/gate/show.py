"""A verdict for a reader: what changed as a table, what it means and what to do as sentences."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .judge import Change, Outcome, Verdict

__all__ = ["as_text", "show"]

_STYLES = {Outcome.WORSE: "red", Outcome.TOLERATED: "yellow", Outcome.BETTER: "green"}
_ROWS_MAX = {Outcome.WORSE: 200, Outcome.TOLERATED: 20, Outcome.BETTER: 20}
_TEXT_WIDTH = 120


def as_text(verdict: Verdict) -> str:
    """Return a verdict as plain text."""
    stream = io.StringIO()
    show(
        verdict,
        Console(
            file=stream, width=_TEXT_WIDTH, highlight=False, color_system=None, legacy_windows=False
        ),
    )
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def show(verdict: Verdict, console: Console) -> None:
    """Print a verdict."""
    if verdict.changes:
        console.print(_table(verdict))
    for line in _lines(verdict):
        console.print(line, markup=False, emoji=False, soft_wrap=True)


def _table(verdict: Verdict) -> Table:
    made_with = verdict.made_with
    table = Table(
        # Text and not str: what is in brackets in a name is no markup.
        title=Text(
            f"{verdict.baseline.name}: {made_with.policy}, {made_with.budget_tokens:,} tokens "
            f"({made_with.tokens})"
        ),
        title_justify="left",
    )
    table.add_column("session", overflow="fold")
    table.add_column("figure", no_wrap=True)
    for column in ("baseline", "now", "allowed"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for outcome in Outcome:
        for change in verdict.those(outcome)[: _ROWS_MAX[outcome]]:
            table.add_row(*_row(change), style=_STYLES[outcome])
    return table


def _row(change: Change) -> list[str | Text]:
    whole = "" if change.whole is None else f"/{change.whole:,}"
    values = (change.recorded, change.now, change.allowed)
    return [
        Text(change.session),
        change.figure,
        *(f"{value:,}{whole}" for value in values),
        change.outcome,
    ]


def _lines(verdict: Verdict) -> Iterator[str]:
    for outcome, most in _ROWS_MAX.items():
        hidden = len(verdict.those(outcome)) - most
        if hidden > 0:
            yield f"and {hidden:,} more that are {outcome}"
    yield from verdict.skipped
    if not verdict.updated:
        yield from (f"stale: {reason}" for reason in verdict.stale)
        if verdict.unrecorded:
            yield (
                f"not in the baseline and so not judged: {', '.join(verdict.unrecorded)}; "
                "to add what is missing, run again with --update"
            )
    recorded = verdict.recorded_with
    if recorded is not None and recorded.clawvm != verdict.made_with.clawvm:
        yield f"recorded with clawvm {recorded.clawvm}, this is {verdict.made_with.clawvm}"
    yield _conclusion(verdict)


def _conclusion(verdict: Verdict) -> str:
    baseline, sessions = verdict.baseline, _count(verdict.sessions, "session")
    worse, better = verdict.those(Outcome.WORSE), verdict.those(Outcome.BETTER)
    if verdict.updated:
        return f"gate: recorded {sessions} in {baseline}; look at the difference and commit it"
    if verdict.stale:
        also = f"; {_count(len(worse), 'figure')} got worse as well" if worse else ""
        return f"gate: FAILED, {baseline} is not a baseline for this run{also}"
    if worse:
        return (
            f"gate: FAILED, {_count(len(worse), 'figure')} got worse than {baseline} allows; mend "
            "that, or if it is meant, run again with --update and commit the file"
        )
    passed = f"gate: passed, {sessions}"
    if not better:
        return passed
    return (
        f"{passed}, {_count(len(better), 'figure')} got better; to hold on to that, run again "
        f"with --update and commit {baseline}"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
