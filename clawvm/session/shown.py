"""What the prompt shows: its messages in order, as they are and as earlier prompts had them."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["Shown", "Version"]

Message = dict[str, Any]

# A block has the messages of this many positions: a change moves no more than one block's.
_BLOCK_BITS = 9


class Version:
    """The messages of one prompt, for as long as somebody holds it.

    Only the newest version is kept whole. An older one knows what the next one changed; no version
    knows one before it, so that what nobody holds is gone.
    """

    __slots__ = ("_shown", "next", "undo")

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self.next: Version | None = None
        # By position what stood there before the next version; None for nothing.
        self.undo: list[tuple[int, Message | None]] = []

    def split(self, start: int) -> tuple[list[Message], list[Message]]:
        """Return the messages before the position `start` and those from it on, in new lists."""
        return self._shown.split(self, start)


class _Block:
    """The messages of some positions in a row, those that are shown."""

    __slots__ = ("messages", "positions", "tokens")

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.messages: list[Message] = []
        self.tokens: list[int] = []

    def get(self, position: int) -> tuple[int, Message | None]:
        """Return where a position is or would be, and its message."""
        positions = self.positions
        place = bisect_left(positions, position)
        there = place < len(positions) and positions[place] == position
        return place, self.messages[place] if there else None

    def set(self, place: int, position: int, message: Message, tokens: int, is_new: bool) -> None:
        """Put a message at a place, before the one that is there or instead of it."""
        if is_new:
            self.positions.insert(place, position)
            self.messages.insert(place, message)
            self.tokens.insert(place, tokens)
        else:
            self.messages[place], self.tokens[place] = message, tokens

    def drop(self, place: int) -> None:
        """Take a message out."""
        del self.positions[place], self.messages[place], self.tokens[place]

    def before(self, older: Iterable[tuple[int, Message | None]]) -> _Block:
        """Return the block with other messages at some positions."""
        there = dict(zip(self.positions, self.messages, strict=True))
        there.update((position, message) for position, message in older if message is not None)
        for position, message in older:
            if message is None:
                there.pop(position, None)
        block = _Block()
        block.positions = sorted(there)
        block.messages = [there[position] for position in block.positions]
        return block


class Shown:
    """The messages that the last prompt showed, by position, with what they cost.

    A change costs the same however many there are, and so does a version of them that nobody reads.

    Thread safety: versions may be read by any thread at any time; one thread at a time changes.
    """

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._totals: list[int] = []  # tokens of each block
        # Tokens of all messages that are shown.
        self.tokens = 0
        self._newest = Version(self)
        self._lock = threading.Lock()

    @property
    def version(self) -> Version:
        """What is shown now; it stays readable as it is now."""
        return self._newest

    def get(self, position: int) -> tuple[Message, int] | None:
        """Return a message and its tokens; None where nothing is shown."""
        number = position >> _BLOCK_BITS
        if number >= len(self._blocks):
            return None
        block = self._blocks[number]
        place, message = block.get(position)
        return None if message is None else (message, block.tokens[place])

    def change(self, messages: Sequence[tuple[int, Message | None, int]]) -> int:
        """Show other messages.

        Parameters
        ----------
        messages : sequence of (position, message or None, tokens)
            In order of their positions; None with 0 tokens shows nothing there. One that is equal
            to what is there leaves that in place.

        Returns
        -------
        int
            Tokens before the first message that is not the same any more.
        """
        undo: list[tuple[int, Message | None]] = []
        kept = -1
        with self._lock:
            for position, message, tokens in messages:
                number = position >> _BLOCK_BITS
                while number >= len(self._blocks):
                    self._blocks.append(_Block())
                    self._totals.append(0)
                block = self._blocks[number]
                place, last = block.get(position)
                if last is message or last == message:
                    continue
                if kept < 0:
                    kept = sum(self._totals[:number]) + sum(block.tokens[:place])
                undo.append((position, last))
                more = tokens if last is None else tokens - block.tokens[place]
                self._totals[number] += more
                self.tokens += more
                if message is None:
                    block.drop(place)
                else:
                    block.set(place, position, message, tokens, last is None)
            if undo:
                older, self._newest = self._newest, Version(self)
                older.undo, older.next = undo, self._newest
        return self.tokens if kept < 0 else kept

    def split(self, version: Version, start: int) -> tuple[list[Message], list[Message]]:
        """Return the messages of a version, those before the position `start` apart."""
        head: list[Message] = []
        rest: list[Message] = []
        with self._lock:
            older = _older(version)
            for number, block in enumerate(self._blocks):
                if number in older:
                    block = block.before(older[number].items())
                place = 0 if start <= number << _BLOCK_BITS else block.get(start)[0]
                head += block.messages[:place]
                rest += block.messages[place:] if place else block.messages
        return head, rest


def _older(version: Version) -> dict[int, dict[int, Message | None]]:
    """By block and position, what a version had that the newest has not."""
    older: dict[int, dict[int, Message | None]] = {}
    node = version
    while node.next is not None:
        for position, message in node.undo:
            older.setdefault(position >> _BLOCK_BITS, {}).setdefault(position, message)
        node = node.next
    return older
