"""What each policy of a replay keeps, in cases small enough to work out by hand."""

from __future__ import annotations

import pytest

from clawvm._backend import core
from clawvm.errors import PolicyUnknown
from clawvm.pages import Fidelity, Page, PageForm, PageType, Pin, Provenance, Scope
from clawvm.replay.policies import POLICY_NAMES, make_policy
from clawvm.residency import Decision, View

NONE, POINTER, STRUCTURED, FULL = (
    Fidelity.NONE,
    Fidelity.POINTER,
    Fidelity.STRUCTURED,
    Fidelity.FULL,
)
WITH_A_BUDGET = [name for name in POLICY_NAMES if name != "full"]


class Desk:
    """Pages with chosen sizes on a page table; a page's request is also when it was touched."""

    def __init__(self) -> None:
        self.table = core.PageTable()
        self.pages: dict[int, Page] = {}

    def add(
        self,
        page_id: str,
        full: int,
        *,
        request: int,
        cheaper: dict[Fidelity, int] | None = None,
        touched: int | None = None,
        type: PageType = PageType.CONVERSATION,
        pin: Pin = Pin.NONE,
        floor: Fidelity = POINTER,
        is_tool: bool = False,
    ) -> None:
        tokens = {**(cheaper or {}), FULL: full}
        ladder = {
            level: PageForm((None,), (tokens[level],), 1000 if level is FULL else 100 * level)
            for level in sorted(tokens)
        }
        page = Page(
            page_id,
            type,
            Provenance("test", page_id),
            Scope.SESSION,
            pin,
            floor,
            (page_id,),
            ladder,
            weight=1000,
            is_tool=is_tool,
            request=request,
            position=len(self.pages),
        )
        page.slot = self.table.put(
            page_id,
            [tokens.get(Fidelity(level)) for level in range(1, 5)],
            [
                ladder[level].quality if level in ladder else 1
                for level in map(Fidelity, range(1, 5))
            ],
            page.weight,
            page_type=type,
            pin=pin,
            floor=floor,
            digest=bytes(16),
            turn=request if touched is None else touched,
        )
        self.pages[page.slot] = page

    def decide(self, policy: str, budget: int, *, tail: tuple[str, ...] = ()) -> Decision:
        turn = 1 + max(page.request for page in self.pages.values())
        view = View(
            table=self.table,
            pages=self.pages,
            pinned={slot: page for slot, page in self.pages.items() if page.pin is Pin.HARD},
            budget=budget,
            turn=turn,
            fresh=list(self.pages),
            tail=[self.table.slot(page_id) for page_id in tail],
            demands={},
        )
        return make_policy(policy).decide(view)

    def levels(self) -> dict[str, Fidelity]:
        return {page.id: Fidelity(self.table.level(slot)) for slot, page in self.pages.items()}

    def shown(self) -> dict[str, Fidelity]:
        """The pages of which something is in the prompt, in the order of the conversation."""
        return {page_id: level for page_id, level in self.levels().items() if level}


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestFull:
    def test_shows_every_page_whole_and_knows_no_budget(self, desk: Desk) -> None:
        desk.add("rules", 50, request=1, cheaper={STRUCTURED: 10})
        desk.add("question", 70, request=1)

        decision = desk.decide("full", budget=1, tail=("question",))

        assert desk.levels() == {"rules": FULL, "question": FULL}
        assert decision.feasible
        assert decision.used_tokens == 120


