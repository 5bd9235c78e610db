"""The fewest misses of any policy over a whole workload, even with full knowledge of the future.

A miss is a demand for a page that was there before, which the prompt before the demand did not show
well enough: a refetch or a duplicate tool call, or a recall where pages can be recalled. The rules
and the proof are in ``docs/oracle.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from ...pages import Fidelity, PageType, Pin
from ...session.boundaries import RESETS
from ...session.memory import SURVIVES_RESET
from ..workloads import Demand, PageSpec, Turn, Workload
from .solver import linear_solver

__all__ = ["MissBound", "MissRules", "least_misses", "most_held"]

_SCALE = 1 << 40
# Prices are in parts of this; the bound holds whatever they are.


@dataclass(frozen=True, slots=True)
class MissRules:
    """Which policies are to be bounded, and what is a miss.

    Parameters
    ----------
    restoring : bool
        Whether a policy may show again what it has not shown in between, as all of ours may. If
        not, a page has to stay from its last appearance on.
    floor_kept : bool
        Whether the policies show in each turn its floor: hard pins, and what is demanded. If not,
        the bound is of every policy that keeps within the budget.
    any_line : bool
        Whether a page of which anything is shown is no miss, as where a pointer resolves.
    """

    restoring: bool = True
    floor_kept: bool = True
    any_line: bool = False


@dataclass(frozen=True, slots=True)
class MissBound:
    """A lower bound on the misses of a workload under a budget.

    Parameters
    ----------
    repeats : int
        Demands for pages that were there before and have not changed since.
    misses : int
        No policy has fewer.
    """

    repeats: int
    misses: int


@dataclass(frozen=True, slots=True)
class Stay:
    """A page that would have to be in some prompts for a demand not to be a miss.

    Parameters
    ----------
    page_id : str
        The page.
    first : int
        The first of the prompts, by turn from 0.
    tokens : tuple of int
        What it costs in each of them beside their floor.
    """

    page_id: str
    first: int
    tokens: tuple[int, ...]


def least_misses(workload: Workload, budget: int, rules: MissRules = MissRules()) -> MissBound:
    """Bound the misses of every policy from below.

    Parameters
    ----------
    workload : Workload
        What happens.
    budget : int
        Most that a prompt may cost, in tokens.
    rules : MissRules, optional
        Which policies, and what is a miss.

    Raises
    ------
    ExtraMissing
        Without OR-tools, where pages cannot be restored.
    """
    course = _Course(workload, rules)
    room = course.room(budget)
    stays = [course.stay(*repeat, budget) for repeat in course.repeats]
    # To stay for the last prompt alone is less than to stay all along.
    last = [Stay(stay.page_id, _end(stay), stay.tokens[-1:]) for stay in stays]
    held = _most_held_one_by_one(last, room)
    if not rules.restoring:
        held = min(held, most_held(stays, room, _prices(stays, room)))
    repeats = len(stays) + course.lost
    return MissBound(repeats, repeats - held)


def most_held(stays: Sequence[Stay], room: Sequence[int], prices: Sequence[int]) -> int:
    """Return how many stays no policy can pass, by weak duality: true at any prices.

    Parameters
    ----------
    stays : sequence of Stay
        What there is to hold.
    room : sequence of int
        What each prompt has beside its floor, in tokens.
    prices : sequence of int
        What a token of each prompt is taken to be worth, in parts of 2**40 of a stay; at least 0.
    """
    paid = sum(tokens * price for tokens, price in zip(room, prices, strict=True))
    for stay in stays:
        there = prices[stay.first : _end(stay) + 1]
        cost = sum(tokens * price for tokens, price in zip(stay.tokens, there, strict=True))
        paid += max(0, _SCALE - cost)
    return min(len(stays), paid // _SCALE)


def _most_held_one_by_one(stays: Iterable[Stay], room: Sequence[int]) -> int:
    """Return how many stays of one prompt each fit: in each prompt the cheapest."""
    held = 0
    ordered = sorted((stay.first, stay.tokens[0]) for stay in stays)
    for prompt, costs in groupby(ordered, key=lambda pair: pair[0]):
        left = room[prompt]
        for _, cost in costs:
            left -= cost
            held += left >= 0
    return held


def _prices(stays: Sequence[Stay], room: Sequence[int]) -> list[int]:
    """Return prices at which `most_held` is least, as far as floating point finds them.

    They are the dual values of: hold as many stays as fit in every prompt, parts of them allowed.
    """
    prices = [0] * len(room)
    model, solver = linear_solver()
    held = [model.new_num_var(0.0, 1.0, "") for _ in stays]
    fits = {}
    for prompt, tokens in enumerate(room):
        there = [
            (var, stay.tokens[prompt - stay.first])
            for var, stay in zip(held, stays, strict=True)
            if stay.first <= prompt <= _end(stay)
        ]
        if sum(cost for _, cost in there) > tokens:
            fits[prompt] = model.add(sum(var * cost for var, cost in there) <= tokens)
    if not fits:
        return prices
    model.maximize(sum(held))
    solver.solve(model)
    for prompt, constraint in fits.items():
        prices[prompt] = max(0, round(solver.dual_value(constraint) * _SCALE))
    return prices


def _end(stay: Stay) -> int:
    return stay.first + len(stay.tokens) - 1


class _Course:
    """What happens in a workload whatever the policy: what is there, needed, and lost.

    Attributes
    ----------
    required : list of dict of str to Fidelity
        The floor of each turn.
    repeats : list of (str, int, int, Fidelity)
        Each demand for a page that is still there: the page, the first and last prompt that it has
        to be in, and at which level.
    lost : int
        Demands for pages that a reset has taken away: misses of every policy.
    """

    def __init__(self, workload: Workload, rules: MissRules) -> None:
        self.required: list[dict[str, Fidelity]] = []
        self.repeats: list[tuple[str, int, int, Fidelity]] = []
        self.lost = 0
        self._rules = rules
        self._specs = {spec.id: spec for spec in workload.pages}
        # By page the turn of its last appearance; pages that a reset takes away are not live.
        self._appeared: dict[str, int] = {}
        self._live: set[str] = set()
        for number, turn in enumerate(workload.turns):
            self._cross(turn)
            self._note_repeats(turn, number)
            for page_id in (*turn.puts, *(demand.page_id for demand in turn.demands)):
                self._appeared[page_id] = number
                self._live.add(page_id)
            self.required.append(self._floor(turn))

    def room(self, budget: int) -> list[int]:
        """Return what each prompt has beside its floor; all of it where the floor does not fit."""
        return [budget - self._base_tokens(number, budget) for number in range(len(self.required))]

    def stay(self, page_id: str, first: int, last: int, level: Fidelity, budget: int) -> Stay:
        """Return what it costs to show a page in some prompts beside their floors."""
        spec = self._specs[page_id]
        whole = _cost(spec, level)
        tokens = []
        for number in range(first, last + 1):
            base = self.required[number].get(page_id, Fidelity.NONE)
            counted = _cost(spec, base) if self._base_tokens(number, budget) else 0
            tokens.append(max(0, whole - counted))
        return Stay(page_id, first, tuple(tokens))

    def _base_tokens(self, number: int, budget: int) -> int:
        """Return the tokens of a floor that every policy has to show, else 0."""
        floor = self.required[number]
        tokens = sum(_cost(self._specs[page_id], level) for page_id, level in floor.items())
        return tokens if self._rules.floor_kept and tokens <= budget else 0

    def _cross(self, turn: Turn) -> None:
        if turn.boundary in RESETS:
            self._live = {page_id for page_id in self._live if self._survives(page_id)}

    def _survives(self, page_id: str) -> bool:
        kind: PageType = self._specs[page_id].type
        return kind in SURVIVES_RESET

    def _note_repeats(self, turn: Turn, number: int) -> None:
        levels: dict[str, Fidelity] = {}
        for demand in turn.demands:
            level = Fidelity.POINTER if self._rules.any_line else self._needed(demand)
            levels[demand.page_id] = min(level, levels.get(demand.page_id, level))
        for page_id, level in levels.items():
            if page_id not in self._appeared or page_id in turn.puts:
                continue
            if page_id in self._live:
                self.repeats.append((page_id, self._appeared[page_id], number - 1, level))
            else:
                self.lost += 1

    def _floor(self, turn: Turn) -> dict[str, Fidelity]:
        floor = {
            page_id: self._specs[page_id].floor
            for page_id in sorted(self._live)
            if self._specs[page_id].pin is Pin.HARD
        }
        for demand in turn.demands:
            before = floor.get(demand.page_id, Fidelity.NONE)
            floor[demand.page_id] = max(before, self._needed(demand))
        return floor

    def _needed(self, demand: Demand) -> Fidelity:
        """Return the level that a demand asks for: never below the page's floor."""
        return max(demand.level, self._specs[demand.page_id].floor)


def _cost(spec: PageSpec, level: Fidelity) -> int:
    """Return the tokens of the cheapest form that is at least `level`."""
    if level is Fidelity.NONE:
        return 0
    return min(tokens for tokens in spec.tokens[level - 1 :] if tokens is not None)
