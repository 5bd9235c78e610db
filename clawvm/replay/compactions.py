"""What harnesses do today, block by block: compaction at a fill level, and what a recording kept.

Neither has pages: a compaction replaces everything before it by one summary, and what it dropped is
gone. Two of these are baselines beside the policies: `compacted` compacts when a budget is filled,
`recorded` does what the recording harness did, when it did it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Any

from .. import backend
from ..messages import PART_OVERHEAD
from ..tokens import CountMemo, TokenCounter
from .availability import Availability
from .billing import PROVIDERS, Billing, CacheModel, sent_at
from .blocks import Block, Step, Turn
from .results import ReplayResult
from .runner import Recording
from .trace import Clear, Compaction, Reset, Result

__all__ = ["CLEARED", "FILL_PERCENT", "Item", "compacted", "harness_result", "recorded"]

FILL_PERCENT = 90
"""A compaction is due when so much of the budget is filled (harnesses: 80 to 95)."""
CLEARED = "[earlier tool result cleared to save context]"
_SUMMARY_PERCENT = 5
_LINE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a prompt shows.

    Parameters
    ----------
    text : str
        What it says.
    tokens : int
        What that costs.
    block : int or None
        The block that it is, or stands for; None for a summary.
    whole : bool
        Whether it is the block itself.
    """

    text: str
    tokens: int
    block: int | None = None
    whole: bool = True


@dataclass(slots=True)
class _History:
    """What is in the prompt, in its order."""

    counter: TokenCounter
    rules: frozenset[int]
    items: list[Item] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        return sum(item.tokens for item in self.items)

    @property
    def fixed(self) -> list[Item]:
        return [item for item in self.items if item.block in self.rules]

    @property
    def free(self) -> list[Item]:
        return [item for item in self.items if item.block not in self.rules]

    def cost(self, text: str) -> int:
        return self.counter.count(text) + PART_OVERHEAD

    def add(self, block: Block) -> None:
        self.items.append(Item(block.text, self.cost(block.text), block.index))

    def summarise(self, summary: str, kept: Sequence[Item]) -> None:
        """Put a summary in the place of everything but these."""
        said = [Item(summary, self.cost(summary))] if summary else []
        self.items = [*self.fixed, *said, *kept]

    def clear(self, blocks: set[int]) -> None:
        """Put a line in the place of each of these blocks."""
        cost = self.cost(CLEARED)
        self.items = [
            Item(CLEARED, cost, item.block, whole=False)
            if item.block in blocks and item.whole and item.tokens > cost
            else item
            for item in self.items
        ]


def recorded(recording: Recording, counter: TokenCounter) -> Iterator[tuple[int, list[Item]]]:
    """Yield the prompt of each request as the recording harness built it, as far as it tells.

    Its compactions leave the rules, the summary where one is recorded, what is recorded as kept,
    and what came after; its clearings leave a line of each result. It has no budget but its own.

    Parameters
    ----------
    recording : Recording
        The session.
    counter : TokenCounter
        Counts tokens.
    """
    history = _history(recording, counter)
    results = _results(recording)
    events, blocks = recording.trace.events, _blocks(recording)
    before: Turn | None = None
    for turn in recording.turns:
        _take(history, () if before is None else before.outputs)
        for step in turn.before:
            event = step.event
            if isinstance(event, Compaction):
                kept = {blocks.get(id(events[place])) for place in event.kept or ()}
                tail = [item for item in history.free if item.block in kept]
                history.summarise(event.summary or "", tail)
            elif isinstance(event, Clear):
                history.clear({results[call] for call in event.call_ids if call in results})
            _take(history, [step])
        yield turn.request, list(history.items)
        before = turn


def compacted(
    recording: Recording, budget: int, counter: TokenCounter
) -> Iterator[tuple[int, list[Item]]]:
    """Yield the prompt of each request under compaction at a fill level.

    Everything is kept until `FILL_PERCENT` of the budget are filled. Then one summary takes the
    place of all but the rules and the tail: the one that the recording harness made last, if it has
    made one since the compaction before, else the first lines of what is dropped, the newest that
    fit a twentieth of the budget. A tail that is too large loses its largest results.

    Parameters
    ----------
    recording : Recording
        The session.
    budget : int
        Most that a prompt may cost, in tokens.
    counter : TokenCounter
        Counts tokens.
    """
    history = _history(recording, counter)
    summary: str | None = None
    before: Turn | None = None
    for turn in recording.turns:
        start = len(history.items)
        _take(history, () if before is None else before.outputs)
        for step in turn.before:
            if isinstance(step.event, Compaction):
                summary = step.event.summary or summary
            elif isinstance(step.event, Reset):
                start = 0
            _take(history, [step])
        if history.tokens * 100 > budget * FILL_PERCENT:
            tail = [item for item in history.items[start:] if item.block not in history.rules]
            told = summary or _extract(history.items[:start], budget, counter)
            history.summarise(told, tail)
            summary = None
            _shrink(history, budget)
        yield turn.request, list(history.items)
        before = turn