class TestSlidingWindow:
    def test_stops_at_the_first_request_that_does_not_fit(self, desk: Desk) -> None:
        desk.add("small and old", 10, request=1)
        desk.add("large", 30, request=2)
        desk.add("newer", 20, request=3)
        desk.add("newest", 10, request=4)

        # 45 - 10 - 20 leaves 15: "large" does not fit, and what is older is not tried.
        desk.decide("sliding-window", budget=45, tail=("newest",))

        assert desk.shown() == {"newer": FULL, "newest": FULL}

    def test_keeps_or_drops_a_request_as_a_whole(self, desk: Desk) -> None:
        desk.add("asked", 10, request=1)
        desk.add("answered", 10, request=1)
        desk.add("newest", 10, request=2)

        desk.decide("sliding-window", budget=29, tail=("newest",))
        assert desk.shown() == {"newest": FULL}

        desk.decide("sliding-window", budget=30, tail=("newest",))
        assert desk.shown() == {"asked": FULL, "answered": FULL, "newest": FULL}

    def test_shows_no_cheaper_form_of_what_it_drops(self, desk: Desk) -> None:
        desk.add("old", 30, request=1, cheaper={POINTER: 1})
        desk.add("newest", 10, request=2)

        desk.decide("sliding-window", budget=20, tail=("newest",))

        assert desk.shown() == {"newest": FULL}


class TestToolClearing:
    def results(self, desk: Desk, count: int) -> None:
        for number in range(count):
            desk.add(f"result {number}", 10, request=number + 1, cheaper={POINTER: 2}, is_tool=True)

    def test_keeps_the_last_three_results_and_points_to_the_others(self, desk: Desk) -> None:
        self.results(desk, 5)
        desk.add("question", 10, request=6, cheaper={POINTER: 2})

        decision = desk.decide("tool-clearing", budget=100, tail=("question",))

        assert desk.levels() == {
            "result 0": POINTER,
            "result 1": POINTER,
            "result 2": FULL,
            "result 3": FULL,
            "result 4": FULL,
            "question": FULL,
        }
        assert decision.used_tokens == 2 + 2 + 10 + 10 + 10 + 10

    def test_drops_the_oldest_where_clearing_is_not_enough(self, desk: Desk) -> None:
        self.results(desk, 5)

        # 30 for the last three, 2 for "result 1"; nothing is left for "result 0".
        desk.decide("tool-clearing", budget=33, tail=("result 4",))

        assert desk.shown() == {
            "result 1": POINTER,
            "result 2": FULL,
            "result 3": FULL,
            "result 4": FULL,
        }

    def test_a_result_without_a_cheaper_form_stays_as_it_is(self, desk: Desk) -> None:
        desk.add("tiny", 3, request=1, is_tool=True)
        self.results(desk, 3)

        desk.decide("tool-clearing", budget=100, tail=("result 2",))

        assert desk.levels()["tiny"] is FULL

    def test_clears_tool_results_only(self, desk: Desk) -> None:
        for number in range(6):
            desk.add(f"text {number}", 10, request=number + 1, cheaper={POINTER: 2})

        desk.decide("tool-clearing", budget=100, tail=("text 5",))

        assert set(desk.levels().values()) == {FULL}


class TestLru:
    def test_goes_by_the_last_touch_and_stops_at_the_first_misfit(self, desk: Desk) -> None:
        desk.add("touched again", 40, request=1, touched=5, cheaper={POINTER: 3})
        desk.add("old and small", 10, request=1, touched=1, cheaper={POINTER: 3})
        desk.add("misfit", 40, request=2, touched=2, cheaper={POINTER: 3})
        desk.add("recent", 40, request=3, touched=3, cheaper={POINTER: 3})

        # A tenth of 100 is kept for pointers: 90 - 40 - 40 leaves 10, too little for "misfit";
        # "old and small" comes after it and is not tried whole.
        decision = desk.decide("lru", budget=100)

        assert desk.levels() == {
            "touched again": FULL,
            "old and small": POINTER,
            "misfit": POINTER,
            "recent": FULL,
        }
        assert decision.used_tokens == 40 + 40 + 3 + 3

    def test_points_to_the_most_recent_while_there_is_room(self, desk: Desk) -> None:
        for number in range(4):
            desk.add(f"page {number}", 50, request=number + 1, cheaper={POINTER: 6})

        # "page 3" whole leaves 15 of 65: room for two pointers of 6.
        desk.decide("lru", budget=65)

        assert desk.shown() == {"page 1": POINTER, "page 2": POINTER, "page 3": FULL}

    def test_of_equally_recent_pages_the_later_one_wins(self, desk: Desk) -> None:
        desk.add("first", 50, request=1)
        desk.add("second", 50, request=1)

        desk.decide("lru", budget=60)

        assert desk.shown() == {"second": FULL}


