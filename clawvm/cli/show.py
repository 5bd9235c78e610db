"""``clawvm show``: what is saved of one session, and the exact text of its pages."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import PageNotFound, StoreInvalid
from ..pages import LEVELS, Page, Scope
from ..session.listing import Listed
from ..session.reading import SavedSession, read_session
from ..session.recall import Recall
from ..stores import Space, Store
from ..writeback import Rejection
from ..writeback.reading import read_rows
from .console import output, print_objects, say, utc
from .stores import AsJson, Spool, StoreUrl, existing, listed

__all__ = ["show"]


class _Commits(NamedTuple):
    """What a journal's rows come to."""

    rows: int
    first_seq: int
    committed: int
    refused: int
    boundaries: dict[str, int]


def show(
    url: StoreUrl,
    session: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose session it is.")] = "default",
    page: Annotated[
        str | None, typer.Option("--page", help="Print this page's text; an id or a handle.")
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Which version of it [the newest].")
    ] = None,
    spool: Spool = None,
    as_json: AsJson = False,
) -> None:
    """Show what is saved of a session, or the exact text of one of its pages.

    It may be open elsewhere: what is shown is what is committed.
    """
    with existing(url) as store:
        entry = _entry(store, Space(tenant, Scope.SESSION, session), spool)
        saved = read_session(store, entry.info.space)
        if page is not None:
            _print_text(saved.recall(page, version), as_json)
            return
        commits = _commits(store, entry.info.space)
    if as_json:
        print_objects([_as_object(entry, saved, commits)])
        return
    console = output()
    _show_summary(console, entry, saved, commits)
    _show_pages(console, saved)
    _show_rejections(console, list(saved.journal.rejections.values()))


def _entry(store: Store, space: Space, spool: Any) -> Listed:
    for entry in listed(store, spool, space.tenant):
        if entry.info.space == space:
            return entry
    raise StoreInvalid(f"{store.url} has no {space}; clawvm sessions lists what there is")


def _print_text(recall: Recall, as_json: bool) -> None:
    if as_json:
        print_objects([recall])
    elif recall.found:
        sys.stdout.buffer.write((recall.text or "").encode())
        sys.stdout.buffer.flush()
    else:
        raise PageNotFound(f"{recall.outcome}: {recall.reason}")
    if not recall.found:
        raise typer.Exit(1)


def _commits(store: Store, space: Space) -> _Commits:
    rows = first = committed = refused = 0
    boundaries: Counter[str] = Counter()
    for row in read_rows(store, space):
        transaction = row.transaction
        first = first or transaction.seq
        rows += 1
        committed += len(transaction.committed)
        refused += len(transaction.rejected)
        boundaries[transaction.boundary] += 1
    return _Commits(rows, first, committed, refused, dict(boundaries))


def _show_summary(console: Console, entry: Listed, saved: SavedSession, commits: _Commits) -> None:
    info = entry.info
    say(console, f"{info.space}: {entry.state}, {entry.why}")
    table = Table(show_header=False)
    table.add_column("what", no_wrap=True)
    table.add_column("found", overflow="fold")
    saved_at = "never" if info.saved_at is None else utc(info.saved_at)
    faults = {} if saved.parts is None else saved.parts.faults.counts
    rows = [
        ("turn", f"{saved.turn:,}"),
        ("last boundary", f"{entry.boundary or 'none'}, {saved_at}"),
        ("boundaries fired", _counts({k.value: n for k, n in saved.coverage.counts.items()})),
        ("never fired", ", ".join(kind.value for kind in saved.coverage.never) or "none"),
        ("commits ended", _counts(dict(saved.coverage.outcomes))),
        ("pages", f"{len(saved.pages):,} live, {len(saved.archived):,} archived"),
        ("faults", _counts(faults)),
        ("rows", _rows(info.last_seq, commits)),
        ("commits at", _counts(commits.boundaries)),
        ("operations", f"{commits.committed:,} committed, {commits.refused:,} refused"),
        ("stored bytes", f"{info.stored_bytes:,}"),
    ]
    if entry.waiting:
        rows.append(("rows in the spool", f"{entry.waiting:,}, not shown here"))
    for what, found in rows:
        table.add_row(what, Text(found))
    console.print(table)


def _rows(last_seq: int, commits: _Commits) -> str:
    if commits.rows == last_seq:
        return f"{last_seq:,}"
    first = commits.first_seq or last_seq + 1
    return f"{commits.rows:,} of {last_seq:,}, those before {first:,} are pruned"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"


def _show_pages(console: Console, saved: SavedSession) -> None:
    if not saved.pages:
        return
    table = Table()
    for column in ("page", "type", "label"):
        table.add_column(column, overflow="fold")
    for column in ("version", "level", "tokens", "pin"):
        table.add_column(column, no_wrap=True)
    table.add_column("came from", overflow="fold")
    for page in saved.pages:
        shown = _page(page, saved)
        table.add_row(
            Text(page.id),
            shown["type"],
            Text(page.label),
            f"{page.version}",
            shown["level"],
            f"{shown['tokens']:,} of {shown['full_tokens']:,}",
            shown["pin"],
            Text(f"{page.provenance.source}:{page.provenance.reference}"),
        )
    console.print(table)


def _show_rejections(console: Console, rejections: list[Rejection]) -> None:
    say(console, f"refused and not retried with success: {len(rejections) or 'none'}")
    if not rejections:
        return
    table = Table()
    for column in ("id", "code", "page", "field", "principal", "reason"):
        table.add_column(column, overflow="fold")
    for rejection in rejections:
        table.add_row(*(Text(str(value)) for value in _rejection(rejection).values()))
    console.print(table)


def _page(page: Page, saved: SavedSession) -> dict[str, Any]:
    assert saved.parts is not None
    level = LEVELS[saved.parts.book.table.level(page.slot)] if page.slot >= 0 else LEVELS[0]
    return {
        "id": page.id,
        "type": page.type.name.lower(),
        "label": page.label,
        "version": page.version,
        "level": level.name.lower(),
        "tokens": page.tokens(level),
        "full_tokens": page.tokens(LEVELS[-1]),
        "pin": page.pin.name.lower(),
        "provenance": {
            "source": page.provenance.source,
            "reference": page.provenance.reference,
            "turn": page.provenance.turn,
        },
    }


def _rejection(rejection: Rejection) -> dict[str, str]:
    operation = rejection.operation
    return {
        "id": rejection.id,
        "code": rejection.code.value,
        "page": operation.page_id,
        "field": operation.field,
        "principal": f"{operation.principal.name} ({operation.principal.kind.value})",
        "reason": rejection.reason,
    }


def _as_object(entry: Listed, saved: SavedSession, commits: _Commits) -> dict[str, Any]:
    info = entry.info
    return {
        "tenant": info.space.tenant,
        "session": info.space.name,
        "state": entry.state.value,
        "why": entry.why,
        "turn": saved.turn,
        "boundary": entry.boundary,
        "saved_at": info.saved_at,
        "coverage": {kind.value: count for kind, count in saved.coverage.counts.items()},
        "outcomes": dict(saved.coverage.outcomes),
        "pages": [_page(page, saved) for page in saved.pages],
        "archived": len(saved.archived),
        "faults": {} if saved.parts is None else saved.parts.faults.counts,
        "rejections": list(map(_rejection, saved.journal.rejections.values())),
        "journal": commits._asdict(),
        "last_seq": info.last_seq,
        "stored_bytes": info.stored_bytes,
        "spooled": entry.waiting,
    }