def _history(recording: Recording, counter: TokenCounter) -> _History:
    return _History(counter, frozenset(block.index for block in recording.blocks if block.fixed))


def _blocks(recording: Recording) -> dict[int, int]:
    """Return the block of each event, by the event's identity."""
    return {
        id(step.event): step.block.index
        for turn in recording.turns
        for step in (*turn.before, *turn.outputs)
        if step.block is not None
    }


def _results(recording: Recording) -> dict[str, int]:
    """Return the block of each call's result."""
    return {
        step.event.call_id: step.block.index
        for turn in recording.turns
        for step in turn.before
        if isinstance(step.event, Result) and step.block is not None
    }


def _take(history: _History, steps: Sequence[Step]) -> None:
    for step in steps:
        if isinstance(step.event, Reset):
            history.items = history.fixed
        elif step.block is not None:
            history.add(step.block)


def _extract(dropped: Sequence[Item], budget: int, counter: TokenCounter) -> str:
    """Return the first lines of what is dropped, as many of the newest as fit."""
    room = budget * _SUMMARY_PERCENT // 100
    lines: list[str] = []
    for item in reversed(dropped):
        line = item.text.strip().split("\n", 1)[0][:_LINE_CHARS]
        cost = counter.count(line) + 1  # and the end of the line
        if cost > room:
            break
        room -= cost
        lines.append(line)
    return "\n".join(reversed(lines))


def _shrink(history: _History, budget: int) -> None:
    """Clear the largest texts until the prompt fits; the rules stay."""
    for item in sorted(history.free, key=lambda item: -item.tokens):
        if history.tokens <= budget:
            return
        if item.block is not None:
            history.clear({item.block})
    while history.tokens > budget and history.free:
        history.items.remove(history.free[0])


def harness_result(
    recording: Recording,
    name: str,
    budget: int,
    counter: TokenCounter,
    caches: Sequence[CacheModel] = PROVIDERS,
) -> ReplayResult:
    """Measure one of the two as a replay measures a policy.

    What has no pages has no figures of them: faults, pages and moves are not measured, and empty.

    Parameters
    ----------
    recording : Recording
        The session.
    name : {"compaction", "recorded"}
        Which of the two.
    budget : int
        Most that a prompt of ``compaction`` may cost, in tokens; ``recorded`` has none.
    counter : TokenCounter
        Counts tokens.
    caches : sequence of CacheModel
        The prompts are billed under each of these.
    """
    memo = CountMemo(counter)
    prompts = (
        recorded(recording, memo) if name == "recorded" else compacted(recording, budget, memo)
    )
    result = ReplayResult(recording.name, name, backend, counter.name, budget)
    availability = Availability(recording.spans, recording.blocks)
    billing = Billing("openai", memo.count, caches)
    last: list[Item] = []
    for turn, (request, items) in zip(recording.turns, prompts, strict=True):
        tokens = sum(item.tokens for item in items)
        same = list(takewhile(lambda pair: pair[0] == pair[1], zip(last, items, strict=False)))
        result.turns += 1
        result.prompt_peak = max(result.prompt_peak, tokens)
        result.prompt_total += tokens
        result.turns_over_budget += name != "recorded" and tokens > budget
        result.epochs += len(same) < len(last)
        kept = sum(item.tokens for item, _ in same)
        result.prefix_tokens_kept += kept
        shown = {item.block: item.text for item in items if item.block is not None}
        reduced = [item.text for item in items if not item.whole or item.block is None]
        availability.observe(request, shown.get, lambda texts=reduced: texts)  # type: ignore[misc]
        billing.send(partial(_messages, items), tokens, kept, sent_at(turn))
        last = items
    result.spans = availability.totals
    result.spans_by_kind = availability.by_kind()
    result.spans_by_age = availability.by_age()
    result.bills = billing.bills
    return result


def _messages(items: Sequence[Item]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": item.text} for item in items]
