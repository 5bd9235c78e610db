"""The layout of a conversation: which page stands where, and the messages that show it.

Messages keep their order. A page changes level in place; every message that did not change is the
same object as in the last prompt, so that what a provider has cached stays valid byte for byte.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from .._backend import core
from ..messages import DROP, Envelope, Shape, parse, render
from ..pages import LEVELS, Fidelity, Page, PageType
from ..residency import Plan
from ..snapshot import RowState
from .prompt import Prompt

__all__ = ["Layout", "Owner"]

Message = dict[str, Any]

_STAYS_IN_PLACE = (PageType.BOOTSTRAP, PageType.CONSTRAINT)
_GONE = -1  # the slot of a page that was removed: another page may have its old slot now
_HIDDEN = int(Fidelity.NONE)  # as the table tells levels


class Owner(NamedTuple):
    """The page that a part of a message belongs to, and which part of the page it is."""

    page: Page
    part: int


class _Row:
    """One message: the slot and the part of the page that each of its parts belongs to.

    A message that is shown whole or not at all, as most are, is decided without a look at its
    parts. They are read when they are needed first: a restored session reads those of messages that
    it shows in part, and no others.
    """

    __slots__ = (
        *("_envelope", "blank", "message", "part", "parts", "role", "shape", "slot", "slots"),
    )

    def __init__(
        self,
        message: Message,
        shape: Shape,
        slots: list[int],
        parts: list[int],
        envelope: Envelope | None = None,
        *,
        role: str | None = None,
        blank: bool = False,
    ) -> None:
        self.message = message
        self.shape = shape
        self.slots = slots
        self.parts = parts
        # Anthropic refuses a blank text, and to OpenAI's models it says nothing.
        self.blank = blank
        # Slot and part of a message that is one page's; -1 where it takes more to show it.
        self.slot, self.part = (slots[0], parts[0]) if len(slots) == 1 and not blank else (-1, 0)
        # Who says it, if its whole content is one text that another may stand for.
        self.role = role
        self._envelope = envelope

    @property
    def envelope(self) -> Envelope:
        """The message read into its parts."""
        if self._envelope is None:
            self._envelope = parse(self.message, self.shape)
        return self._envelope

    def set_shape(self, shape: Shape) -> None:
        """Read the message, a plain text, as being of `shape`."""
        self.shape = shape
        if self._envelope is not None:
            self._envelope.shape = shape


def _row(envelope: Envelope, owners: list[Owner]) -> _Row:
    slots = [page.slot for page, _ in owners]
    return _Row(envelope.message, envelope.shape, slots, [part for _, part in owners], envelope)


def _plain_row(page: Page, role: str, text: str, shape: Shape | None) -> _Row:
    message = {"role": role, "content": text}
    blank = not text or text.isspace()
    return _Row(message, shape or "openai", [page.slot], [0], role=role, blank=blank)


def _saved(row: _Row | RowState | None) -> RowState | None:
    if not isinstance(row, _Row):
        return row
    # What `RowState(...)` comes to, without a call of Python for each: a snapshot has thousands.
    owners = tuple(zip(row.slots, row.parts, strict=True))
    return tuple.__new__(RowState, (row.message, owners))


class Layout:
    """All messages of a session in order, and those of them that the prompt shows.

    Not safe for use by several threads at once.
    """

    def __init__(self, pages: Mapping[int, Page]) -> None:
        # The live pages by slot, as the session keeps them.
        self._pages = pages
        # By position; None where every page of a message was removed. What was restored stays as it
        # was saved until it is needed.
        self._rows: list[_Row | RowState | None] = []
        # What the last prompt showed.
        self._shown = core.Shown()
        # The same of a restored session, as long as nobody has asked.
        self._to_show: Callable[[], None] | None = None
        # Where each page stands, and what of it is to be rendered.
        self._known_places = core.Places()
        # Whether the former is still to be said of what was restored; done when somebody asks.
        self._lacks_places = False
        self.unsaved: set[int] = set()
        # Position of the first message of the conversation; what was put before it is the system
        # prompt.
        self._start = sys.maxsize
        self._restored_shape: Shape = "openai"

    @property
    def next_position(self) -> int:
        """The position that the next message gets."""
        return len(self._rows)

    def set_shape(self, shape: Shape) -> None:
        """Read the messages so far, plain texts all of them, as being of `shape`."""
        self._restored_shape = shape
        for row in self._rows:
            if isinstance(row, _Row):
                row.set_shape(shape)

    def append(self, envelope: Envelope, owners: list[Owner]) -> int:
        """Put a message at the end, `owners` being the pages of its parts; return its position."""
        self._start = min(self._start, len(self._rows))
        return self._append(_row(envelope, owners))

    def put(self, page: Page, text: str, shape: Shape | None) -> None:
        """Show a page that is no message; one that is there already stays, or moves to the end.

        Before the conversation it is a system message; within it a system message for OpenAI and a
        user message for Anthropic, whose format has no other way to say something later on.
        """
        self.show_restored()
        places = self._places.of(page.slot)
        role = "user" if self._start < sys.maxsize and shape == "anthropic" else "system"
        if places and page.type in _STAYS_IN_PLACE:
            shown = self._rows[places[0]]
            role = shown.message["role"] if shown is not None else role
            self._rows[places[0]] = _plain_row(page, role, text, shape)
            self._change(places[0])
            return
        if places:
            self.remove(page)
        page.position = self._append(_plain_row(page, role, text, shape))

    def remove(self, page: Page) -> None:
        """Take a page out of every message that shows it; messages left without a page go."""
        self.show_restored()
        for position in self._places.remove(page.slot):
            row = self._row_at(position)
            if row is not None and len(row.slots) == 1:
                self._rows[position] = None
            elif row is not None:
                row.slots[:] = [_GONE if slot == page.slot else slot for slot in row.slots]
                if row.slots.count(_GONE) == len(row.slots):
                    self._rows[position] = None
            self._change(position)

    def originals(self) -> list[Message]:
        """Return every message that still has a page, whole."""
        return [
            row.message
            for row in self._rows
            if row is not None and not (isinstance(row, _Row) and row.blank)
        ]

    # Saving

    def saved_rows(self, positions: Iterable[int]) -> dict[int, RowState | None]:
        """Return messages by position, None for those that are gone."""
        return {position: _saved(self._rows[position]) for position in positions}

    def saved(self) -> dict[str, Any]:
        """Return what the rows do not tell: where the conversation starts, and what is stale.

        A stale message may have been shown with another content, or at another level, than its page
        has now.
        """
        positions = self._known_places.stale()
        if positions:
            self.show_restored()
        stale = []
        for position in positions:
            message, tokens = self._shown.get(position) or (None, 0)
            stale.append([position, message, tokens])
        start = None if self._start == sys.maxsize else self._start
        return {"start": start, "stale": stale}

    def restore(self, rows: Mapping[int, RowState | None], row_count: int, shape: Shape) -> None:
        """Take over saved messages, whose pages are there already.

        Raises
        ------
        IndexError, KeyError
            When one belongs to a page, or a part of one, that there is not.
        """
        pages = self._pages
        restored = [rows[position] for position in range(row_count)]
        self._rows = [*restored]
        self._known_places, self._lacks_places = core.Places(), True
        self._restored_shape = shape
        for slot, part in core.last_parts(restored).items():
            if slot >= 0 and part >= len(pages[slot].texts):
                raise IndexError(f"page {pages[slot].id!r} has no part {part}")
        blank = {slot for slot, page in pages.items() if _is_blank(page)}
        for position, row in enumerate(restored if blank else ()):
            if row is not None and row.owners[0][0] in blank:
                self._row_at(position)

    def restore_shown(self, level_of: Callable[[int], int], saved: Mapping[str, Any]) -> None:
        """Show again what the last prompt showed; `show_restored` does it before anything changes.

        A session that is only opened to be read, or to be continued much later, need not do it.
        """
        if saved["start"] is not None:
            self._start = saved["start"]
        stale = {position: (position, *shown) for position, *shown in saved["stale"]}
        for position in stale:
            self._known_places.mark(position)

        def show() -> None:
            others = (position for position in range(len(self._rows)) if position not in stale)
            rendered = [*stale.values(), *self._rendered(others, level_of)]
            self._shown.change(sorted(rendered, key=itemgetter(0)))

        self._to_show = show

    def show_restored(self) -> None:
        """Call it before pages or levels change: what was shown is made from them."""
        show, self._to_show = self._to_show, None
        if show is not None:
            show()

    def _row_at(self, position: int) -> _Row | None:
        row = self._rows[position]
        return self._read_row(position, row) if isinstance(row, RowState) else row

    def _read_row(self, position: int, saved: RowState) -> _Row:
        """Put a saved row in the form in which it is used."""
        slots, parts = map(list, zip(*saved.owners, strict=True)) if saved.owners else ([], [])
        blank = bool(slots) and slots[0] >= 0 and _is_blank(self._pages[slots[0]])
        row = _Row(saved.message, self._restored_shape, slots, parts, blank=blank)
        self._rows[position] = row
        return row

    @property
    def _places(self) -> core.Places:
        """Where each page stands."""
        places = self._known_places
        if self._lacks_places:
            self._lacks_places = False
            for position, row in enumerate(self._rows):
                for slot in _slots_of(row):
                    if slot >= 0:
                        places.add(slot, position)
        return places

    # Showing

    def touch(self, slots: Iterable[int]) -> None:
        """Note that the pages in `slots` look different now."""
        self._places.touch(slots)

    def refresh(self, level_of: Callable[[int], int]) -> int:
        """Render what is stale anew.

        Parameters
        ----------
        level_of : callable
            The level of the page in a slot.

        Returns
        -------
        int
            Tokens of the last prompt before the first message that is not the same any more.
        """
        stale = self._known_places.stale()
        if not stale:
            return self._shown.tokens
        changes = self._rendered(stale, level_of)
        self._known_places.settle()
        return self._shown.change(changes)

    def prompt(self, shape: Shape | None, plan: Plan) -> Prompt:
        """Return the prompt as it was last rendered."""
        return Prompt(plan, self._shown, self._start if shape == "anthropic" else 0)

    def _append(self, row: _Row) -> int:
        position = len(self._rows)
        self._rows.append(row)
        for slot in () if self._lacks_places else row.slots:
            self._known_places.add(slot, position)
        self._change(position)
        return position

    def _change(self, position: int) -> None:
        """Note that a message is another one now: it is to be rendered, and to be saved."""
        self._known_places.mark(position)
        self.unsaved.add(position)

    def _rendered(
        self, positions: Iterable[int], level_of: Callable[[int], int]
    ) -> list[tuple[int, Message | None, int]]:
        """Return what the prompt shows at some positions, and what it costs."""
        rows, pages = self._rows, self._pages
        shown = []
        for position in positions:
            row = rows[position]
            message, tokens = None, 0
            if isinstance(row, RowState):
                row = self._read_row(position, row)
            if row is not None and row.slot < 0:
                message, tokens = self._render_parts(row, level_of)
            elif row is not None and (level := level_of(row.slot)):
                form = pages[row.slot].ladder[LEVELS[level]]
                text, tokens = form.texts[row.part], form.part_tokens[row.part]
                if text is None:
                    message = row.message
                elif row.role is not None:
                    message = {"role": row.role, "content": text}
                else:
                    message = render(row.envelope, [text])
            shown.append((position, message, tokens))
        return shown

    def _render_parts(
        self, row: _Row, level_of: Callable[[int], int]
    ) -> tuple[Message | None, int]:
        """Render a message of several pages, or of none that says anything."""
        levels = [level_of(slot) if slot >= 0 else _HIDDEN for slot in row.slots]
        if row.blank or levels.count(_HIDDEN) == len(levels):
            return None, 0
        forms: list[Any] = []
        tokens = 0
        for slot, part, level in zip(row.slots, row.parts, levels, strict=True):
            if not level:
                forms.append(DROP)
                continue
            form = self._pages[slot].ladder[LEVELS[level]]
            forms.append(form.texts[part])
            tokens += form.part_tokens[part]
        if forms.count(None) == len(forms):
            return row.message, tokens
        return render(row.envelope, forms), tokens


def _slots_of(row: _Row | RowState | None) -> list[int]:
    if row is None:
        return []
    return row.slots if isinstance(row, _Row) else [slot for slot, _ in row.owners]


def _is_blank(page: Page) -> bool:
    return page.is_given and not page.texts[0].strip()