class TestSharedGround:
    @pytest.mark.parametrize("policy", WITH_A_BUDGET)
    def test_hard_pins_hold_their_floor_and_the_tail_is_whole(
        self, desk: Desk, policy: str
    ) -> None:
        desk.add(
            "rules",
            60,
            request=1,
            cheaper={STRUCTURED: 20},
            type=PageType.BOOTSTRAP,
            pin=Pin.HARD,
            floor=STRUCTURED,
        )
        for number in range(5):
            desk.add(f"old {number}", 30, request=number + 2, cheaper={POINTER: 4}, is_tool=True)
        desk.add("written last", 15, request=7, cheaper={POINTER: 4})
        desk.add("arrived", 15, request=7, cheaper={POINTER: 4})

        decision = desk.decide(policy, budget=55, tail=("written last", "arrived"))

        levels = desk.levels()
        assert decision.feasible
        assert decision.used_tokens == self.cost(desk) <= 55
        assert levels["rules"] is STRUCTURED
        assert (levels["written last"], levels["arrived"]) == (FULL, FULL)

    @pytest.mark.parametrize("policy", ["sliding-window", "tool-clearing", "lru"])
    def test_the_rules_come_before_history_where_they_fit_whole(
        self, desk: Desk, policy: str
    ) -> None:
        desk.add(
            "rules",
            60,
            request=1,
            cheaper={STRUCTURED: 20},
            type=PageType.BOOTSTRAP,
            pin=Pin.HARD,
            floor=STRUCTURED,
        )
        desk.add("old", 30, request=2)
        desk.add("newest", 10, request=3)

        desk.decide(policy, budget=75, tail=("newest",))

        assert desk.shown() == {"rules": FULL, "newest": FULL}

    @pytest.mark.parametrize("policy", WITH_A_BUDGET)
    def test_a_tail_that_does_not_fit_whole_has_a_line_for_each_page(
        self, desk: Desk, policy: str
    ) -> None:
        desk.add("long answer", 90, request=1, cheaper={POINTER: 4})
        desk.add("long result", 90, request=1, cheaper={POINTER: 4})

        desk.decide(policy, budget=95, tail=("long answer", "long result"))

        assert desk.levels() == {"long answer": POINTER, "long result": FULL}

    @pytest.mark.parametrize("policy", WITH_A_BUDGET)
    def test_a_floor_that_does_not_fit_is_said_and_nothing_moves(
        self, desk: Desk, policy: str
    ) -> None:
        desk.add("rules", 60, request=1, type=PageType.BOOTSTRAP, pin=Pin.HARD, floor=FULL)
        desk.add("question", 5, request=1)

        decision = desk.decide(policy, budget=50, tail=("question",))

        assert not decision.feasible
        assert decision.floor_tokens > 50
        assert desk.table.slot("rules") in decision.required
        assert desk.shown() == {}

    def cost(self, desk: Desk) -> int:
        return sum(page.tokens(desk.levels()[page.id]) for page in desk.pages.values())


def test_an_unknown_policy_is_named_with_those_there_are() -> None:
    with pytest.raises(PolicyUnknown, match=r"'fifo'; there are full, sliding-window, .*clawvm"):
        make_policy("fifo")


def test_each_replay_gets_a_policy_object_of_its_own() -> None:
    assert make_policy("paper") is not make_policy("paper")


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_a_policy_knows_the_name_it_is_asked_for_by(name: str) -> None:
    assert make_policy(name).name == name
