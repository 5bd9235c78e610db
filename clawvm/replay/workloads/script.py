"""Writing a workload down: pages as they are named, turns in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import PageInvalid
from ...pages import RULES, Fidelity, PageType, Pin
from ...session import BoundaryKind
from .model import Demand, PageSpec, Turn, Workload

__all__ = ["Script", "ladder"]

# Base utilities and recompute costs as in the paper's artifact: 7 for rules and 5 for evidence, 8
# for what a tool has to be run for (paper, section 2). The others lie between as their pins do.
_UTILITY = {
    PageType.BOOTSTRAP: 7,
    PageType.CONSTRAINT: 7,
    PageType.PLAN: 6,
    PageType.PREFERENCE: 4,
    PageType.EVIDENCE: 5,
    PageType.CONVERSATION: 3,
}
_RECOMPUTE = {PageType.EVIDENCE: 8}
# The artifact's evidence is pinned softly, which only its own policies read.
_PIN = {PageType.EVIDENCE: Pin.SOFT}

Tokens = tuple[int | None, int | None, int | None, int | None]


class Script:
    """Collects the pages and turns of one workload."""

    def __init__(self) -> None:
        self._pages: dict[str, PageSpec] = {}
        self._turns: list[Turn] = []

    @property
    def pages(self) -> list[PageSpec]:
        """The pages described so far, in that order."""
        return list(self._pages.values())

    def page(
        self,
        page_id: str,
        page_type: PageType,
        tokens: Tokens,
        *,
        utility: int | None = None,
        recompute: int | None = None,
        pin: Pin | None = None,
        floor: Fidelity | None = None,
    ) -> str:
        """Describe a page and return its id; what is not said is as its type has it.

        A type's floor that the page has no form for is met by its next dearer one.

        Raises
        ------
        PageInvalid
            When the id is taken or the tokens do not rise from level to level.
        """
        shown = [cost for cost in tokens if cost is not None]
        if page_id in self._pages or tokens[-1] is None or shown != sorted(set(shown)):
            raise PageInvalid(
                f"page {page_id!r} of a workload: expected a new id and tokens that rise from "
                f"level to level up to the full text, found {tokens!r}"
            )
        rules = RULES[page_type]
        self._pages[page_id] = PageSpec(
            page_id,
            page_type,
            _PIN.get(page_type, rules.pin) if pin is None else pin,
            rules.floor if floor is None else floor,
            tokens,
            _UTILITY[page_type] if utility is None else utility,
            _RECOMPUTE.get(page_type, 0) if recompute is None else recompute,
        )
        return page_id

    def turn(
        self,
        demands: Sequence[Demand] = (),
        *,
        puts: Iterable[str] = (),
        boundary: BoundaryKind | None = None,
    ) -> None:
        """Add a turn; a page that is demanded twice in it is demanded once, at the higher level."""
        merged: dict[str, Demand] = {}
        for demand in demands:
            known = merged.get(demand.page_id)
            if known is None or known.level < demand.level:
                merged[demand.page_id] = demand
        self._turns.append(Turn(boundary, tuple(dict.fromkeys(puts)), tuple(merged.values())))

    def build(self, name: str, family: str, seed: int) -> Workload:
        """Return the workload.

        Raises
        ------
        PageInvalid
            When a turn names a page that was not described, or demands one before it was put.
        """
        known: set[str] = set()
        for number, turn in enumerate(self._turns):
            known.update(turn.puts)
            named = {*turn.puts, *(demand.page_id for demand in turn.demands)}
            if missing := sorted(named - (known & self._pages.keys())):
                raise PageInvalid(
                    f"workload {name!r}, turn {number}: pages {', '.join(missing)} are used before "
                    "they are described and put"
                )
        pages = tuple(self._pages[page_id] for page_id in sorted(self._pages))
        return Workload(name, family, seed, pages, tuple(self._turns))


def ladder(page_type: PageType, full: int, pointer: int) -> Tokens:
    """Return what the levels of a page of this type cost, where they save anything.

    A compressed form costs about 45 % of the full text and a structured one 20 %, of a plan or a
    rule 60 %. Unlike Table 1, rules have a pointer: a handle of them exists, and the published
    greedy, which climbs one rung at a time, could not begin without one. Their floor is still the
    structured form.
    """
    levels = RULES[page_type].levels
    has_compressed = Fidelity.COMPRESSED in levels
    structured = max(pointer + 1, full * (20 if has_compressed else 60) // 100)
    compressed = max(structured + 1, full * 45 // 100)
    return (
        pointer if pointer < full else None,
        structured if structured < full else None,
        compressed if has_compressed and compressed < full else None,
        full,
    )
