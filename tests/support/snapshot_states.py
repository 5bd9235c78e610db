"""States of sessions for the tests and the benchmark of snapshots."""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any

from clawvm import _reference
from clawvm.pages import (
    RULES,
    CallInfo,
    Fidelity,
    Page,
    PageForm,
    PageType,
    Provenance,
)
from clawvm.snapshot import RowState, StateDelta
from clawvm.tokens import digest

LEVELS = (Fidelity.POINTER, Fidelity.STRUCTURED, Fidelity.COMPRESSED, Fidelity.FULL)
WORDS = (
    *("budget", "cache", "decide", "evict", "floor", "handle", "index", "journal", "kernel"),
    *("ladder", "memory", "notice", "order", "page", "quality", "record", "select", "table"),
    *("because", "between", "without", "the", "of", "and", "to"),
)


class SmallSession:
    """Pages in a page table and messages that show them: a session without its policy.

    Parameters
    ----------
    core : module
        The back end of the page table.
    seed : int
        Of everything that is drawn.
    """

    def __init__(self, core: ModuleType = _reference, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.table = core.PageTable()
        self.pages: dict[int, Page] = {}
        self.archived: list[Page] = []
        self.rows: dict[int, RowState | None] = {}
        self.changed_pages: set[int] = set()
        self.changed_rows: set[int] = set()
        self.archived_before = 0
        self.turn = 0
        self._number = 0

    def text(self, chars: int) -> str:
        words: list[str] = []
        size = 0
        while size < chars:
            words.append(self.random.choice(WORDS) + str(self.random.randrange(1000)))
            size += len(words[-1]) + 1
        return " ".join(words)[:chars]

    def add(self, chars: int = 2000) -> Page:
        """Add a page, and the message that shows it: a tool exchange each second time."""
        self._number += 1
        number = self._number
        self.turn += 1
        is_tool = number % 2 == 0
        texts: tuple[str, ...] = (self.text(chars),)
        if is_tool:
            texts = (f'{{"path": "src/module_{number}.py"}}', *texts)
        page = Page(
            id=f"read:src/module_{number}.py" if is_tool else f"user#{number}",
            type=PageType.EVIDENCE if is_tool else PageType.CONVERSATION,
            provenance=Provenance("tool" if is_tool else "user", f"call_{number}", self.turn),
            scope=RULES[PageType.EVIDENCE].scope,
            pin=RULES[PageType.EVIDENCE].pin,
            floor=RULES[PageType.EVIDENCE].floor,
            texts=texts,
            ladder=self.ladder(texts, chars),
            weight=1 + number % 90,
            recompute_cost=number % 7,
            is_tool=is_tool,
            label="read result" if is_tool else "user message",
            request=self.turn,
            is_given=number % 5 == 3,
            serial=number,
            inherited=number % 4 // 3,
            granted_by="user:owner" if number % 4 == 2 else "",
        )
        if is_tool:
            page.call = CallInfo(f"call_{number}", f"read {texts[0]}", f"src/module_{number}.py")
        self.enter(page)
        return page

    def ladder(self, texts: tuple[str, ...], chars: int) -> dict[Fidelity, PageForm]:
        kept = (None,) * (len(texts) - 1)
        zeros = (5,) * (len(texts) - 1)
        pointer = f"[clawvm://s/{self._number}@1 evidence, {chars} characters]"
        short = self.text(chars // 20)
        return {
            Fidelity.POINTER: PageForm((*kept, pointer), (*zeros, 10), 150),
            Fidelity.STRUCTURED: PageForm((*kept, short), (*zeros, 12 + chars // 80), 400),
            Fidelity.FULL: PageForm((None,) * len(texts), (*zeros, 40 + chars // 4), 1000),
        }

    def enter(self, page: Page) -> None:
        page.slot = self.table.put(
            page.id,
            [page.ladder[level].tokens if level in page.ladder else None for level in LEVELS],
            [page.ladder[level].quality if level in page.ladder else 1 for level in LEVELS],
            page.weight,
            page_type=page.type,
            pin=page.pin,
            floor=page.floor,
            digest=digest("\n\t\n".join(page.texts)),
            turn=self.turn,
        )
        page.version = self.table.version(page.slot)
        self.pages[page.slot] = page
        self.changed_pages.add(page.slot)
        self.show(page)

    def show(self, page: Page) -> None:
        owners = tuple((page.slot, part) for part in range(len(page.texts)))
        if page.call is None:
            message: dict[str, Any] = {"role": "user", "content": page.texts[0]}
        else:
            function = {"name": "read", "arguments": page.texts[0]}
            call = {"id": page.call.call_id, "type": "function", "function": function}
            message = {"role": "assistant", "tool_calls": [call], "result": page.texts[1]}
        page.position = len(self.rows)
        self.rows[page.position] = RowState(message, owners)
        self.changed_rows.add(page.position)

    def change(self, slot: int, chars: int = 2000) -> None:
        """Give a page another text."""
        page = self.pages[slot]
        self.turn += 1
        self.hide(page)
        page.texts = (*page.texts[:-1], self.text(chars))
        page.ladder = self.ladder(page.texts, chars)
        self.enter(page)

    def hide(self, page: Page) -> None:
        self.rows[page.position] = None
        self.changed_rows.add(page.position)

    def archive(self, slot: int) -> None:
        page = self.pages.pop(slot)
        self.table.remove(slot)
        self.hide(page)
        page.slot = -1
        self.archived.append(page)

    def scalars(self) -> dict[str, Any]:
        return {"turn": self.turn, "number": self._number, "shape": "openai"}

    def whole(self) -> StateDelta:
        slots = self.table.slots()
        return StateDelta(
            session_id="s",
            table=self.table.meta(),
            slots=slots,
            records=self.table.dump(slots),
            pages={slot: self.pages[slot] for slot in slots},
            archived=list(self.archived),
            rows=dict(sorted(self.rows.items())),
            row_count=len(self.rows),
            scalars=self.scalars(),
        )

    def settle(self) -> StateDelta:
        """Return what changed since the last call, and count it as unchanged from now on."""
        slots = [slot for slot in self.table.changed() if slot in self.pages]
        self.table.settle()
        delta = StateDelta(
            session_id="s",
            table=self.table.meta(),
            slots=slots,
            records=self.table.dump(slots),
            pages={slot: self.pages[slot] for slot in sorted(self.changed_pages & set(self.pages))},
            archived=self.archived[self.archived_before :],
            rows={position: self.rows[position] for position in sorted(self.changed_rows)},
            row_count=len(self.rows),
            scalars=self.scalars(),
        )
        self.archived_before = len(self.archived)
        self.changed_pages.clear()
        self.changed_rows.clear()
        return delta


def busy_session(core: ModuleType = _reference) -> SmallSession:
    """Return a session in which pages were changed, archived, selected and touched."""
    session = SmallSession(core)
    for _ in range(40):
        session.add(chars=600)
    for slot in (3, 30, 17, 4):
        session.archive(slot)
    session.change(9, chars=700)
    session.add(chars=90)
    session.table.select(2500, session.turn)
    session.table.touch(8, session.turn + 5)
    session.table.demand(8, 4)
    return session


def tiny_session(core: ModuleType = _reference) -> SmallSession:
    """Return a session of a few pages with something of everything in it, for golden files."""
    session = SmallSession(core)
    for _ in range(3):
        session.add(chars=90)
    session.archive(0)
    page = session.add(chars=70)
    page.texts = (page.texts[0], "naïve \ud83d lone " + page.texts[1])
    session.table.select(60, session.turn)
    return session
