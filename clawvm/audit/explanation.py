"""Why a page was at its level in a past turn: a paragraph with the figures that were logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .events import LEVEL_NAMES, Level

if TYPE_CHECKING:
    from .history import Between, PageStep, Turn

__all__ = ["Explanation", "explanation_of"]

_WINNERS = 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a page was in the prompt of a turn, and why.

    Parameters
    ----------
    page_id : str
        The page.
    turn : int
        The turn.
    level : str
        Its level there; ``none`` when no line of it was shown.
    since : int or None
        The turn in which it came to that level; None when the log does not tell of one.
    sentences : tuple of str
        The reasons, for a reader.
    """

    page_id: str
    turn: int
    level: Level
    since: int | None
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.sentences)

    def to_json(self) -> bytes:
        """One line of JSON, without the newline; keys are only ever added."""
        import msgspec

        return msgspec.json.encode(self)


def explanation_of(
    page_id: str,
    turn: Turn,
    level: Level,
    turns: Mapping[int, Turn],
    steps: Sequence[PageStep],
    faults: Sequence[Between],
    *,
    dropped: int,
) -> Explanation:
    """Put together what the log knows of a page up to a turn.

    Parameters
    ----------
    page_id : str
        The page.
    turn : Turn
        The turn asked for.
    level : Level
        The page's level in it.
    turns : mapping of int to Turn
        All turns.
    steps : sequence of PageStep
        What happened to the page, later turns included.
    faults : sequence of Between
        The page's faults up to the turn.
    dropped : int
        Lines before the first that is known.
    """
    before = [step for step in steps if step.turn <= turn.turn]
    put = next((step.put for step in reversed(before) if step.put is not None), None)
    last = next((step for step in reversed(before) if step.kind != "put"), None)
    who = page_id if put is None else f"{page_id} ({put['type']}, version {put['version']})"
    since = None
    if last is not None and last.moved is not None:
        since = last.turn
        sentences = [_head(who, level, turn.turn, since), *_reasons(turns[since], page_id, put)]
    elif last is not None:
        sentences = [f"{who} was not in the prompt of turn {turn.turn}: it had been archived."]
    else:
        sentences = [_without_a_move(who, level, turn.turn, steps, dropped=dropped)]
    if not turn.decided["feasible"]:
        sentences.append(
            f"No prompt was built in turn {turn.turn}: its floor was {turn.decided['missing']:,} "
            "tokens over the budget."
        )
    if put is not None:
        sentences.append(_facts(put))
    if faults:
        told = ", ".join(f"{fault.fields['kind']} in turn {fault.turn}" for fault in faults[-3:])
        sentences.append(f"Faults up to then: {len(faults)} ({told}).")
    return Explanation(page_id, turn.turn, level, since, tuple(sentences))


def _head(who: str, level: Level, turn: int, since: int) -> str:
    state = "not in the prompt" if level == "none" else f"at {level}"
    since_then = "" if since == turn else f", as it had been since turn {since}"
    return f"{who} was {state} in turn {turn}{since_then}."


def _without_a_move(
    who: str, level: Level, turn: int, steps: Sequence[PageStep], *, dropped: int
) -> str:
    if not steps:
        gone = f"; {dropped:,} lines before its beginning were dropped" if dropped else ""
        return f"{who} was not there in turn {turn}: the log has nothing of it{gone}."
    if level != "none":
        return f"{who} was at {level} in turn {turn}, from before the log's beginning."
    if steps[0].turn > turn:
        return f"{who} was not there yet in turn {turn}: it came in turn {steps[0].turn}."
    return f"{who} was not in the prompt of turn {turn}, nor in one before it."


def _reasons(then: Turn, page_id: str, put: Mapping[str, object] | None) -> list[str]:
    """Say what moved the page, in the turn in which it moved last."""
    _, old, new, old_tokens, new_tokens = then.moves[page_id]
    decided = then.decided
    reasons = [
        f"In turn {then.turn} it went from {old} to {new} ({old_tokens:,} to {new_tokens:,} "
        f"tokens): {_cause(then, page_id, put)}."
    ]
    worth, least = decided["worth"].get(page_id), decided["least_worth"]
    if decided["epoch"] and worth is not None and new != "full":
        than = "" if least is None else f", the least that stayed earned {least:.3g}"
        reasons.append(f"The level above was worth {worth:.3g} per token{than}.")
    if LEVEL_NAMES.index(new) < LEVEL_NAMES.index(old) and (winners := _winners(then, page_id)):
        reasons.append(f"What rose or came in then: {winners}.")
    reasons.append(
        f"The prompt cost {decided['used']:,} of {decided['budget']:,} tokens, its floor "
        f"{decided['floor']:,}."
    )
    return reasons


def _cause(then: Turn, page_id: str, put: Mapping[str, object] | None) -> str:
    _, old, new, _, _ = then.moves[page_id]
    is_at_floor = put is not None and put["pin"] == "hard" and put["floor"] == new
    if LEVEL_NAMES.index(new) > LEVEL_NAMES.index(old):
        if page_id in then.demands:
            return f"it was demanded at {then.demands[page_id]}"
        if is_at_floor:
            return "its hard pin holds it at its floor"
        came = "it came in then, or its content was new"
        if page_id in then.put:
            return came + (", and an epoch selected it" if then.decided["epoch"] else "")
        if then.decided["epoch"]:
            return "an epoch selected it"
    elif then.decided["epoch"]:
        low_water = then.decided["low_water"]
        down_to = "" if low_water is None else f" down to {low_water:,} tokens"
        floor = ", as far as its floor, which its hard pin holds" if is_at_floor else ""
        return f"an epoch made room{down_to}{floor}"
    return f"policy {then.policy!r} decided so" if then.policy else "the policy decided so"


def _winners(then: Turn, page_id: str) -> str:
    """Name the pages that gained most tokens in a turn."""
    gains = [
        (new_tokens - old_tokens, name, old, new)
        for name, old, new, old_tokens, new_tokens in then.moves.values()
        if new_tokens > old_tokens and name != page_id
    ]
    gains.sort(key=lambda gain: (-gain[0], gain[1]))
    named = [f"{name} ({old} to {new}, {gain:,} tokens)" for gain, name, old, new in gains]
    more = f" and {len(named) - _WINNERS} more" if len(named) > _WINNERS else ""
    return ", ".join(named[:_WINNERS]) + more


def _facts(put: Mapping[str, object]) -> str:
    tokens = put["tokens"]
    assert isinstance(tokens, dict)
    ladder = ", ".join(f"{level} {cost:,}" for level, cost in tokens.items())
    return f"Its levels cost ({ladder}) tokens; its pin is {put['pin']}, its floor {put['floor']}."
