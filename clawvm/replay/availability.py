"""Span availability: how much of what the model quoted was in the prompt that a policy built."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .blocks import Block
from .spans import Span

__all__ = ["AGE_BUCKETS", "Availability", "Shown", "SpanTotals", "age_bucket"]

Shown = Callable[[int], str | None]
"""Block index to the text that the prompt shows for that block; None when it shows nothing."""

AGE_BUCKETS = ("0-8k", "8-16k", "16-32k", "32-64k", "64k+")
"""Ages of spans in thousands of tokens; a bucket holds its lower bound and not its upper."""

_BUCKET_STARTS = (8_000, 16_000, 32_000, 64_000)
_CHARACTERS_PER_TOKEN = 4


def age_bucket(span: Span) -> str:
    """Return the bucket of `AGE_BUCKETS` that a span's age is in."""
    age = span.age_characters
    return AGE_BUCKETS[sum(age >= start * _CHARACTERS_PER_TOKEN for start in _BUCKET_STARTS)]


@dataclass(frozen=True, slots=True)
class SpanTotals:
    """What became of spans under one policy.

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
    def gone(self) -> int:
        """Those of whose sources the prompt showed nothing, or for which there was no prompt."""
        return self.spans - self.available - self.one_recall_away

    @property
    def share(self) -> float | None:
        """`available` / `spans`; None when there was nothing to measure."""
        return self.available / self.spans if self.spans else None

    def counts(self) -> dict[str, int]:
        """Return all four by name."""
        return {
            "spans": self.spans,
            "available": self.available,
            "one_recall_away": self.one_recall_away,
            "gone": self.gone,
        }


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
        self._blocks = {block.index: block for block in blocks}
        self._spans = list(spans)
        self._waiting: dict[int, list[int]] = {}
        for number, span in enumerate(self._spans):
            self._waiting.setdefault(span.request, []).append(number)
        self._available: set[int] = set()
        self._one_recall_away: set[int] = set()

    def observe(
        self, request: int, shown: Shown, reduced: Callable[[], Iterable[str]] = tuple
    ) -> list[int]:
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

        Returns
        -------
        list of int
            For each span that a source of it made available, the newest such source.
        """
        used = []
        for number in self._waiting.pop(request, ()):
            span = self._spans[number]
            in_part = False
            for source in reversed(span.sources):
                text = shown(source)
                if not text:
                    continue
                # A source holds the whole span, so its own text need not be searched.
                if text is self._blocks[source].text or span.text in text:
                    self._available.add(number)
                    used.append(source)
                    break
                in_part = True
            else:
                if any(span.text in text for text in reduced()):
                    self._available.add(number)
                elif in_part:
                    self._one_recall_away.add(number)
        return used

    @property
    def totals(self) -> SpanTotals:
        """The counts so far."""
        return SpanTotals(len(self._spans), len(self._available), len(self._one_recall_away))

    def by_kind(self) -> dict[str, SpanTotals]:
        """Return the counts so far by the kind of block that each span's newest source is."""
        return self.by(lambda span: self._blocks[span.newest_source].kind)

    def by_age(self) -> dict[str, SpanTotals]:
        """Return the counts so far of each bucket of `AGE_BUCKETS`."""
        found = self.by(age_bucket)
        return {bucket: found.get(bucket, SpanTotals(0, 0, 0)) for bucket in AGE_BUCKETS}

    def by(self, group: Callable[[Span], str]) -> dict[str, SpanTotals]:
        """Return the counts so far of each group that has spans, in the order of their names.

        Parameters
        ----------
        group : callable
            The group that a span is in.
        """
        counts: dict[str, list[int]] = {}
        for number, span in enumerate(self._spans):
            count = counts.setdefault(group(span), [0, 0, 0])
            count[0] += 1
            count[1] += number in self._available
            count[2] += number in self._one_recall_away
        return {name: SpanTotals(*count) for name, count in sorted(counts.items())}
