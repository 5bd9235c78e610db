"""What a session writes into its decision trace (`clawvm.audit`)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .._version import __version__
from ..audit import LEVEL_NAMES, AuditLog, Moved, events
from ..faults import Fault
from ..pages import LEVELS, Fidelity, Page, PageForm, PageType, Pin, Provenance
from ..residency import ClawVMPolicy, Plan
from ..writeback import Receipt
from .boundaries import BoundaryReport
from .explain import least_worth, worth_per_token
from .recall import Recall
from .saved import SessionParts

__all__ = ["Tracing", "audit_file"]


def audit_file(path: str | os.PathLike[str], session_id: str) -> Path:
    """Return the file of a session's decision trace: `path`, or in the folder `path` its own."""
    place = Path(path)
    return place / f"{session_id}.jsonl" if place.is_dir() else place


_Ladder = Mapping[Fidelity, PageForm]


class Tracing:
    """Writes one session's decisions, faults, boundaries and commits.

    Not safe for use by several threads at once.
    """

    def __init__(self, log: AuditLog, parts: SessionParts) -> None:
        self._log = log
        self._parts = parts
        parts.faults.listener = self._fault

    def opened(self, budget: int, counter: str) -> None:
        """Note that the session begins, or goes on."""
        self._log.write(
            "open",
            self._turn,
            session=self._parts.book.session_id,
            budget=budget,
            policy=self._parts.assembler.policy.name,
            counter=counter,
            library=__version__,
        )
        self._log.flush()

    def pages(self, slots: Iterable[int]) -> None:
        """Note pages that are new, or have a new content or other terms."""
        by_slot, turn = self._parts.book.by_slot, self._turn + 1
        for slot in slots:
            page = by_slot[slot]
            self._log.defer(
                "page",
                turn,
                _page_fields,
                page.id,
                page.type,
                page.version,
                page.ladder,
                page.provenance,
                page.pin,
                page.floor,
            )

    def demanded(self) -> None:
        """Note which pages the next prompt must show."""
        for slot, level in self._parts.assembler.demands.items():
            page = self._parts.book.by_slot[slot]
            self._log.write("demand", self._turn + 1, page_id=page.id, level=LEVEL_NAMES[level])

    def assembled(self, plan: Plan) -> None:
        """Note what was decided for a prompt."""
        book = self._parts.book
        ladders = [book.live[page_id].ladder for page_id, _, _ in plan.changes]
        gains: list[int] = []
        least = None
        if plan.epoch:
            gains = self._gains(plan)
            least = least_worth(book, plan.turn)
        policy = self._parts.assembler.policy
        low_water = None
        if isinstance(policy, ClawVMPolicy):
            low_water = policy.low_water(plan.budget_tokens)
        self._log.defer(
            "assemble", plan.turn, _assemble_fields, plan, low_water, ladders, gains, least
        )

    def _gains(self, plan: Plan) -> list[int]:
        """Return what the next dearer level of each page that was demoted would have added."""
        live, table = self._parts.book.live, self._parts.book.table
        demoted = [live[page_id].slot for page_id, old, new in plan.changes if new < old]
        return table.next_gains(demoted, plan.turn)

    def flush(self) -> None:
        """Write what has been noted to the file."""
        self._log.flush()

    def archived(self, pages: Iterable[Page]) -> None:
        """Note pages that left the page table."""
        for page in pages:
            self._log.write("archive", self._turn, page_id=page.id)

    def recalled(self, recall: Recall) -> None:
        """Note a lookup and how it ended."""
        self._log.write("recall", self._turn, page_id=recall.page_id, outcome=recall.outcome.value)

    def committed(self, receipt: Receipt) -> None:
        """Note a commit and what it refused."""
        for rejection in receipt.rejected:
            self._log.write(
                "rejection",
                self._turn,
                page_id=rejection.operation.page_id,
                field=rejection.operation.field,
                code=rejection.code.value,
                principal=rejection.operation.principal.name,
            )
        self._log.write(
            "commit",
            self._turn,
            seq=receipt.seq,
            operations=len(receipt.committed),
            bytes=receipt.record_bytes,
            spooled=receipt.spooled,
        )

    def passed(self, report: BoundaryReport, restored: Sequence[str], took_us: int) -> None:
        """Note a boundary; `restored` are the rules that it left in force."""
        self._log.write(
            "boundary",
            self._turn,
            kind=report.kind.value,
            restored=list(restored),
            took_us=took_us,
            outcome=report.outcome,
        )
        self._log.flush()

    def close(self) -> None:
        """Note the end, and let go of the file."""
        self._log.write("close", self._turn)
        self.release()

    def release(self) -> None:
        """Let go of the file."""
        self._parts.faults.listener = None
        self._log.close()

    @property
    def _turn(self) -> int:
        return self._parts.assembler.turn

    def _fault(self, fault: Fault) -> None:
        self._log.write(
            "fault",
            fault.turn,
            kind=fault.kind.value,
            page_id=fault.page_id,
            reason=fault.reason,
        )


def _above(level: int, ladder: _Ladder) -> Fidelity:
    return next(rung for rung in ladder if rung > level)


def _page_fields(
    page_id: str,
    page_type: PageType,
    version: int,
    ladder: _Ladder,
    provenance: Provenance,
    pin: Pin,
    floor: Fidelity,
) -> events.Page:
    return {
        "page_id": page_id,
        "type": page_type.name.lower(),
        "version": version,
        "tokens": {LEVEL_NAMES[level]: form.tokens for level, form in ladder.items()},
        "provenance": (provenance.source, provenance.reference),
        "pin": pin.name.lower(),
        "floor": LEVEL_NAMES[floor],
    }


def _assemble_fields(
    plan: Plan,
    low_water: int | None,
    ladders: list[_Ladder],
    gains: list[int],
    least: float | None,
) -> events.Assemble:
    changed = list(zip(plan.changes, ladders, strict=True))
    demoted = [(*change, ladder) for change, ladder in changed if gains and change[2] < change[1]]
    return {
        "budget": plan.budget_tokens,
        "used": plan.used_tokens,
        "floor": plan.floor_tokens,
        "epoch": plan.epoch,
        "prefix_kept": plan.prefix_tokens_kept,
        "low_water": low_water,
        "moves": [_moved(*change, ladder) for change, ladder in changed],
        "worth": {
            page_id: worth_per_token(gain, _step_tokens(new, ladder))
            for (page_id, _, new, ladder), gain in zip(demoted, gains, strict=True)
        },
        "least_worth": least,
        "feasible": plan.feasible,
        "missing": plan.missing_tokens,
    }


def _step_tokens(level: int, ladder: _Ladder) -> int:
    return ladder[_above(level, ladder)].tokens - _tokens(level, ladder)


def _tokens(level: int, ladder: _Ladder) -> int:
    # A page with a new content may lack the level that its old one was at.
    form = ladder.get(LEVELS[level])
    return 0 if form is None else form.tokens


def _moved(page_id: str, old: int, new: int, ladder: _Ladder) -> Moved:
    names = LEVEL_NAMES[old], LEVEL_NAMES[new]
    return page_id, *names, _tokens(old, ladder), _tokens(new, ladder)
