"""A process that commits to a journal until it is killed; run with the arguments of `main`.

It prints what each commit has acknowledged, once it has. Its store is down for some commits, so
that the spool is written and drained on the way.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import cast

from journals import FailingStore, delta, open_project, open_session
from operations import PROJECT, SESSION, operation

from clawvm import crash_points
from clawvm.pages import Scope
from clawvm.stores import Durability, Store
from clawvm.stores.open import open_store
from clawvm.stores.spool import Spool
from clawvm.writeback import OpKind
from clawvm.writeback.delivery import Delivery

COMMITS = 16


def text(number: int) -> str:
    """Return a text that is long enough to be a content of its own."""
    return f"what number {number} has to say, over and over again, line after line\n" * 9


def main(url: str, folder: str, scope: str, point: str, occurrence: str) -> None:
    """Commit `COMMITS` times; die at the given occurrence of the crash point."""
    failing = FailingStore(open_store(url))
    store = cast(Store, failing)
    spool = Spool(folder)
    project = scope == "project"
    drain = Delivery.drain
    # No time has to pass before the store is tried again.
    Delivery.drain = lambda self, at_once=True: drain(self, True)  # type: ignore[method-assign]
    journal = open_project(store, spool) if project else open_session(store, spool)
    start = journal.head("log").version
    crash_points.hook = killer(point, int(occurrence))
    for number in range(start, start + COMMITS):
        failing.down = number % 8 in (3, 4, 5)
        page = f"page-{number}"
        space = PROJECT if project else SESSION
        for op in (
            operation(OpKind.APPEND, f"{number}", page_id="log", scope=space.scope),
            operation(value=text(number), page_id=page, scope=space.scope),
        ):
            journal.stage(op)
        level = Durability.GROUP if number % 4 == 1 else Durability.COMMIT
        receipt = journal.commit(
            "turn", None if project else delta(number), turn=number, durability=level
        )
        assert receipt.rejected == ()
        if receipt.ticket is not None:
            receipt.ticket.wait(30)
        print("acknowledged", number, flush=True)
        if number % 8 == 7:
            journal.save_snapshot(None if project else delta(number))
    journal.close()
    print("closed", flush=True)


def killer(point: str, occurrence: int) -> object:
    left = occurrence

    def hook(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


if __name__ == "__main__":
    assert Scope(sys.argv[3])
    main(*sys.argv[1:])
