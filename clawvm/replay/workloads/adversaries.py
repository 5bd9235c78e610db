"""Workloads that try to break a policy: the paper's three, and our own against ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...pages import Fidelity, PageType
from ...session import BoundaryKind
from .draws import Draws
from .model import Demand, Workload
from .scale import ABSTRACT
from .script import Script, ladder

__all__ = ["ADVERSARIES", "Adversary"]

_COMPACTION, _RESET = BoundaryKind.COMPACTION, BoundaryKind.RESET
_POINTER, _STRUCTURED, _FULL = Fidelity.POINTER, Fidelity.STRUCTURED, Fidelity.FULL
_EVIDENCE, _CONSTRAINT = PageType.EVIDENCE, PageType.CONSTRAINT


@dataclass(frozen=True, slots=True)
class Adversary:
    """A workload with the budget at which it hurts.

    Parameters
    ----------
    name : str
        Unique among them.
    budget : int
        Tokens.
    write : callable
        Makes the workload.
    fits : bool
        Whether the floor of every turn fits the budget.
    """

    name: str
    budget: int
    write: Callable[[], Workload]
    fits: bool = True


def _built(script: Script, name: str) -> Workload:
    return script.build(f"adversarial/{name}", name, 0)


def _rules(script: Script) -> list[str]:
    """Two rules as in the families: 24 tokens at their floor."""
    tokens = ladder(PageType.BOOTSTRAP, 20, ABSTRACT.pointer)
    return [script.page(f"rules-{number}", PageType.BOOTSTRAP, tokens) for number in range(2)]


def _results(script: Script, count: int, full: int) -> list[str]:
    tokens = ladder(_EVIDENCE, full, ABSTRACT.pointer)
    return [script.page(f"result-{number:04}", _EVIDENCE, tokens) for number in range(count)]


def _call(page_id: str, level: Fidelity = _STRUCTURED) -> Demand:
    return Demand(page_id, level, f"tool({page_id})")


# The paper's (section 5.3, Table 9): budgets and counts as it gives them, the rest ours.


def _starvation() -> Workload:
    """Two rules of 30 tokens each under 40: one of them is always missing, and must be told."""
    script = Script()
    rules = [script.page(f"must-{n}", _CONSTRAINT, (2, 30, None, 50)) for n in range(2)]
    for turn in range(10):
        script.turn(puts=rules if turn == 0 else ())
    return _built(script, "starvation")


def _churn() -> Workload:
    """A new result at each of 50 turns, and each time old ones needed again."""
    script, draws = Script(), Draws(9, "churn")
    rules, results = _rules(script), _results(script, 50, 24)
    for turn, page_id in enumerate(results):
        again = {results[draws.below(turn)] for _ in range(7)} if turn else set()
        demands = [_call(page_id, _FULL), *(_call(name) for name in sorted(again))]
        script.turn(demands, puts=[*(rules if turn == 0 else ()), page_id])
    return _built(script, "churn")


def _cascade_reset() -> Workload:
    """Nine resets in 30 turns, and something dirty at most of them."""
    script, draws = Script(), Draws(9, "cascade")
    rules, results = _rules(script), _results(script, 30, 24)
    preference = script.page("preference", PageType.PREFERENCE, ladder(PageType.PREFERENCE, 8, 2))
    for turn, page_id in enumerate(results):
        is_reset = turn % 3 == 0 and turn > 0
        quiet = turn % 12 in (10, 11)  # nothing dirty at every fourth reset
        puts = [] if quiet else [page_id]
        demands = [] if quiet else [_call(page_id, _FULL)]
        if turn and not quiet and draws.chance(50):
            demands.append(Demand("preference", _STRUCTURED))
        first = [*rules, preference] if turn == 0 else []
        script.turn(demands, puts=[*first, *puts], boundary=_RESET if is_reset else None)
    return _built(script, "cascade_reset")


# Ours, against our own policy.


def _greedy_sizes() -> Workload:
    """Sizes that trick a greedy: the densest page keeps one out that is worth nearly the room."""
    script = Script()
    rules = _rules(script)
    bait = [script.page(f"bait-{n}", _EVIDENCE, (None, None, None, 3), utility=4) for n in range(8)]
    prize = [
        script.page(f"prize-{n}", _EVIDENCE, (None, None, None, 70), utility=80) for n in range(3)
    ]
    for turn in range(40):
        puts = [*rules, *bait, *prize] if turn == 0 else []
        boundary = _COMPACTION if turn % 5 == 4 else None
        demands = [_call(prize[turn // 2 % 3], _FULL)] if turn else []
        script.turn(demands, puts=puts, boundary=boundary)
    return _built(script, "greedy_sizes")


def _cycle() -> Workload:
    """Round and round over one page more than there is room for: what is needed has just gone."""
    script = Script()
    rules, results = _rules(script), _results(script, 8, 20)
    for turn in range(80):
        page_id = results[turn % 8]
        puts = [*(rules if turn == 0 else ()), *([page_id] if turn < 8 else ())]
        script.turn([_call(page_id, _FULL)], puts=puts)
    return _built(script, "cycle")


def _flapping() -> Workload:
    """Two working sets in turn, each of which fits alone."""
    script = Script()
    rules, results = _rules(script), _results(script, 6, 30)
    halves = results[:3], results[3:]
    for turn in range(60):
        puts = [*rules, *results] if turn == 0 else []
        demands = [_call(page_id, _FULL) for page_id in halves[turn % 2]]
        script.turn(demands, puts=puts)
    return _built(script, "flapping")


def _utility_inversion() -> Workload:
    """What is said to be worth most is never needed, what is said to be worth nothing always."""
    script = Script()
    rules = _rules(script)
    tokens = ladder(_EVIDENCE, 24, 2)
    praised = [script.page(f"praised-{n}", _EVIDENCE, tokens, utility=1000) for n in range(12)]
    scorned = [script.page(f"scorned-{n}", _EVIDENCE, tokens, utility=0) for n in range(6)]
    for turn in range(60):
        puts = [*rules, *praised, *scorned] if turn == 0 else []
        if turn % 10 == 9:
            puts = [*puts, praised[turn // 10]]
        script.turn([_call(scorned[turn % 6]), _call(scorned[turn // 3 % 6])], puts=puts)
    return _built(script, "utility_inversion")


def _huge_pages() -> Workload:
    """Pages of ten budgets, some with a line and some with nothing cheaper."""
    script = Script()
    rules, results = _rules(script), _results(script, 10, 20)
    huge = [
        script.page(f"huge-{n}", _EVIDENCE, (2 if n % 2 else None, None, None, 1800), utility=99)
        for n in range(6)
    ]
    for turn in range(60):
        puts = [*(rules if turn == 0 else ()), *([results[turn // 6]] if turn % 6 == 0 else ())]
        demands = [_call(results[turn // 12])]
        if turn % 10 == 3:
            puts.append(huge[turn // 10])
        if turn % 10 == 7 and turn // 10 % 2:
            demands.append(_call(huge[turn // 10], _POINTER))
        script.turn(demands, puts=puts, boundary=_COMPACTION if turn % 20 == 19 else None)
    return _built(script, "huge_pages")


def _thousand_constraints() -> Workload:
    """A thousand rules whose floor leaves room for one result."""
    script, draws = Script(), Draws(9, "thousand")
    musts = [script.page(f"must-{n:04}", _CONSTRAINT, (1, 5, None, 9)) for n in range(1000)]
    results = _results(script, 20, 30)
    for turn in range(40):
        puts = [*(musts if turn == 0 else ()), *([results[turn // 2]] if turn % 2 == 0 else ())]
        demands = [_call(results[draws.below(turn // 2 + 1)], _FULL)]
        script.turn(demands, puts=puts, boundary=_COMPACTION if turn % 8 == 7 else None)
    return _built(script, "thousand_constraints")


def _clock_games() -> Workload:
    """Junk is touched just before each compaction; what is needed after it has long not been.

    The needs come round every 33 turns, just after the half-life of a page's worth.
    """
    script = Script()
    rules, needed = _rules(script), _results(script, 6, 24)
    junk = [script.page(f"junk-{n}", _EVIDENCE, ladder(_EVIDENCE, 24, 2)) for n in range(10)]
    for turn in range(400):
        phase = turn % 33
        puts = [*rules, *needed, *junk] if turn == 0 else []
        demands = [_call(name, _POINTER) for name in junk[:4]] if phase in (30, 31, 32) else []
        if phase == 0 and turn:
            demands = [_call(page_id) for page_id in needed]
        boundary = _COMPACTION if phase == 32 else None
        script.turn(demands, puts=puts, boundary=boundary)
    return _built(script, "clock_games")


def _exact_floor() -> Workload:
    """The floor grows by a rule a turn until it is the whole budget, to the token."""
    script = Script()
    musts = [script.page(f"must-{n:02}", _CONSTRAINT, (2, 6, None, 11)) for n in range(20)]
    results = _results(script, 10, 20)
    for turn in range(40):
        puts = [musts[turn]] if turn < 20 else []
        if turn < 10:
            puts.append(results[turn])
        # 20 rules at 6 and one result at its structured 4 are 124; the last ten turns hold both.
        demands = [_call(results[turn % 10])] if turn >= 20 else []
        script.turn(demands, puts=puts, boundary=_COMPACTION if turn >= 20 else None)
    return _built(script, "exact_floor")


def _boundary_storm() -> Workload:
    """A boundary before every turn, with everything dirty again each time."""
    script = Script()
    rules, results = _rules(script), _results(script, 12, 20)
    plan = script.page("plan", PageType.PLAN, ladder(PageType.PLAN, 16, 2))
    kinds = (_COMPACTION, _RESET, BoundaryKind.NEW, BoundaryKind.PRUNE, BoundaryKind.CLEAR)
    for turn in range(50):
        page_id = results[turn % 12]
        demands = [_call(page_id), Demand("plan", _POINTER)]
        if turn > 12:
            demands.append(_call(results[(turn + 5) % 12]))
        puts = [*rules, plan, page_id]
        script.turn(demands, puts=puts, boundary=kinds[turn % 5] if turn else None)
    return _built(script, "boundary_storm")


def _identical() -> Workload:
    """Two hundred pages that only their names tell apart: ties, and nothing to choose by."""
    script, draws = Script(), Draws(9, "identical")
    rules, results = _rules(script), _results(script, 200, 12)
    for turn in range(100):
        puts = [*(rules if turn == 0 else ()), *results[2 * turn : 2 * turn + 2]]
        script.turn([_call(results[draws.below(2 * turn + 2)])], puts=puts)
    return _built(script, "identical")


def _squeeze() -> Workload:
    """Now and then a turn that no policy can fit; the turns after it must be as good as before."""
    script = Script()
    rules, results = _rules(script), _results(script, 8, 40)
    for turn in range(48):
        puts = [*rules, *results] if turn == 0 else []
        wide = turn % 8 == 7
        demands = [_call(page_id, _FULL) for page_id in results] if wide else []
        if turn % 8 in (0, 1) and turn:
            demands = [_call(results[turn // 8])]
        script.turn(demands, puts=puts, boundary=_COMPACTION if wide else None)
    return _built(script, "squeeze")


ADVERSARIES: dict[str, Adversary] = {
    found.name: found
    for found in (
        Adversary("starvation", 40, _starvation, fits=False),
        Adversary("churn", 180, _churn),
        Adversary("cascade_reset", 120, _cascade_reset),
        Adversary("greedy_sizes", 124, _greedy_sizes),
        Adversary("cycle", 165, _cycle),
        Adversary("flapping", 124, _flapping),
        Adversary("utility_inversion", 180, _utility_inversion),
        Adversary("huge_pages", 180, _huge_pages),
        Adversary("thousand_constraints", 5_040, _thousand_constraints),
        Adversary("clock_games", 120, _clock_games),
        Adversary("exact_floor", 124, _exact_floor),
        Adversary("boundary_storm", 120, _boundary_storm),
        Adversary("identical", 180, _identical),
        Adversary("squeeze", 180, _squeeze, fits=False),
    )
}
"""All but the one that is written against a policy while that runs (`paging.hunt`)."""
