"""How much of a prompt a provider cannot have in its cache, whatever the prompts before it were.

A cache gives back the beginning of an earlier prompt. The tail stands at the end of a prompt and
was in none before; so what of it cannot be read from a cache is what no text of an older page
happens to say as well. A call has an id of its own, and so has its result: no earlier prompt goes
on over them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence

from ...messages import PART_OVERHEAD
from ...pages import Fidelity, Page

__all__ = ["Novelty"]


class Novelty:
    """Knows every text that an earlier prompt can have shown as a message, and every call's id."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: set[str] = set()

    def remember(self, pages: Iterable[Page]) -> None:
        """Take in pages that prompts from now on may show, at any level."""
        for page in pages:
            if page.is_tool:
                if page.call is not None and page.call.call_id is not None:
                    self._calls.add(page.call.call_id)
                continue
            for level in page.ladder:
                for text in _shown(page, level):
                    insort(self._texts, text)

    def least_new_tokens(self, tail: Sequence[tuple[Page, Fidelity]]) -> int:
        """Return the tokens of a tail that no earlier prompt can have had in their place.

        Parameters
        ----------
        tail : sequence of (Page, Fidelity)
            The pages of the tail in their order, and the least level that each of them is shown at.
        """
        new = 0
        parted = False
        for page, least in tail:
            if least is Fidelity.NONE:
                continue  # It need not be shown.
            unread = page.tokens(least)
            if not parted and page.is_tool:
                unread = unread if self._is_new_call(page) else 0
            elif not parted:
                unread = min(self._unread(page, level) for level in page.ladder if level >= least)
            new += unread
            parted = parted or unread > 0
        return new

    def _is_new_call(self, page: Page) -> bool:
        call_id = None if page.call is None else page.call.call_id
        return call_id is not None and call_id not in self._calls

    def _unread(self, page: Page, level: Fidelity) -> int:
        """Return the tokens of a page behind all that its text has in common with an older one.

        A token stands for at least a byte: what is in common has at most as many as its bytes. Of
        content that is no text, equal words may stand for equal content.
        """
        text = next(_shown(page, level))
        place = bisect_left(self._texts, text)
        near = self._texts[max(0, place - 1) : place + 1]
        if text in near:
            return 0
        common = max((_bytes_alike(text, other) for other in near), default=0)
        if not common:
            return page.tokens(level)
        return max(0, page.tokens(level) - common - PART_OVERHEAD)


def _shown(page: Page, level: Fidelity) -> Iterator[str]:
    """Yield what each part of a page says at a level."""
    for part, whole in enumerate(page.texts):
        reduced = page.ladder[level].texts[part]
        yield whole if reduced is None else reduced


def _bytes_alike(one: str, other: str) -> int:
    """Return how many bytes of UTF-8 two texts begin with alike."""
    places = enumerate(zip(one, other, strict=False))
    end = next((place for place, (this, that) in places if this != that), min(len(one), len(other)))
    return len(one[:end].encode(errors="surrogatepass"))
