"""The bound on misses: by hand, and against every policy there is on workloads small enough."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawvm.errors import ExtraMissing
from clawvm.pages import Fidelity, PageType, Pin
from clawvm.replay.oracle import MissRules, least_misses
from clawvm.replay.oracle.misses import Stay, most_held
from clawvm.replay.workloads import Demand, PageSpec, Turn, Workload
from clawvm.session import BoundaryKind
from clawvm.session.boundaries import RESETS
from clawvm.session.memory import SURVIVES_RESET

NONE, POINTER, FULL = Fidelity.NONE, Fidelity.POINTER, Fidelity.FULL
RULES = [
    MissRules(restoring, floor_kept, any_line)
    for restoring in (True, False)
    for floor_kept in (True, False)
    for any_line in (True, False)
]
STAYING = MissRules(restoring=False)


def page(
    page_id: str,
    full: int,
    pointer: int | None = None,
    pin: Pin = Pin.NONE,
    page_type: PageType = PageType.EVIDENCE,
    floor: Fidelity = POINTER,
) -> PageSpec:
    return PageSpec(page_id, page_type, pin, floor, (pointer, None, None, full), 5, 8)


def workload(pages: list[PageSpec], *turns: Turn) -> Workload:
    ordered = sorted(pages, key=lambda spec: spec.id)
    return Workload("by hand", "by hand", 0, tuple(ordered), turns)


def shows(*page_ids: str, puts: tuple[str, ...] = (), level: Fidelity = FULL) -> Turn:
    demands = tuple(Demand(page_id, level, f"call {page_id}") for page_id in page_ids)
    return Turn(puts=puts, demands=demands)


class TestByHand:
    def test_what_fits_together_need_never_be_missed(self) -> None:
        course = workload(
            [page("a", 10), page("b", 10)],
            shows("a", puts=("a",)),
            shows("b", puts=("b",)),
            shows("a"),
        )
        for rules in RULES:
            assert least_misses(course, 20, rules).misses == 0

    def test_what_does_not_fit_beside_what_is_needed_meanwhile_is_missed(self) -> None:
        course = workload(
            [page("a", 10), page("b", 15)],
            shows("a", puts=("a",)),
            shows("b", puts=("b",)),
            shows("a"),
        )
        assert least_misses(course, 20).misses == 1
        assert least_misses(course, 20).repeats == 1

    def test_a_policy_that_ignores_what_is_needed_may_keep_it(self) -> None:
        course = workload(
            [page("a", 10), page("b", 15)],
            shows("a", puts=("a",)),
            shows("b", puts=("b",)),
            shows("a"),
        )
        assert least_misses(course, 20, MissRules(floor_kept=False)).misses == 0

    def test_where_a_pointer_resolves_a_line_is_enough(self) -> None:
        course = workload(
            [page("a", 10, pointer=2), page("b", 15)],
            shows("a", puts=("a",)),
            shows("b", puts=("b",)),
            shows("a"),
        )
        assert least_misses(course, 20, MissRules(any_line=True)).misses == 0
        assert least_misses(course, 20).misses == 1

    def test_what_has_to_stay_all_along_is_missed_where_a_restored_page_is_not(self) -> None:
        """Both pages fit the prompt before the last one, but not beside "big" before that."""
        course = workload(
            [page("a", 8), page("b", 8), page("big", 12)],
            shows("a", "b", puts=("a", "b")),
            shows("big", puts=("big",)),
            shows(),
            shows("a", "b"),
        )
        assert least_misses(course, 20).misses == 0
        assert least_misses(course, 20, STAYING).misses == 1

    def test_pins_take_their_room(self) -> None:
        rule = page("rule", 9, pin=Pin.HARD, floor=FULL, page_type=PageType.CONSTRAINT)
        course = workload([page("a", 10), rule], shows(puts=("a", "rule")), shows(), shows("a"))
        assert least_misses(course, 19).misses == 0
        assert least_misses(course, 18).misses == 1
        assert least_misses(course, 18, MissRules(floor_kept=False)).misses == 0

    def test_new_contents_are_no_repetition(self) -> None:
        course = workload([page("a", 10)], shows("a", puts=("a",)), shows("a", puts=("a",)))
        assert least_misses(course, 5).repeats == 0

    def test_what_a_reset_takes_away_every_policy_misses(self) -> None:
        reset = Turn(boundary=BoundaryKind.RESET, demands=(Demand("a", FULL, "call"),))
        course = workload([page("a", 1)], shows("a", puts=("a",)), reset)
        assert least_misses(course, 100).misses == 1

    def test_rules_survive_a_reset(self) -> None:
        reset = Turn(boundary=BoundaryKind.RESET, demands=(Demand("a", FULL),))
        rule = page("a", 1, page_type=PageType.CONSTRAINT)
        assert least_misses(workload([rule], shows("a", puts=("a",)), reset), 100).misses == 0

    def test_a_floor_that_does_not_fit_binds_no_policy(self) -> None:
        """Nothing is known of such a turn but that a prompt keeps within the budget."""
        course = workload(
            [page("a", 10), page("b", 30)],
            shows("a", puts=("a",)),
            shows("b", puts=("b",)),
            shows("a"),
        )
        assert least_misses(course, 20).misses == 0

    def test_only_pages_that_have_to_stay_need_the_solver(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "ortools.linear_solver.python", None)
        course = workload([page("a", 10)], shows("a", puts=("a",)), shows("a"))
        assert least_misses(course, 20).misses == 0
        with pytest.raises(ExtraMissing, match=r"clawvm\[eval\]"):
            least_misses(course, 20, STAYING)


def fewest_misses(course: Workload, budget: int, rules: MissRules) -> int:
    """Try every policy: the fewest misses by what the last prompt showed of each page."""
    specs = {spec.id: spec for spec in course.pages}
    ids = list(specs)
    states = {tuple(NONE for _ in ids): 0}
    known: set[str] = set()
    live: set[str] = set()
    for turn in course.turns:
        if turn.boundary in RESETS:
            live = {page_id for page_id in live if specs[page_id].type in SURVIVES_RESET}
        arriving = {*turn.puts, *(demand.page_id for demand in turn.demands)}
        repeated = {
            demand.page_id: needed(demand, specs, rules)
            for demand in turn.demands
            if demand.page_id in known - {*turn.puts}
        }
        floor = {page_id: specs[page_id].floor for page_id in live | arriving}
        floor = {page_id: floor[page_id] for page_id in floor if specs[page_id].pin is Pin.HARD}
        for demand in turn.demands:
            level = needed(demand, specs, MissRules())
            floor[demand.page_id] = max(level, floor.get(demand.page_id, NONE))
        after: dict[tuple[Fidelity, ...], int] = {}
        for shown, misses in states.items():
            # What a reset takes away is gone from the prompt as well.
            there = tuple(
                level if page_id in live else NONE
                for page_id, level in zip(ids, shown, strict=True)
            )
            level_of = dict(zip(ids, there, strict=True))
            more = sum(level_of[page_id] < level for page_id, level in repeated.items())
            for chosen in prompts(level_of, live | arriving, arriving, floor, specs, budget, rules):
                after[chosen] = min(misses + more, after.get(chosen, 1_000))
        states = after
        known |= arriving
        live |= arriving
    return min(states.values())


def needed(demand: Demand, specs: dict[str, PageSpec], rules: MissRules) -> Fidelity:
    return POINTER if rules.any_line else max(demand.level, specs[demand.page_id].floor)


def cost(spec: PageSpec, level: Fidelity) -> int:
    return min(tokens for tokens in spec.tokens[level - 1 :] if tokens is not None) if level else 0


def prompts(
    shown: dict[str, Fidelity],
    live: set[str],
    arriving: set[str],
    floor: dict[str, Fidelity],
    specs: dict[str, PageSpec],
    budget: int,
    rules: MissRules,
) -> Iterator[tuple[Fidelity, ...]]:
    """Yield what every policy that the rules allow may show after `shown`."""
    floor_fits = sum(cost(specs[page_id], level) for page_id, level in floor.items()) <= budget
    binding = floor if rules.floor_kept and floor_fits else {}
    if not (rules.floor_kept and floor_fits):
        yield tuple(shown.values())  # no prompt was built
    choices = []
    for page_id, spec in specs.items():
        levels = [NONE, *(level for level in (POINTER, FULL) if spec.tokens[level - 1] is not None)]
        most = FULL if rules.restoring or page_id in arriving else shown[page_id]
        choices.append(
            [
                level
                for level in levels
                if binding.get(page_id, NONE) <= level <= (most if page_id in live else NONE)
            ]
        )
    for chosen in itertools.product(*choices):
        if sum(map(cost, specs.values(), chosen)) <= budget:
            yield chosen


@st.composite
def tiny_workloads(draw: st.DrawFn) -> Workload:
    pages = []
    for page_id in "abcd"[: draw(st.integers(1, 4))]:
        full = draw(st.integers(1, 9))
        pages.append(
            page(
                page_id,
                full,
                draw(st.one_of(st.none(), st.integers(1, full - 1))) if full > 1 else None,
                draw(st.sampled_from((Pin.NONE, Pin.NONE, Pin.HARD))),
                draw(st.sampled_from((PageType.EVIDENCE, PageType.CONSTRAINT))),
                draw(st.sampled_from((NONE, POINTER, FULL))),
            )
        )
    turns = []
    put: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        puts = draw(st.lists(st.sampled_from(pages), max_size=2, unique=True))
        put += [spec.id for spec in puts if spec.id not in put]
        asked = draw(st.lists(st.sampled_from(put), max_size=3, unique=True)) if put else []
        turns.append(
            Turn(
                draw(st.sampled_from((None, None, None, *BoundaryKind))),
                tuple(spec.id for spec in puts),
                tuple(Demand(page_id, draw(st.sampled_from((POINTER, FULL)))) for page_id in asked),
            )
        )
    return workload(pages, *turns)


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_no_policy_has_fewer_misses(rules: MissRules) -> None:
    pytest.importorskip("ortools", exc_type=ImportError)

    @given(tiny_workloads(), st.integers(1, 25))
    @settings(max_examples=150, deadline=None)
    def check(course: Workload, budget: int) -> None:
        bound = least_misses(course, budget, rules)
        assert 0 <= bound.misses <= fewest_misses(course, budget, rules) <= bound.repeats

    check()


@given(tiny_workloads(), st.integers(9, 60), st.booleans())
@settings(max_examples=150, deadline=None)
def test_where_pages_are_restored_and_every_floor_fits_some_policy_has_as_few(
    course: Workload, budget: int, any_line: bool
) -> None:
    budget += sum(spec.tokens[3] or 0 for spec in course.pages if spec.pin is Pin.HARD)
    budget = max(budget, 27)
    rules = MissRules(any_line=any_line)
    assert least_misses(course, budget, rules).misses == fewest_misses(course, budget, rules)


stays_of_four_prompts = st.lists(
    st.integers(0, 3).flatmap(
        lambda first: st.lists(st.integers(0, 9), min_size=1, max_size=4 - first).map(
            lambda tokens: Stay("page", first, tuple(tokens))
        )
    ),
    max_size=6,
)


@given(
    stays_of_four_prompts,
    st.lists(st.integers(0, 20), min_size=4, max_size=4),
    st.lists(st.integers(0, 1 << 42), min_size=4, max_size=4),
)
def test_whatever_the_prices_no_more_can_be_held(
    stays: list[Stay], room: list[int], prices: list[int]
) -> None:
    def fits(held: tuple[Stay, ...]) -> bool:
        costs = [0] * 4
        for stay in held:
            for place, tokens in enumerate(stay.tokens, stay.first):
                costs[place] += tokens
        return all(cost <= tokens for cost, tokens in zip(costs, room, strict=True))

    most = max(
        count
        for count in range(len(stays) + 1)
        if any(map(fits, itertools.combinations(stays, count)))
    )
    assert most <= most_held(stays, room, prices)
