"""What a log answers of past turns: where a page was and why, and what changed between two."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_logs import assemble, page, session_log, ticking

from clawvm.audit import AuditLog, History
from clawvm.errors import AuditInvalid, OptionUnknown

Write = Callable[[AuditLog], None]


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.read(session_log(tmp_path / "audit.jsonl"))


@pytest.fixture
def told(tmp_path: Path) -> Callable[[Write], History]:
    """Fold the log that a function has written."""

    def told(write: Write) -> History:
        with AuditLog(tmp_path / "told.jsonl", clock=ticking()) as log:
            opened(log, 0)
            write(log)
        return History.read(tmp_path / "told.jsonl")

    return told


def opened(log: AuditLog, turn: int, policy: str = "clawvm") -> None:
    log.write("open", turn, session="s", budget=1_000, policy=policy, counter="w", library="0")


class TestLevel:
    def test_is_that_of_the_last_move_up_to_the_turn(self, history: History) -> None:
        levels = [history.level("read:a", turn) for turn in (1, 2, 3, 4)]
        assert levels == ["full", "full", "pointer", "structured"]

    def test_is_none_before_the_page_came(self, history: History) -> None:
        assert [history.level("read:b", turn) for turn in (1, 2)] == ["none", "full"]

    def test_is_none_once_the_page_was_archived(self, told: Callable[[Write], History]) -> None:
        def write(log: AuditLog) -> None:
            page(log, 1, "p")
            assemble(log, 1, ("p", "none", "full", 0, 400))
            log.write("archive", 1, page_id="p")
            assemble(log, 2)

        assert [told(write).level("p", turn) for turn in (1, 2)] == ["full", "none"]

    def test_costs_what_the_content_of_that_turn_did(
        self, told: Callable[[Write], History]
    ) -> None:
        def write(log: AuditLog) -> None:
            page(log, 1, "p", tokens={"full": 400})
            assemble(log, 1, ("p", "none", "full", 0, 400))
            page(log, 2, "p", version=2, tokens={"pointer": 9, "full": 500})
            assemble(log, 2)
            assemble(log, 3, ("p", "full", "none", 500, 0), epoch=True)

        assert [told(write).tokens("p", turn) for turn in (1, 2, 3)] == [400, 500, 0]

    def test_of_a_page_from_before_a_dropped_beginning_is_what_it_moved_from(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "audit.jsonl"
        with AuditLog(path, rotate_bytes=4_000, keep=1) as log:
            opened(log, 0)
            page(log, 1, "p")
            assemble(log, 1, ("p", "none", "full", 0, 400))
            for turn in range(2, 60):
                assemble(log, turn)
            assemble(log, 60, ("p", "full", "pointer", 400, 10), epoch=True)
        history = History.read(path)
        assert history.dropped > 0
        assert min(history.turns) > 2
        assert [history.level("p", turn) for turn in (59, 60)] == ["full", "pointer"]
        assert history.tokens("p", 59) == 400
        assert "p was at full in turn 59, from before the log's beginning." in history.explain(
            "p", 59
        )
        assert "has nothing of it; " in history.explain("q", 60)


class TestExplain:
    def test_tells_of_an_epoch_with_its_figures_and_its_winners(self, history: History) -> None:
        assert history.explain("read:a", 3) == (
            "read:a (evidence, version 1) was at pointer in turn 3. In turn 3 it went from full to "
            "pointer (400 to 10 tokens): an epoch made room down to "
            "700 tokens. The level above was worth 0.012 per token, the least that stayed earned "
            "0.25. What rose or came in then: read:c (none to full, 400 tokens). The prompt cost "
            "910 of 1,000 tokens, its floor 100. Its levels cost (pointer 10, structured 40, full "
            "400) tokens; its pin is none, its floor pointer."
        )

    def test_tells_of_a_demand_and_of_faults(self, history: History) -> None:
        explained = history.explain("read:a", 4)
        assert (
            "pointer to structured (10 to 40 tokens): it was demanded at structured." in explained
        )
        assert "Faults up to then: 1 (refetch in turn 4)." in explained

    def test_tells_since_when(self, history: History) -> None:
        explained = history.explain("read:a", 2)
        assert "was at full in turn 2, as it had been since turn 1. In turn 1 it went" in explained
        assert "it came in then, or its content was new" in explained

    def test_tells_that_a_page_was_not_there_yet(self, history: History) -> None:
        assert history.explain("read:b", 1).startswith(
            "read:b was not there yet in turn 1: it came in turn 2."
        )

    def test_tells_that_there_never_was_such_a_page(self, history: History) -> None:
        assert history.explain("x", 1) == ("x was not there in turn 1: the log has nothing of it.")

    def test_tells_that_a_page_was_archived(self, told: Callable[[Write], History]) -> None:
        def write(log: AuditLog) -> None:
            page(log, 1, "p")
            assemble(log, 1, ("p", "none", "full", 0, 400))
            log.write("archive", 1, page_id="p")
            assemble(log, 2)

        assert "was not in the prompt of turn 2: it had been archived" in told(write).explain(
            "p", 2
        )

    @pytest.mark.parametrize(
        ("epoch", "moved", "cause"),
        [
            (True, ("p", "full", "pointer", 400, 10), "as far as its floor, which its hard pin"),
            (False, ("p", "none", "pointer", 0, 10), "its hard pin holds it at its floor"),
            (True, ("p", "pointer", "full", 10, 400), "an epoch selected it"),
            (False, ("p", "structured", "none", 40, 0), "policy 'clawvm' decided so"),
        ],
    )
    def test_tells_of_pins_and_selections(
        self,
        told: Callable[[Write], History],
        epoch: bool,
        moved: tuple[str, str, str, int, int],
        cause: str,
    ) -> None:
        def write(log: AuditLog) -> None:
            page(log, 1, "p", pin="hard")
            assemble(log, 1)
            assemble(log, 2, moved, epoch=epoch, low_water=None)  # type: ignore[arg-type]

        assert cause in told(write).explain("p", 2)

    def test_tells_that_a_page_came_in_with_an_epoch(
        self, told: Callable[[Write], History]
    ) -> None:
        def write(log: AuditLog) -> None:
            page(log, 1, "p")
            assemble(log, 1, ("p", "none", "pointer", 0, 10), epoch=True)

        assert "it came in then, or its content was new, and an epoch selected it." in told(
            write
        ).explain("p", 1)

    def test_names_the_three_pages_that_gained_most(self, told: Callable[[Write], History]) -> None:
        def write(log: AuditLog) -> None:
            page(log, 1, "p")
            assemble(log, 1, ("p", "none", "full", 0, 400))
            gains = [(f"g{n}", "none", "full", 0, n) for n in (5, 7, 1, 7, 2)]
            assemble(log, 2, ("p", "full", "none", 400, 0), *gains, epoch=True)  # type: ignore[arg-type]

        assert (
            "What rose or came in then: g7 (none to full, 7 tokens), g5 (none to full, 5 tokens), "
            "g2 (none to full, 2 tokens) and 1 more."
        ) in told(write).explain("p", 2)

    def test_tells_of_a_turn_without_a_prompt(self, told: Callable[[Write], History]) -> None:
        def write(log: AuditLog) -> None:
            page(log, 1, "p")
            assemble(log, 1, used=0, feasible=False, missing=1_234)

        assert (
            told(write)
            .explain("p", 1)
            .startswith(
                "p (evidence, version 1) was not in the prompt of turn 1, nor in one before it. No "
                "prompt was built in turn 1: its floor was 1,234 tokens over the budget."
            )
        )

    @pytest.mark.parametrize("turn", [0, 5, -1])
    def test_refuses_a_turn_that_is_not_there(self, history: History, turn: int) -> None:
        with pytest.raises(OptionUnknown, match=f"has the turns 1 to 4, found {turn}"):
            history.explain("read:a", turn)

    def test_refuses_a_log_that_was_altered(self, tmp_path: Path) -> None:
        path = session_log(tmp_path / "audit.jsonl")
        path.write_bytes(path.read_bytes().replace(b"read:b", b"read:x", 1))
        with pytest.raises(AuditInvalid):
            History.read(path)


class TestDiff:
    def test_has_what_changed_between_two_prompts(self, history: History) -> None:
        difference = history.diff(1, 4)
        assert difference.changed == [
            ("read:b", "none", "full", 0, 500),
            ("read:c", "none", "full", 0, 400),
            ("read:a", "full", "structured", 400, 40),
        ]
        assert (difference.used_tokens, difference.budget_tokens) == ((400, 940), (1_000, 1_000))
        assert difference.epochs == [3]

    def test_lists_what_happened_after_the_first_up_to_the_second(self, history: History) -> None:
        difference = history.diff(2, 4)
        assert [fault.fields["kind"] for fault in difference.faults] == ["refetch"]
        assert difference.commits == []
        assert [commit.turn for commit in history.diff(1, 2).commits] == [2]
        assert [event.fields["code"] for event in difference.rejections] == ["SCOPE_DENIED"]
        assert [event.fields["kind"] for event in difference.boundaries] == ["compaction"]

    def test_of_a_turn_with_itself_is_empty(self, history: History) -> None:
        difference = history.diff(3, 3)
        assert (difference.changed, difference.epochs, difference.faults) == ([], [], [])

    def test_refuses_turns_in_the_wrong_order(self, history: History) -> None:
        with pytest.raises(OptionUnknown, match="the earlier first, found 4 and 1"):
            history.diff(4, 1)

    def test_is_one_line_of_json(self, history: History) -> None:
        line = json.loads(history.diff(1, 4).to_json())
        assert line["changed"][2] == ["read:a", "full", "structured", 400, 40]
        assert line["faults"][0] == {
            "turn": 4,
            "fields": {"kind": "refetch", "page_id": "read:a", "reason": "it was at pointer"},
        }


class TestResumed:
    def test_a_session_forgets_the_turns_that_it_does_not_remember(
        self, told: Callable[[Write], History]
    ) -> None:
        def write(log: AuditLog) -> None:
            page(log, 1, "p")
            assemble(log, 1, ("p", "none", "full", 0, 400))
            page(log, 2, "q")
            assemble(log, 2, ("p", "full", "none", 400, 0), ("q", "none", "full", 0, 400))
            page(log, 3, "r")
            assemble(log, 3, ("r", "none", "full", 0, 400))
            opened(log, 1)
            assemble(log, 2, ("q", "none", "pointer", 0, 10))

        history = told(write)
        assert sorted(history.turns) == [1, 2]
        assert [history.level(name, 2) for name in "pqr"] == ["full", "pointer", "none"]
        assert history.explain("r", 2).startswith("r was not there in turn 2")

    def test_a_session_goes_on_where_it_was(self, told: Callable[[Write], History]) -> None:
        def write(log: AuditLog) -> None:
            page(log, 1, "p")
            assemble(log, 1, ("p", "none", "full", 0, 400))
            log.write("close", 1)
            opened(log, 1, "paper")
            assemble(log, 2, ("p", "full", "none", 400, 0))

        history = told(write)
        assert [history.level("p", turn) for turn in (1, 2)] == ["full", "none"]
        assert "policy 'paper' decided so" in history.explain("p", 2)
