"""What a session writes into its decision trace (`clawvm.audit`)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from .._version import __version__
from ..audit import LEVEL_NAMES, AuditLog, Moved
from ..faults import Fault
from ..pages import Fidelity, Page
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
        for slot in slots:
            page = self._parts.book.by_slot[slot]
            self._log.write(
                "page",
                self._turn + 1,
                page_id=page.id,
                type=page.type.name.lower(),
                version=page.version,
                tokens={LEVEL_NAMES[level]: form.tokens for level, form in page.ladder.items()},
                provenance=(page.provenance.source, page.provenance.reference),
                pin=page.pin.name.lower(),
                floor=LEVEL_NAMES[page.floor],
            )

    def demanded(self) -> None:
        """Note which pages the next prompt must show."""
        for slot, level in self._parts.assembler.demands.items():
            page = self._parts.book.by_slot[slot]
            self._log.write("demand", self._turn + 1, page_id=page.id, level=LEVEL_NAMES[level])

    def assembled(self, plan: Plan) -> None:
        """Note what was decided for a prompt."""
        book = self._parts.book
        moved = [(book.live[move.page_id], move.old, move.new) for move in plan.moves]
        worth: dict[str, float] = {}
        least = None
        if plan.epoch:
            worth = {page.id: self._worth(page, new) for page, old, new in moved if new < old}
            least = least_worth(book.live.values(), book.table, plan.turn)
        policy = self._parts.assembler.policy
        low_water = None
        if isinstance(policy, ClawVMPolicy):
            low_water = plan.budget_tokens * policy.low_water_percent // 100
        self._log.write(
            "assemble",
            plan.turn,
            budget=plan.budget_tokens,
            used=plan.used_tokens,
            floor=plan.floor_tokens,
            epoch=plan.epoch,
            prefix_kept=plan.prefix_tokens_kept,
            low_water=low_water,
            moves=[_moved(page, old, new) for page, old, new in moved],
            worth=worth,
            least_worth=least,
            feasible=plan.feasible,
            missing=plan.missing_tokens,
        )
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

    def _worth(self, page: Page, level: Fidelity) -> float:
        """What the next dearer level of a page would have earned per token."""
        dearer = next(rung for rung in page.ladder if rung > level)
        return worth_per_token(page, level, dearer, self._parts.book.table, self._turn)


def _moved(page: Page, old: Fidelity, new: Fidelity) -> Moved:
    # A page with a new content may lack the level that its old one was at.
    before = page.tokens(old) if old in page.ladder else 0
    return page.id, LEVEL_NAMES[old], LEVEL_NAMES[new], before, page.tokens(new)
