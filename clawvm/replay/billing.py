"""What providers would bill for the prompts of a session, given what they have cached of them.

``docs/metrics.md`` has the model of their caches in words, with its sources.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from ..messages import PART_OVERHEAD, PartKind, Shape, form_tokens, parse, prompt_tokens
from .blocks import Turn

__all__ = [
    "ANTHROPIC",
    "OPENAI",
    "PROVIDERS",
    "Bill",
    "Billing",
    "CacheModel",
    "bill_prompts",
    "common_tokens",
    "sent_at",
]

Message = dict[str, Any]
Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class CacheModel:
    """How a provider caches prompts and what it charges; a price is for one token of input.

    The defaults are the study's model: the prompt before this one is all that is cached, to the
    token, however short and however old (residency study, section 1).

    Parameters
    ----------
    name : str
        Names the bill.
    read_price, write_price : int
        In thousandths of the price of input that has nothing to do with a cache: for what is read
        from it, and for all else in a prompt that is long enough to be cached.
    whole_messages : bool
        Whether what is read ends with a message, as where breakpoints decide what is cached.
    block_tokens : int
        What is read is a multiple of this, in tokens.
    minimum_tokens : int
        The shortest beginning of a prompt that is cached, in tokens.
    lifetime_requests : int
        How many requests a prompt stays cached for.
    lifetime_seconds : int or None
        For how long it does after its last use; None without end. Where a time is not recorded,
        requests follow each other at once.
    """

    name: str
    read_price: int = 100
    write_price: int = 1250
    whole_messages: bool = False
    block_tokens: int = 1
    minimum_tokens: int = 0
    lifetime_requests: int = 1
    lifetime_seconds: int | None = None

    def price(self, sent_tokens: int, read_tokens: int) -> int:
        """Return the price of a prompt of which so much was read, in millitokens."""
        caches = sent_tokens >= self.minimum_tokens
        new_price = self.write_price if caches else _PLAIN_PRICE
        return read_tokens * self.read_price + (sent_tokens - read_tokens) * new_price


_PLAIN_PRICE = 1000

_WHOLE_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
# As seconds the year 5138, as milliseconds 1973.
_MILLISECONDS_FROM = 100_000_000_000

ANTHROPIC = CacheModel(
    "anthropic",
    whole_messages=True,
    minimum_tokens=1024,
    lifetime_requests=30,
    lifetime_seconds=300,
)
"""Breakpoints, prices and the five minutes of Anthropic's documentation."""

OPENAI = CacheModel(
    "openai",
    write_price=1000,
    block_tokens=128,
    minimum_tokens=1024,
    lifetime_requests=30,
    lifetime_seconds=600,
)
"""Blocks of 128 tokens and the ten minutes without use of OpenAI's documentation."""

PROVIDERS = (ANTHROPIC, OPENAI)


@dataclass(frozen=True, slots=True)
class Bill:
    """What the prompts of a session cost.

    Parameters
    ----------
    sent_tokens : int
        All of them; the sum of the next two.
    read_tokens : int
        What came from the provider's cache.
    written_tokens : int
        What the provider had to read anew, and to cache as far as it caches it.
    billed_millitokens : int
        The price, in thousandths of that of one token of input that is not cached.
    breaks : int
        Prompts that do not begin with the whole prompt before them.
    """

    sent_tokens: int = 0
    read_tokens: int = 0
    written_tokens: int = 0
    billed_millitokens: int = 0
    breaks: int = 0

    def share_of(self, full: Bill) -> float | None:
        """Return what this bill is of that for the full history; None where that is nothing."""
        whole = full.billed_millitokens
        return self.billed_millitokens / whole if whole else None


@dataclass
class _Sent:
    """A prompt that was sent."""

    number: int
    at: float | None
    tokens: int
    make: Callable[[], Sequence[Message]]

    @cached_property
    def messages(self) -> Sequence[Message]:
        """Its messages; they are not made unless they are needed."""
        return self.make()


@dataclass(slots=True)
class _Match:
    """How much of an earlier prompt the newest one begins with, in whole messages.

    Parameters
    ----------
    sent : _Sent
        The earlier prompt.
    same, tokens : int
        How many messages are the same, and what they cost.
    differ : tuple of two messages, optional
        The first that are not, where both prompts go on.
    """

    sent: _Sent
    same: int
    tokens: int
    differ: tuple[Message, Message] | None = None

    def end_at(self, same: int, tokens: int, messages: Sequence[Message]) -> None:
        """Set what is the same, `messages` being those of the newest prompt."""
        others = self.sent.messages
        goes_on = same < min(len(others), len(messages))
        self.same, self.tokens = same, tokens
        self.differ = (others[same], messages[same]) if goes_on else None


