"""``clawvm sessions`` and ``fsck``: what a store holds, and whether all of it is sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ..session.fsck import check_store
from ..session.listing import Listed, list_spaces
from ..session.spool_check import waiting_rows
from ..stores import Store, open_store
from ..stores.spool import spool_of
from .console import output, print_objects, say, utc

__all__ = ["AsJson", "Spool", "StoreUrl", "existing", "fsck", "listed", "sessions"]

StoreUrl = Annotated[
    str,
    typer.Argument(metavar="STORE", help="sqlite:///file.db or postgresql://user@host/database."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Spool = Annotated[
    Path | None,
    typer.Option("--spool", help="The folder that sessions were given for their spool, if any."),
]


def sessions(
    url: StoreUrl,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Only this tenant's.")] = None,
    spool: Spool = None,
    as_json: AsJson = False,
) -> None:
    """List the sessions and projects of a store, and how each was left.

    Nothing is written, and sessions that are open elsewhere go on undisturbed.
    """
    with existing(url) as store:
        found = list(listed(store, spool, tenant))
    if as_json:
        print_objects(map(_as_object, found))
        return
    table = Table()
    for column in ("tenant", "what", "name"):
        table.add_column(column, overflow="fold")
    for column in ("turns", "rows", "bytes", "spooled"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("last saved", no_wrap=True)
    table.add_column("state", overflow="fold")
    for entry in found:
        info = entry.info
        table.add_row(
            Text(info.space.tenant),
            info.space.scope.value,
            Text(info.space.name),
            "-" if entry.turn is None else f"{entry.turn:,}",
            f"{info.rows:,}",
            f"{info.stored_bytes:,}",
            f"{entry.waiting:,}",
            "-" if info.saved_at is None else utc(info.saved_at),
            Text(f"{entry.state}: {entry.why}"),
        )
    output().print(table)


def fsck(
    url: StoreUrl,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; nothing readable is lost.")
    ] = False,
    spool: Spool = None,
    as_json: AsJson = False,
) -> None:
    """Check a store end to end: rows, contents, the state of every session, and the spool.

    The exit code is 1 when something is wrong that has not been mended.
    """
    count = mended = 0
    console = output()
    with existing(url) as store:
        for finding in check_store(store, repair=repair, spool=spool):
            count += 1
            mended += finding.mended
            if as_json:
                print_objects([finding])
            else:
                ending = " (mended)" if finding.mended else ""
                say(console, " ".join(f"{finding.where}: {finding.what}{ending}".split()))
    if not as_json:
        say(console, _verdict(count, mended))
    if mended < count:
        raise typer.Exit(1)


def _verdict(count: int, mended: int) -> str:
    if not count:
        return "nothing is wrong"
    things = "1 finding" if count == 1 else f"{count:,} findings"
    return f"{things}, {mended:,} mended"


@contextmanager
def existing(url: str) -> Iterator[Store]:
    """Open a store that is there; a slip in the address makes none."""
    store = open_store(url, must_exist=True)
    try:
        yield store
    finally:
        store.close()


def listed(store: Store, spool: Path | None, tenant: str | None) -> Iterator[Listed]:
    """List a store's spaces, with what waits for them in the spool."""
    found = spool_of(store, spool)
    return list_spaces(store, {} if found is None else waiting_rows(store, found), tenant)


def _as_object(entry: Listed) -> dict[str, object]:
    info = entry.info
    return {
        "tenant": info.space.tenant,
        "scope": info.space.scope.value,
        "name": info.space.name,
        "turn": entry.turn,
        "rows": info.rows,
        "last_seq": info.last_seq,
        "stored_bytes": info.stored_bytes,
        "saved_at": info.saved_at,
        "state": entry.state.value,
        "why": entry.why,
        "boundary": entry.boundary,
        "holder": info.holder,
        "lease_expires_at": info.lease_expires_at,
        "spooled": entry.waiting,
    }
