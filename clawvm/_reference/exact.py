"""The exact selection: the plan of most value within the budget, and the proof that it is.

*Objective.* A page's worth is its `score` where the hottest page's is between ``2**e`` and
``2**(e + 1)``; ``e`` is 40 with up to 1,023 pages and one less for each doubling after that, so
that the value of a whole table has 61 bits. A plan's value is the sum of worth times quality, and
is the same at any turn. Of plans of equal value one with the fewest tokens is taken, of those the
one that is found first, which does not depend on slots.

*Method.* At a *price* per token every page has an option that gains most less what it costs, and
what those gain in all, with the rest of the room paid at the price, is a bound of every plan
(Lagrange). Any other plan comes from these options by *swaps*. A swap *loses* what its page gains
less by it at the price, a token left over loses the price, and a plan's losses are what it is
below the bound. So a page of which every swap loses as much as the best known plan does is fixed.
The others are searched, the least loss per token first, by a dynamic program over Pareto-optimal
states. A search that is stopped answers with the best plan that it has come across, or with the one
page that is worth more than that plan, so that half of the optimum above the floor is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .arithmetic import ONE, mantissa, score
from .frontier import base_level
from .layout import LIVE, MAX_QUALITY
from .pricing import Option, Page, choose, price_of, scale_of, worth_most
from .record import Record, quality_at, required_level, tokens_at
from .selector import Outcome, Selection, floor_slots, plan_value

__all__ = ["STATES_MAX", "ExactOutcome", "ExactSelection", "select_exact"]

STATES_MAX: Final = 1 << 18
"""States that a search may keep unless told otherwise; 24 bytes each in the compiled core."""
_MARGIN_SHIFT: Final = 24
# Scores are low by at most 2**-26 of their value, in the objective and in the scale from it to the
# values of this turn.
_FAR: Final = 1 << 62


class ExactSelection(Selection):
    """What ``PageTable.select_exact`` decided: a `Selection`, and how far it is proven.

    Attributes
    ----------
    proven : bool
        Whether the plan is one of most value; if not, the search had passed ``states_max``, and
        `bound` tells how much the plan may be short of. Both are rounded: a proven plan's `value`
        may be less than its `bound`.
    states : int
        States that the search kept.
    """

    proven: bool
    states: int

    def __init__(self) -> None:
        raise TypeError("an ExactSelection is made by PageTable.select_exact()")

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, proven={self.proven}, states={self.states})"


class ExactOutcome(NamedTuple):
    """A plan before it is committed, and what the search tells of it."""

    plan: Outcome
    proven: bool
    states: int


class _Swap(NamedTuple):
    """Another option of a page than the one that the price chose."""

    slot: int
    level: int
    loss: int
    gain: int
    rise: int


class _Core(NamedTuple):
    """A page that is searched: the least loss per token of a swap, the least loss, the swaps."""

    per_token: int
    page_id: str
    least: int
    swaps: list[_Swap]


class _Reach(NamedTuple):
    """The least that the pages from one on can lose: by a swap, for a token more, for one less."""

    least: int
    fill: int
    spare: int


class _State(NamedTuple):
    """What some swaps come to, as a chain of them."""

    tokens: int
    gain: int
    swap: _Swap
    parent: _State | None


_STAY: Final = _Swap(-1, 0, 0, 0, 0)
_ROOT: Final = _State(0, 0, _STAY, None)


def select_exact(records: Sequence[Record], budget: int, now: int, states_max: int) -> ExactOutcome:
    """Decide the level of every live page.

    Parameters
    ----------
    records : sequence of Record
        By slot, dead ones included.
    budget : int
        Tokens, at least 1.
    now : int
        ``turn_heat`` of this turn; it only scales the values that are reported.
    states_max : int
        States that the search may keep.
    """
    live = [(slot, record) for slot, record in enumerate(records) if record.flags & LIVE]
    scale = scale_of(max((record.heat for _, record in live), default=0), len(live))
    pages = [
        Page(
            slot,
            record,
            base_level(record.tokens, required_level(record)),
            score(record.heat, scale),
        )
        for slot, record in live
    ]
    bases = {page.slot: page.base for page in pages}
    floor_tokens = sum(tokens_at(page.record, page.base) for page in pages)
    if floor_tokens > budget:
        plan = Outcome(None, floor_tokens, floor_slots(live, bases), 0, 0, 0)
        return ExactOutcome(plan, proven=False, states=0)

    room = budget - floor_tokens
    price, chosen = choose(pages, room, price_of(pages, room))
    search = _Search(price, room - sum(option.cost for option in chosen.values()), states_max)
    cores = search.swaps_to_search(pages, chosen, room)
    least_loss = search.run(cores)
    gain = sum(option.gain for option in chosen.values())
    levels = {page.slot: chosen[page.slot].level for page in pages} | search.levels()
    if least_loss < search.limit:
        alone = worth_most(pages, room)
        if alone[0] > gain + search.best.gain:
            levels = bases | alone[1]
    floor_worth = sum(page.worth * quality_at(page.record, page.base) for page in pages)
    most = floor_worth + gain + price * search.rest - least_loss + MAX_QUALITY * len(pages)
    plan = Outcome(
        levels,
        floor_tokens,
        [],
        plan_value(records, levels, now),
        in_values(most, scale - now),
        sum(levels[slot] != base for slot, base in bases.items()),
    )
    return ExactOutcome(plan, least_loss == search.limit, len(search.states))


def in_values(total: int, shift: int) -> int:
    """Bound in the values of this turn what is `total` in the objective."""
    whole = shift // ONE
    scaled = total * (mantissa(shift) + 1) << max(whole, 0)  # in Q62, rounded up
    scaled = -(-scaled >> 62 + max(-whole, 0))
    return scaled + (scaled >> _MARGIN_SHIFT) + 1


@dataclass(slots=True)
class _Search:
    """The dynamic program; `best` is the best plan so far and `limit` what that loses."""

    price: int
    rest: int
    states_max: int
    best: _State = _ROOT
    states: list[_State] = field(default_factory=lambda: [_ROOT])

    @property
    def limit(self) -> int:
        return self.price * self.rest - self.best.gain

    def levels(self) -> dict[int, int]:
        """Return the levels by slot that the best plan swaps to."""
        levels = {}
        state: _State | None = self.best
        while state is not None:
            if state.swap is not _STAY:
                levels[state.swap.slot] = state.swap.level
            state = state.parent
        return levels

    def swaps_to_search(
        self, pages: Sequence[Page], chosen: dict[int, Option], room: int
    ) -> list[_Core]:
        """Take the best single swap, then return the pages that are not fixed, in search order."""
        cores = []
        for page in sorted(pages, key=lambda page: page.record.page_id):
            swaps = self._swaps(page, chosen[page.slot], room)
            for swap in swaps:
                self._offer(_State(swap.rise, swap.gain, swap, _ROOT))
            if swaps:
                per_token = min(swap.loss // abs(swap.rise) for swap in swaps)
                least = min(swap.loss for swap in swaps)
                cores.append(_Core(per_token, page.record.page_id, least, swaps))
        return sorted(
            (core for core in cores if core.least < self.limit), key=lambda core: core[:2]
        )

    def _swaps(self, page: Page, chosen: Option, room: int) -> list[_Swap]:
        if not page.worth:
            return []
        swaps = []
        for level, cost, gain in page.options(room):
            if level != chosen.level:
                rise, more = cost - chosen.cost, gain - chosen.gain
                swaps.append(_Swap(page.slot, level, self.price * rise - more, more, rise))
        return swaps

    def _offer(self, state: _State) -> None:
        """Keep a plan that fits, if it is better than the best so far."""
        better = (state.gain, -state.tokens) > (self.best.gain, -self.best.tokens)
        if better and state.tokens <= self.rest:
            self.best = state

    def run(self, cores: Sequence[_Core]) -> int:
        """Search; return the least that a plan may lose, which is `limit` if that is proven."""
        reaches = self._reaches(cores)
        first = 0
        for place, core in enumerate(cores):
            if reaches[place].least >= self.limit or first == len(self.states):
                break
            if core.least >= self.limit:
                continue
            end = len(self.states)
            if not self._widen(core, self.states[first:end], reaches[place + 1]):
                return min(
                    self._least_loss(state, reaches[place]) for state in self.states[first:end]
                )
            first = end
        return self.limit

    def _reaches(self, cores: Sequence[_Core]) -> list[_Reach]:
        """Return for each page what it and those after it can lose."""
        reaches = [_Reach(_FAR, self.price, _FAR)]
        for core in reversed(cores):
            least, fill, spare = reaches[-1]
            for swap in core.swaps:
                if swap.loss >= self.limit:
                    continue
                if swap.rise > 0:
                    fill = min(fill, swap.loss // swap.rise)
                else:
                    spare = min(spare, swap.loss // -swap.rise)
            reaches.append(_Reach(min(least, core.least), fill, spare))
        return reaches[::-1]

    def _widen(self, core: _Core, parents: Sequence[_State], reach: _Reach) -> bool:
        """Add the states with this page decided; tell whether there was room for all of them."""
        swaps = [_STAY, *(swap for swap in core.swaps if swap.loss < self.limit)]
        offers = [
            (state.tokens + swap.rise, -state.gain - swap.gain, number, parent)
            for number, swap in enumerate(swaps)
            for parent, state in enumerate(parents)
        ]
        most = None
        for tokens, minus_gain, number, parent in sorted(offers):
            if most is not None and -minus_gain <= most:
                continue
            state = _State(tokens, -minus_gain, swaps[number], parents[parent])
            self._offer(state)
            if self._least_loss(state, reach) >= self.limit:
                continue
            if len(self.states) == self.states_max:
                return False
            self.states.append(state)
            most = state.gain
        return True

    def _least_loss(self, state: _State, reach: _Reach) -> int:
        """Return the least that a plan loses that has more swaps than this state, up to `limit`."""
        loss = self.price * state.tokens - state.gain
        slack = self.rest - state.tokens
        more = slack * reach.fill if slack >= 0 else -slack * reach.spare
        return min(loss + max(more, reach.least), self.limit)