class Billing:
    """Bills the prompts of one session, in the order in which they are sent.

    A prompt that continues the one before is billed without a look at its messages. One that breaks
    with it is compared with it; and with those that others broke with before only where that cannot
    be told from what they had in common.

    Parameters
    ----------
    shape : {"openai", "anthropic"}
        The format of the messages.
    count : callable
        Tokens of a text; it is asked for the same texts again and again.
    models : iterable of CacheModel
        What to bill under; each has a name of its own.
    """

    def __init__(
        self, shape: Shape, count: Count, models: Iterable[CacheModel] = PROVIDERS
    ) -> None:
        self._shape = shape
        self._count = count
        self._models = tuple(models)
        self._memory = max((model.lifetime_requests for model in self._models), default=0)
        self.bills = {model.name: Bill() for model in self._models}
        self._last: _Sent | None = None
        # Prompts that another one broke with; any other is the beginning of a later one.
        self._left: deque[_Match] = deque()

    def send(
        self,
        messages: Callable[[], Sequence[Message]],
        tokens: int,
        kept_tokens: int,
        at: float | None = None,
    ) -> None:
        """Bill one prompt.

        Parameters
        ----------
        messages : callable
            Returns its messages, those with the system prompt first; called when they are needed.
        tokens : int
            What it costs.
        kept_tokens : int
            What the messages cost that the last prompt has before the first that differs in this.
        at : float, optional
            When it was sent, in seconds.
        """
        last = self._last
        sent = _Sent(0 if last is None else last.number + 1, at, tokens, messages)
        while self._left and sent.number - self._left[0].sent.number > self._memory:
            self._left.popleft()
        is_break = last is not None and kept_tokens < last.tokens
        matches: Iterable[_Match] = self._left
        if last is not None and is_break:
            self._break_with(last, sent, kept_tokens)
        elif last is not None:
            self._go_on_from(last, sent)
            matches = (*self._left, _Match(last, 0, kept_tokens))
        for model in self._models:
            read = self._read(model, sent, matches)
            bill = self.bills[model.name]
            self.bills[model.name] = Bill(
                bill.sent_tokens + tokens,
                bill.read_tokens + read,
                bill.written_tokens + tokens - read,
                bill.billed_millitokens + model.price(tokens, read),
                bill.breaks + is_break,
            )
        self._last = sent

    def _break_with(self, last: _Sent, sent: _Sent, kept_tokens: int) -> None:
        """Match a prompt that does not begin with the last one."""
        before, messages = last.messages, sent.messages
        same = _first_difference(before, messages)
        self._left.append(_Match(last, len(before), last.tokens))
        for match in self._left:
            if match.same > same:
                match.end_at(same, kept_tokens, messages)
            elif match.same == same:
                self._lengthen(match, messages)
            # Else it differs already in what the two last have in common.

    def _go_on_from(self, last: _Sent, sent: _Sent) -> None:
        """Match a prompt that begins with the last one."""
        for match in self._left:
            if match.tokens == last.tokens:  # and so may go on
                self._lengthen(match, sent.messages)

    def _lengthen(self, match: _Match, messages: Sequence[Message]) -> None:
        others = match.sent.messages
        more = _first_difference(others[match.same :], messages[match.same :])
        same = match.same + more
        added = prompt_tokens(messages[match.same : same], self._shape, self._count)
        match.end_at(same, match.tokens + added, messages)

    def _read(self, model: CacheModel, sent: _Sent, matches: Iterable[_Match]) -> int:
        """Return the tokens of a prompt that a provider has in its cache."""
        live = [match for match in matches if _is_live(model, match.sent, sent)]
        read = max((match.tokens for match in live), default=0)
        if not model.whole_messages:
            inside = (
                common_tokens(*match.differ, self._shape, self._count)
                for match in live
                if match.tokens == read and match.differ is not None
            )
            read += max(inside, default=0)
        read -= read % model.block_tokens
        return read if read >= model.minimum_tokens else 0


def bill_prompts(
    prompts: Iterable[Sequence[Message]],
    shape: Shape,
    count: Count,
    models: Iterable[CacheModel] = PROVIDERS,
) -> dict[str, Bill]:
    """Bill message lists that were sent one after the other at once; the bills by model name.

    Parameters
    ----------
    prompts : iterable of list of dict
        The messages of each, those with the system prompt first.
    shape : {"openai", "anthropic"}
        Their format.
    count : callable
        Tokens of a text.
    models : iterable of CacheModel
        What to bill under.
    """
    billing = Billing(shape, count, models)
    last: Sequence[Message] = ()
    for prompt in prompts:
        same = _first_difference(last, prompt)
        kept = prompt_tokens(prompt[:same], shape, count)
        billing.send(partial(list, prompt), prompt_tokens(prompt, shape, count), kept)
        last = prompt
    return billing.bills


def common_tokens(old: Message, new: Message, shape: Shape, count: Count) -> int:
    """Return the tokens with which two messages begin alike: whole parts, then a part's text.

    A text that goes on differently has in common what its first equal characters cost.
    """
    one, other = parse(old, shape), parse(new, shape)
    tokens = 0
    if one.role != other.role:
        return tokens
    for was, now in zip(one.parts, other.parts, strict=False):
        if (was.kind, was.call_id, was.name) != (now.kind, now.call_id, now.name):
            break
        if PartKind.OPAQUE in (was.kind, now.kind):
            break
        whole = form_tokens(now, None, shape, count)
        if was.text == now.text:
            tokens += whole
            continue
        alike = now.text[: _first_difference(was.text, now.text)]
        return tokens + (min(whole, PART_OVERHEAD + count(alike)) if alike else 0)
    return tokens


def sent_at(turn: Turn) -> float | None:
    """Return when a request was sent, in seconds since 1970, as far as was recorded.

    That is the time of the last event before the reply; where none has one, that of the reply's
    first. None where there is none in ISO 8601, or as a whole number of seconds or milliseconds.
    """
    for step in (*reversed(turn.before), *turn.outputs):
        if step.event.at is not None:
            return _seconds(step.event.at)
    return None


def _seconds(time: str) -> float | None:
    if _WHOLE_NUMBER.fullmatch(time):
        number = int(time)
        return number / 1000 if number >= _MILLISECONDS_FROM else float(number)
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _is_live(model: CacheModel, earlier: _Sent, sent: _Sent) -> bool:
    if sent.number - earlier.number > model.lifetime_requests:
        return False
    if model.lifetime_seconds is None or earlier.at is None or sent.at is None:
        return True
    return sent.at - earlier.at <= model.lifetime_seconds


def _first_difference(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many messages, or characters, two sequences begin with alike."""
    for place, (was, now) in enumerate(zip(one, other, strict=False)):
        if was is not now and was != now:
            return place
    return min(len(one), len(other))
