"""What the prompt shows: its messages in order, as they are and as earlier prompts had them."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["Shown", "Version"]

Message = dict[str, Any]

# A block has the messages of 128 positions, and a change moves no more than one block's; a group
# has 64 blocks.
_BLOCK_BITS = 7
_GROUP_BITS = 6


class Version:
    """The messages of one prompt, for as long as somebody holds it.

    Only the newest version is kept whole. An older one knows what the next one changed; no version
    knows one before it, so that what nobody holds is gone.
    """

    __slots__ = ("next", "undo")

    def __init__(self) -> None:
        self.next: Version | None = None
        # By position what stood there before the next version; None for nothing.
        self.undo: list[tuple[int, Message | None]] = []


class _Block:
    """The messages of some positions in a row, those that are shown."""

    __slots__ = ("messages", "positions", "tokens")

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.messages: list[Message] = []
        self.tokens: list[int] = []

    def insert(self, place: int, position: int, message: Message, tokens: int) -> None:
        """Put a message before the one at a place."""
        self.positions.insert(place, position)
        self.messages.insert(place, message)
        self.tokens.insert(place, tokens)

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
        # Tokens of each block, and of each group of blocks: so many that a sum up to some place is
        # short on each level.
        self._totals: list[int] = []
        self._group_totals: list[int] = []
        # Tokens of all messages that are shown.
        self.tokens = 0
        self._newest = Version()
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
        place = bisect_left(block.positions, position)
        if block.positions[place : place + 1] != [position]:
            return None
        return block.messages[place], block.tokens[place]

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
        kept = self.tokens
        with self._lock:
            for position, message, tokens in messages:
                number = position >> _BLOCK_BITS
                block = self._blocks[number] if number < len(self._blocks) else self._grow(number)
                positions = block.positions
                place = bisect_left(positions, position)
                is_there = place < len(positions) and positions[place] == position
                last = block.messages[place] if is_there else None
                if last is message or last == message:
                    continue
                if not undo:
                    kept = self._before(number, place)
                undo.append((position, last))
                self._count(number, tokens - block.tokens[place] if is_there else tokens)
                if message is None:
                    block.drop(place)
                elif is_there:
                    block.messages[place], block.tokens[place] = message, tokens
                else:
                    block.insert(place, position, message, tokens)
            if undo:
                older, self._newest = self._newest, Version()
                older.undo, older.next = undo, self._newest
        return kept

    def _grow(self, number: int) -> _Block:
        """Make the blocks up to a number; returns the last."""
        while number >= len(self._blocks):
            if not len(self._blocks) & (1 << _GROUP_BITS) - 1:
                self._group_totals.append(0)
            self._blocks.append(_Block())
            self._totals.append(0)
        return self._blocks[number]

    def _count(self, number: int, more: int) -> None:
        """Count tokens that a block has now and had not before."""
        self._totals[number] += more
        self._group_totals[number >> _GROUP_BITS] += more
        self.tokens += more

    def _before(self, number: int, place: int) -> int:
        """Return the tokens of the messages before a place in a block."""
        group = number >> _GROUP_BITS
        return (
            sum(self._group_totals[:group])
            + sum(self._totals[group << _GROUP_BITS : number])
            + sum(self._blocks[number].tokens[:place])
        )

    def split(self, version: Version, start: int) -> tuple[list[Message], list[Message]]:
        """Return the messages of a version, those before the position `start` apart."""
        head: list[Message] = []
        rest: list[Message] = []
        with self._lock:
            older = _older(version)
            for number, block in enumerate(self._blocks):
                if number in older:
                    block = block.before(older[number].items())
                place = bisect_left(block.positions, start)
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
