"""A small session's decision trace, written with a clock that stands still between the turns."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from clawvm.audit import AuditLog, Level, Moved

__all__ = ["assemble", "page", "session_log", "ticking", "write_session"]


class ticking:  # noqa: N801 - used like a function
    """A clock that is a second later each time it is asked."""

    def __init__(self, start: int = 1_000) -> None:
        self._seconds = count(start)

    def __call__(self) -> float:
        return float(next(self._seconds))


def page(log: AuditLog, turn: int, page_id: str, *, pin: str = "none", **changes: Any) -> None:
    """Write that a page was put."""
    tokens: dict[Level, int] = {"pointer": 10, "structured": 40, "full": 400}
    fields: dict[str, Any] = {
        "page_id": page_id,
        "type": "evidence",
        "version": 1,
        "tokens": tokens,
        "provenance": ("tool", f"call:{page_id}"),
        "pin": pin,
        "floor": "pointer",
    }
    log.write("page", turn, **(fields | changes))


def assemble(log: AuditLog, turn: int, *moves: Moved, **changes: Any) -> None:
    """Write that a prompt was decided."""
    fields: dict[str, Any] = {
        "budget": 1_000,
        "used": 900,
        "floor": 100,
        "epoch": False,
        "prefix_kept": 300,
        "low_water": 700,
        "moves": list(moves),
        "worth": {},
        "least_worth": None,
        "feasible": True,
        "missing": 0,
    }
    log.write("assemble", turn, **(fields | changes))


def write_session(log: AuditLog) -> None:
    """Write four turns: two pages come, one is evicted in an epoch and demanded back."""
    log.write(
        "open", 0, session="s", budget=1_000, policy="clawvm", counter="words", library="0.1.0"
    )
    page(log, 1, "read:a")
    assemble(log, 1, ("read:a", "none", "full", 0, 400), used=400)
    page(log, 2, "read:b", tokens={"pointer": 12, "full": 500})
    log.write("commit", 2, seq=1, operations=2, bytes=900, spooled=False)
    assemble(log, 2, ("read:b", "none", "full", 0, 500))
    page(log, 3, "read:c")
    log.write("recall", 3, page_id="read:a", outcome="found")
    assemble(
        log,
        3,
        ("read:a", "full", "pointer", 400, 10),
        ("read:c", "none", "full", 0, 400),
        used=910,
        epoch=True,
        worth={"read:a": 0.012},
        least_worth=0.25,
    )
    log.write("fault", 4, kind="refetch", page_id="read:a", reason="it was at pointer")
    log.write("boundary", 4, kind="compaction", restored=["rules"], took_us=80, outcome="committed")
    log.write("rejection", 4, page_id="plan", field="text", code="SCOPE_DENIED", principal="model")
    log.write("demand", 4, page_id="read:a", level="structured")
    assemble(log, 4, ("read:a", "pointer", "structured", 10, 40), used=940)
    log.write("archive", 4, page_id="read:b")
    log.write("close", 4)


def session_log(path: Path, **options: Any) -> Path:
    """Write the session to a file and return it."""
    with AuditLog(path, clock=ticking(), **options) as log:
        write_session(log)
    return path
