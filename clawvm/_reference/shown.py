"""What a prompt shows: values by position, as they are and as earlier prompts had them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from . import validate

__all__ = ["Shown", "Version"]


class Version:
    """The values of one prompt, for as long as somebody holds it.

    Only the newest version is kept whole. An older one knows what the next one changed; no version
    knows one before it, so that what nobody holds is gone.
    """

    __slots__ = ("_next", "_undo")

    def __init__(self) -> None:
        self._next: Version | None = None
        # By position what stood there before the next version; None for nothing.
        self._undo: dict[int, Any] = {}


class Shown:
    """The values that the last prompt showed, by position, with what they cost.

    A value is any object but None, which stands for nothing. A version that nobody reads costs as
    much as what changed, however many values there are.

    Thread safety: versions may be read by any thread at any time; one thread at a time changes.
    """

    def __init__(self) -> None:
        self._values: dict[int, tuple[Any, int]] = {}
        self._tokens = 0
        self._newest = Version()
        self._lock = threading.Lock()

    @property
    def tokens(self) -> int:
        """Tokens of all values that are shown."""
        return self._tokens

    @property
    def version(self) -> Version:
        """What is shown now; it stays readable as it is now."""
        return self._newest

    def get(self, position: int) -> tuple[Any, int] | None:
        """Return a value and its tokens; None where nothing is shown."""
        return self._values.get(validate.position(position, -1))

    def change(self, values: Iterable[tuple[int, Any, int]]) -> int:
        """Show other values.

        Parameters
        ----------
        values : iterable of (position, value or None, tokens)
            In order of their positions; None shows nothing there, and costs nothing. One that is
            equal to what is there, and costs as much, leaves that in place.

        Returns
        -------
        int
            Tokens before the first value that is not the same any more.

        Raises
        ------
        PageInvalid
            When a position is out of order, or tokens are no such number; nothing has changed then.
        """
        changed: dict[int, tuple[Any, int]] = {}
        undo: dict[int, Any] = {}
        last_position = -1
        for position, value, tokens in values:
            last_position = validate.position(position, last_position)
            cost = 0 if value is None else validate.tokens_shown(tokens)
            last, last_cost = self._values.get(last_position, (None, 0))
            if last is value or (cost == last_cost and last == value):
                continue
            changed[last_position] = value, cost
            undo[last_position] = last
        if not changed:
            return self._tokens
        first = next(iter(changed))
        kept = sum(tokens for place, (_, tokens) in self._values.items() if place < first)
        with self._lock:
            self._put(changed)
            older, self._newest = self._newest, Version()
            older._undo, older._next = undo, self._newest
        return kept

    def _put(self, changed: dict[int, tuple[Any, int]]) -> None:
        for position, (value, tokens) in changed.items():
            self._tokens += tokens - self._values.pop(position, (None, 0))[1]
            if value is not None:
                self._values[position] = value, tokens

    def split(self, version: Version, start: int) -> tuple[list[Any], list[Any]]:
        """Return the values of a version in order, those before the position `start` apart.

        Raises
        ------
        PageInvalid
            When it is a version of something else.
        """
        with self._lock:
            then = {position: value for position, (value, _) in self._values.items()}
            then |= self._older(version)
        there = sorted(position for position, value in then.items() if value is not None)
        head = [then[position] for position in there if position < start]
        return head, [then[position] for position in there[len(head) :]]

    def _older(self, version: Version) -> dict[int, Any]:
        """By position, what a version had that the newest has not."""
        older: dict[int, Any] = {}
        node = version
        while node._next is not None:
            older = node._undo | older
            node = node._next
        if node is not self._newest:
            validate.refuse_version()
        return older
