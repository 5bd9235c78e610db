"""What the exact selection starts from: a price per token, and each page's best option at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from .arithmetic import ONE
from .frontier import densities, present
from .layout import NO_STEP
from .record import Record, quality_at, tokens_at

__all__ = ["Option", "Page", "choose", "price_of", "scale_of", "worth_most"]

_WORTH_BITS: Final = 40


class Option(NamedTuple):
    """A level of a page, seen from its base."""

    level: int
    cost: int
    gain: int


class Page(NamedTuple):
    """A live page, with the level it starts from and its worth."""

    slot: int
    record: Record
    base: int
    worth: int

    def options(self, room: int) -> Iterator[Option]:
        """Yield the base and every level that fits and beats all cheaper ones."""
        yield Option(self.base, 0, 0)
        most = quality_at(self.record, self.base)
        for level in range(self.base + 1, 5):
            if not present(self.record.tokens, level) or quality_at(self.record, level) <= most:
                continue
            option = self.option(level)
            if option.cost <= room:
                most = quality_at(self.record, level)
                yield option

    def option(self, level: int) -> Option:
        rise = quality_at(self.record, level) - quality_at(self.record, self.base)
        cost = tokens_at(self.record, level) - tokens_at(self.record, self.base)
        return Option(level, cost, self.worth * rise)


def scale_of(heat_max: int, pages: int) -> int:
    """Return the `now` at which the hottest page's score has the objective's size."""
    bits = min(_WORTH_BITS, 50 - pages.bit_length())
    return (heat_max // ONE + _WORTH_BITS - bits) * ONE


def price_of(pages: Sequence[Page], room: int) -> int:
    """Return the worth of a token: the density of the first frontier step that does not fit."""
    steps = []
    for page in pages:
        if not page.worth:
            continue
        frontier = densities(page.record.tokens, page.record.quality, page.base, room)
        level = page.base
        for above, density in enumerate(frontier, 1):
            if density != NO_STEP:
                key = page.record.heat + density
                steps.append((-key, page.record.page_id, above, page, level))
                level = above
    for _, _, above, page, level in sorted(steps, key=lambda step: step[:3]):
        cost = page.option(above).cost - page.option(level).cost
        if cost > room:
            return -(-(page.option(above).gain - page.option(level).gain) // cost)
        room -= cost
    return 0


def choose(pages: Sequence[Page], room: int, price: int) -> tuple[int, dict[int, Option]]:
    """Return each page's best option at the price, or at the next higher one at which all fit."""
    rise = max(price >> 16, 1)
    while True:
        chosen = {
            page.slot: max(page.options(room), key=lambda option: option.gain - price * option.cost)
            for page in pages
        }
        if sum(option.cost for option in chosen.values()) <= room:
            return price, chosen
        price += rise
        rise *= 2


def worth_most(pages: Sequence[Page], room: int) -> tuple[int, dict[int, int]]:
    """Return the most that one page can gain, and its slot and level."""
    best: tuple[int, int, dict[int, int]] = (0, 0, {})
    for page in sorted(pages, key=lambda page: page.record.page_id):
        *_, (level, cost, gain) = page.options(room)
        if (gain, -cost) > best[:2]:
            best = (gain, -cost, {page.slot: level})
    return best[0], best[2]
