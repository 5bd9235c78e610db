"""Span availability: how much of what the model quoted was in the prompt that a policy built."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .blocks import Block
from .spans import Span

__all__ = ["Availability", "Shown", "SpanTotals"]

Shown = Callable[[int], str | None]
"""Block index to the text that the prompt shows for that block; None when it shows nothing."""


@dataclass(frozen=True, slots=True)
class SpanTotals:
    """What became of a session's spans under one policy.

    Parameters
    ----------
    spans : int
        The spans that are measured: core, not in the tail, no copy in a fixed page.
    available : int
        Those with a whole copy inside one text that the prompt of their request showed.
    one_recall_away : int
        Those that are not available but have a source of which the prompt showed something: a
        placeholder, a pointer, a reduced form.
    """

    spans: int
    available: int
    one_recall_away: int

    @property
    def share(self) -> float | None:
        """`available` / `spans`; None when there was nothing to measure."""
        return self.available / self.spans if self.spans else None


class Availability:
    """Counts one policy's available spans, request by request.

    A request that is never observed (no prompt could be built) has none available; the number of
    spans is the session's, whatever the policy did.

    Parameters
    ----------
    spans : iterable of Span
        What to measure, see :func:`clawvm.replay.spans.measured_spans`. It can be shared between
        policies.
    blocks : iterable of Block
        The session they were found in.
    """

    def __init__(self, spans: Iterable[Span], blocks: Iterable[Block]) -> None:
        self._texts = {block.index: block.text for block in blocks}
        self._waiting: dict[int, list[Span]] = {}
        self._spans = self._available = self._one_recall_away = 0
        for span in spans:
            self._waiting.setdefault(span.request, []).append(span)
            self._spans += 1

    def observe(
        self, request: int, shown: Shown, reduced: Callable[[], Iterable[str]] = tuple
    ) -> None:
        """Count the spans of one request against the prompt that was built for it.

        Observing a request again counts nothing.

        Parameters
        ----------
        request : int
            The request the prompt is for.
        shown : callable
            Block index to the text shown for it; None when there is none. The cheapest answer for
            a block that is shown whole is the block's own text object.
        reduced : callable, optional
            All texts that the prompt shows in place of blocks. A form that folds white space or
            joins lines can hold a span that its block does not hold whole; it is in the prompt all
            the same.
        """
        for span in self._waiting.pop(request, ()):
            in_part = False
            for source in span.sources:
                text = shown(source)
                if not text:
                    continue
                # A source holds the whole span, so its own text need not be searched.
                if text is self._texts[source] or span.text in text:
                    self._available += 1
                    break
                in_part = True
            else:
                if any(span.text in text for text in reduced()):
                    self._available += 1
                else:
                    self._one_recall_away += in_part

    @property
    def totals(self) -> SpanTotals:
        """The counts so far."""
        return SpanTotals(self._spans, self._available, self._one_recall_away)
