"""What every policy faces at each request of a recorded session: its floor and its choices.

It is seen in a replay of the whole history, which holds every page that a policy can show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from ...pages import Fidelity, Page, PageForm
from ...residency import Decision, Policy, View, required_levels
from ...session import Prompt, Session
from ...tokens import TokenCounter
from ..messages import Place, places_of, shown_text
from ..policies import FullPolicy
from ..runner import Recording, replay
from ..spans import Span
from .novelty import Novelty

__all__ = ["Ground", "Option", "grounds"]


class Option(NamedTuple):
    """A level that a page can be shown at.

    Parameters
    ----------
    page : str
        The page's id.
    level : Fidelity
        The level; never less than the floor asks for.
    more_tokens : int
        What it costs beside the floor, in tokens.
    spans : tuple of int
        Which of the request's spans it holds whole, in order.
    """

    page: str
    level: Fidelity
    more_tokens: int
    spans: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """A request, under a budget.

    Parameters
    ----------
    request : int
        Its number.
    floor_tokens : int
        The least that a prompt can cost, by ``residency.required_levels``.
    room_tokens : int
        What the floor leaves of the budget; below 0 when there can be no prompt.
    new_tokens : int
        The least of a prompt that no earlier prompt can have begun with, in tokens.
    spans : int
        How many spans are measured at this request.
    options : tuple of Option
        Every level of every page that holds one of them.
    """

    request: int
    floor_tokens: int
    room_tokens: int
    new_tokens: int
    spans: int
    options: tuple[Option, ...]


def grounds(recording: Recording, budget: int, counter: TokenCounter) -> list[Ground]:
    """Return what every policy faces at each request; the parameters are those of `replay`."""
    surveyor = _Surveyor(recording, budget, counter)
    replay(recording, FullPolicy.name, budget, counter, watch=surveyor.see, around=surveyor.beside)
    return surveyor.found


class _Surveyor:
    """Looks at a session that shows everything, as a policy before each prompt and after it."""

    name = FullPolicy.name

    def __init__(self, recording: Recording, budget: int, counter: TokenCounter) -> None:
        self.found: list[Ground] = []
        self._recording = recording
        self._budget = budget
        self._novelty = Novelty()
        self._texts = _Texts(recording)
        self._spans: dict[int, list[Span]] = {}
        for span in recording.spans:
            self._spans.setdefault(span.request, []).append(span)
        self._policy: Policy | None = None
        self._view: View | None = None
        self._required: dict[int, Fidelity] = {}

    def beside(self, policy: Policy) -> Policy:
        """Look on at this policy's decisions."""
        self._policy = policy
        return self

    def decide(self, view: View) -> Decision:
        """Decide as the policy does, once the floor is known."""
        assert self._policy is not None
        self._view = replace(view, budget=self._budget)
        self._required = required_levels(self._view)
        return self._policy.decide(view)

    def see(self, request: int, prompt: Prompt, session: Session) -> None:
        """Take down the request whose prompt this is."""
        view = self._view
        assert view is not None
        self._texts.enter(len(self.found), session)
        floor = {view.pages[slot].id: level for slot, level in self._required.items()}
        floor_tokens = sum(view.pages[slot].tokens(level) for slot, level in self._required.items())
        tail = [(view.pages[slot], self._required.get(slot, Fidelity.NONE)) for slot in view.tail]
        spans = self._spans.get(request, [])
        self.found.append(
            Ground(
                request,
                floor_tokens,
                self._budget - floor_tokens,
                self._novelty.least_new_tokens(tail) if self.found else floor_tokens,
                len(spans),
                tuple(self._texts.options(spans, floor, session)),
            )
        )
        self._novelty.remember(view.pages[slot] for slot in view.fresh)


class _Texts:
    """Finds which forms of which pages hold a span."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._places: dict[int, Place] = {}
        # By block the forms that are shown in its stead, and the ladder that they are from.
        self._reduced: dict[int, tuple[dict[Fidelity, PageForm], dict[Fidelity, str]]] = {}

    def enter(self, turn: int, session: Session) -> None:
        """Take in the blocks that came with the prompt of a turn, by its place in the session."""
        turns = self._recording.turns
        written = turns[turn - 1].outputs if turn else ()
        self._places.update(places_of([*written, *turns[turn].inputs], session.entered))

    def options(
        self, spans: list[Span], floor: Mapping[str, Fidelity], session: Session
    ) -> Iterator[Option]:
        """Yield every level of a live page, from its floor up, that holds one of the spans."""
        if not spans:
            return
        held: dict[tuple[str, Fidelity], set[int]] = {}
        blocks = self._live_blocks(session)
        everything = "\0".join(
            text for index in blocks for text in self._forms(index, blocks[index]).values()
        )
        for number, span in enumerate(spans):
            for index in span.sources:
                if index in blocks:
                    page_id = self._places[index].page_id
                    held.setdefault((page_id, Fidelity.FULL), set()).add(number)
            if span.text not in everything:
                continue
            for index, page in blocks.items():
                for level, text in self._forms(index, page).items():
                    if span.text in text:
                        held.setdefault((page.id, level), set()).add(number)
        for (page_id, level), numbers in sorted(held.items()):
            least = floor.get(page_id, Fidelity.NONE)
            if level >= least:
                page = session.page(page_id)
                more = page.tokens(level) - page.tokens(least)
                yield Option(page_id, level, more, tuple(sorted(numbers)))

    def _live_blocks(self, session: Session) -> dict[int, Page]:
        """Return the pages by block, those that a reset has archived left out."""
        pages = {page.id: page for page in session.pages()}
        return {
            index: pages[place.page_id]
            for index, place in self._places.items()
            if place.page_id in pages
        }

    def _forms(self, index: int, page: Page) -> dict[Fidelity, str]:
        """Return what each level below full shows in the block's stead, or the block itself."""
        known = self._reduced.get(index)
        if known is None or known[0] is not page.ladder:
            block, part = self._recording.blocks[index], self._places[index].part
            forms: dict[Fidelity, str] = {
                level: shown_text(block, page, part, level)
                for level in page.ladder
                if level is not Fidelity.FULL
            }
            known = self._reduced[index] = (page.ladder, forms)
        return known[1]
