"""The adversaries are what their descriptions say."""

from __future__ import annotations

from clawvm.pages import Pin
from clawvm.replay.workloads import ADVERSARIES
from clawvm.session import BoundaryKind


def test_the_papers_three_are_there_and_at_least_six_of_ours() -> None:
    names = list(ADVERSARIES)
    assert names[:3] == ["starvation", "churn", "cascade_reset"]
    assert len(names[3:]) >= 6


def test_starvation_needs_sixty_tokens_of_pins_under_forty() -> None:
    adversary = ADVERSARIES["starvation"]
    pins = [page for page in adversary.write().pages if page.pin is Pin.HARD]
    assert adversary.budget == 40
    assert sum(page.tokens[page.floor - 1] or 0 for page in pins) == 60


def test_churn_has_fifty_results_in_fifty_turns() -> None:
    turns = ADVERSARIES["churn"].write().turns
    fetched = [page_id for turn in turns for page_id in turn.puts if page_id.startswith("result")]
    assert (len(turns), len(set(fetched))) == (50, 50)


def test_the_cascade_has_nine_resets_in_thirty_turns() -> None:
    turns = ADVERSARIES["cascade_reset"].write().turns
    assert (len(turns), sum(turn.boundary is BoundaryKind.RESET for turn in turns)) == (30, 9)


def test_a_thousand_constraints_leave_room_for_a_result() -> None:
    adversary = ADVERSARIES["thousand_constraints"]
    pins = [page for page in adversary.write().pages if page.pin is Pin.HARD]
    assert len(pins) == 1000
    assert 0 < adversary.budget - sum(page.tokens[page.floor - 1] or 0 for page in pins) < 50


def test_the_exact_floor_reaches_its_budget_to_the_token() -> None:
    adversary = ADVERSARIES["exact_floor"]
    workload = adversary.write()
    specs = {page.id: page for page in workload.pages}
    pins = sum(page.tokens[page.floor - 1] or 0 for page in workload.pages if page.pin is Pin.HARD)
    demand = workload.turns[-1].demands[0]
    assert pins + (specs[demand.page_id].tokens[demand.level - 1] or 0) == adversary.budget


def test_a_huge_page_is_ten_budgets_long() -> None:
    adversary = ADVERSARIES["huge_pages"]
    assert max(page.tokens[-1] or 0 for page in adversary.write().pages) == 10 * adversary.budget
