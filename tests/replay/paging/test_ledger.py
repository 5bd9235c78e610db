"""What is dirty, what is durable, what is lost."""

from __future__ import annotations

from clawvm.pages import PageType
from clawvm.replay.paging.ledger import Ledger
from clawvm.session import BoundaryKind


def test_what_has_changed_is_lost_until_it_is_committed() -> None:
    with Ledger() as ledger:
        ledger.change("log", PageType.EVIDENCE)
        ledger.commit(BoundaryKind.COMPACTION, 1)
        ledger.change("log", PageType.EVIDENCE)
        ledger.change("note", PageType.EVIDENCE)
        assert ledger.lose() == ["log", "note"]
        assert ledger.lose() == []


def test_rules_are_committed_like_anything_else() -> None:
    with Ledger() as ledger:
        ledger.change("rule", PageType.BOOTSTRAP)
        ledger.commit(BoundaryKind.RESET, 1)
        assert ledger.lose() == []


def test_what_was_lost_can_be_made_again_and_committed() -> None:
    with Ledger() as ledger:
        ledger.change("log", PageType.EVIDENCE)
        ledger.lose()
        assert ledger.change("log", PageType.EVIDENCE) == ledger.version("log") == 2
        ledger.commit(BoundaryKind.COMPACTION, 2)
        assert ledger.lose() == []
