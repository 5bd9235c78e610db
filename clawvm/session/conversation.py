"""Messages become pages: one page for each text, one for each tool call with its result.

A call and its result are one page and so are never split: they change level together, and when the
page shows nothing both leave the prompt. Messages wait until the next prompt is assembled; then
what has come since the last one is checked as a whole, mended where it is broken, and taken in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from ..errors import MessageInvalid
from ..messages import Envelope, Part, PartKind, Shape, parse, repair, shape_of, signature
from ..pages import CallInfo, Page, PageType, Pin, Provenance
from ..residency import PageKind, outdated_weight, superseded_weight
from .book import PageBook, handle_of
from .calls import Calls
from .exchange import Entry, Exchange
from .ladders import LadderMaker, Made
from .layout import Layout, Owner
from .prompt import ToolCall
from .tools import call_target, file_of, tool_kind

__all__ = ["Conversation", "Origin", "RepairMode"]

Message = dict[str, Any]
Origin = Literal["instructions", "attachment"]
RepairMode = Literal["repair", "refuse"]

# Ids stand in handles and in sorted output: no white space, no control characters, no '@' (it sets
# off the version).
_NOT_IN_ID = re.compile(r"[\s\x00-\x1f\x7f@\ud800-\udfff]+")
_ID_CHARS_MAX = 80
# The end of a path says more than its beginning, and every character of an id is paid for in
# pointers.
_SUBJECT_CHARS_MAX = 40


class Conversation:
    """Turns messages into pages and puts them into the layout.

    Not safe for use by several threads at once.
    """

    def __init__(
        self,
        book: PageBook,
        layout: Layout,
        ladders: LadderMaker,
        mode: RepairMode,
        shape: Shape | None,
    ) -> None:
        self.shape: Shape | None = shape
        self.tail: dict[str, Page] = {}
        self.repairs: list[str] = []
        self.entered: list[Entry] = []
        self._book = book
        self._layout = layout
        self._ladders = ladders
        self._mode: RepairMode = mode
        self._waiting: list[tuple[Message, Origin | None]] = []
        self._shape_seen = shape is not None
        ladders.shape = shape or "openai"
        self._calls = Calls()
        self._taken_count = 0
        self._replying = False
        self._has_user = False
        self._turn = 0
        self._repeated: list[Exchange] = []
        self._outdated: list[Page] = []
        # For undoing: the pages made since the last prompt.
        self._made: list[Page] = []

    # Waiting

    @property
    def waiting(self) -> list[Message]:
        """The messages that wait for the next prompt."""
        return [message for message, _ in self._waiting]

    def add(self, message: Message, origin: Origin | None) -> Envelope:
        """Check one message and keep it until the next prompt."""
        known = shape_of(message)
        if known is not None and known != self.shape:
            if self._shape_seen:
                raise MessageInvalid(
                    f"expected a message in the {self.shape} format like those before it, found "
                    f"one in the {known} format; keep to one format within a session"
                )
            self.shape = known
            self._layout.set_shape(known)
            self._ladders.shape = known
        self._shape_seen = self._shape_seen or known is not None
        envelope = parse(message, self.shape or "openai")
        self._waiting.append((message, origin))
        return envelope

    def add_result(self, call_id: str, text: str, is_error: bool) -> None:
        """Keep a tool result, given as text, until the next prompt."""
        if self.shape != "anthropic":
            self.add({"role": "tool", "tool_call_id": call_id, "content": text}, None)
            return
        block: Message = {"type": "tool_result", "tool_use_id": call_id, "content": text}
        if is_error:
            block["is_error"] = True
        last, origin = self._waiting[-1] if self._waiting else ({}, None)
        if last.get("role") == "user" and _is_results(last.get("content")):
            # Anthropic wants all results of a reply in one message.
            self._waiting[-1] = ({**last, "content": [*last["content"], block]}, origin)
        else:
            self.add({"role": "user", "content": [block]}, None)

    def take_in(self, turn: int) -> list[Exchange]:
        """Turn the waiting messages into pages.

        Returns
        -------
        list of Exchange
            Those that repeat an earlier call, with their results.

        Raises
        ------
        MessageInvalid
            When they are broken and the session refuses that.
        ClawVMError
            What a builder, a counter or the store raised. In either case no page has been made and
            the messages go on waiting.
        """
        self._layout.show_restored()
        if turn != self._turn:
            self._turn = turn
            self.entered = []
        if not self._waiting:
            return []
        mended, findings = self._mended()
        self._repeated = []
        self._outdated = []
        self._made = []
        self._calls.begin()
        before = (self.tail.copy(), len(self.entered), self._replying, self._has_user)
        taken = False
        try:
            self._take(mended, turn)
            taken = True
        finally:
            self._calls.end()
            if not taken:
                self._roll_back(*before)
        self._weigh_anew()
        self.repairs.extend(findings)
        self._calls.ids.update(
            entry.call_id for entry in self.entered if entry.call_id and entry.kind is PartKind.CALL
        )
        self._taken_count += len(self._waiting)
        self._waiting.clear()
        return self._repeated

    def _take(self, messages: list[Message], turn: int) -> None:
        origins = {id(message): origin for message, origin in self._waiting}
        envelopes = [parse(message, self.shape or "openai") for message in messages]
        self._ladders.counts.count_ahead(part.text for one in envelopes for part in one.parts)
        for message, envelope in zip(messages, envelopes, strict=True):
            if envelope.role == "assistant":
                self._take_reply(envelope, turn)
            else:
                self._take_input(envelope, turn, origins.get(id(message)))

    def _weigh_anew(self) -> None:
        """Lower the worth of what calls have repeated, read again or changed."""
        superseded = set()
        for exchange in self._repeated:
            if exchange.earlier is not None and exchange.earlier.slot >= 0:
                superseded.add(exchange.earlier.slot)
                weight = superseded_weight(exchange.earlier.weight)
                self._book.reweigh(exchange.earlier, weight)
        for page in self._outdated:
            if page.slot >= 0 and page.slot not in superseded:
                self._book.reweigh(page, outdated_weight(page.weight))

    def _roll_back(
        self, tail: dict[str, Page], entered: int, replying: bool, has_user: bool
    ) -> None:
        """Undo what was taken in before something raised, so that it can be taken in again."""
        self.tail, self._replying, self._has_user = tail, replying, has_user
        del self.entered[entered:]
        self._calls.roll_back()
        for page in self._made:
            self._layout.remove(page)
            self._book.discard(page)

    def _mended(self) -> tuple[list[Message], list[str]]:
        messages = [message for message, _ in self._waiting]
        mended, report = repair(messages, self.shape or "openai", self._mode, taken=self._calls.ids)
        # A finding counts from the first of these messages, a reader from the first there was.
        before = self._taken_count
        findings = (replace(found, message=before + found.message) for found in report.findings)
        return mended, [str(finding) for finding in findings]

    def last_equal(self, call: ToolCall) -> Page | None:
        """Return the page of the last call with the same name and arguments."""
        return self._calls.last_equal(signature(call.name, call.arguments))

    def forget(self) -> None:
        """Drop what is known of past calls: the conversation is over."""
        self._calls.forget()
        self.tail = {}
        self._replying = False
        self._has_user = False

    # Saving

    def saved(self) -> dict[str, Any]:
        """Return what pages and messages do not tell of the conversation."""
        return {
            "shape": self.shape,
            "shape_seen": self._shape_seen,
            "tail": list(self.tail),
            "repairs": self.repairs,
            "entered": [[entry.kind.value, *entry[1:]] for entry in self.entered],
            "waiting": [[message, origin] for message, origin in self._waiting],
            "taken": self._taken_count,
            "replying": self._replying,
            "has_user": self._has_user,
            "turn": self._turn,
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a saved conversation, whose pages are in the book."""
        self.shape = saved["shape"]
        self._ladders.shape = self.shape or "openai"
        self._shape_seen = saved["shape_seen"]
        live = self._book.live
        self.tail = {page_id: live[page_id] for page_id in saved["tail"] if page_id in live}
        self.repairs = list(saved["repairs"])
        self.entered = [Entry(PartKind(kind), *rest) for kind, *rest in saved["entered"]]
        self._waiting = [(message, origin) for message, origin in saved["waiting"]]
        self._taken_count = saved["taken"]
        self._replying = saved["replying"]
        self._has_user = saved["has_user"]
        self._turn = saved["turn"]
        self._calls.restore(live.values())

    # What the model wrote

    def _take_reply(self, envelope: Envelope, turn: int) -> None:
        if not self._replying:
            self.tail = {}
        self._replying = True
        position = self._layout.next_position
        grouped: dict[str, list[Part]] = {}
        for part in envelope.parts:
            if part.kind is PartKind.OPAQUE and part.call_id is not None:
                grouped.setdefault(part.call_id, []).append(part)
        owners: list[Owner] = []
        pages: dict[str, Page] = {}
        for part in envelope.parts:
            group = grouped.get(part.call_id or "") if part.kind is PartKind.OPAQUE else None
            if group is not None and part.call_id is not None:
                # A call that the provider ran itself stays together with the answer beside it.
                page = pages.get(part.call_id) or self._whole_page(group, position, turn)
                pages[part.call_id] = page
                owners.append(Owner(page, next(i for i, one in enumerate(group) if one is part)))
            elif part.kind is PartKind.CALL:
                owners.append(Owner(self._open_call(part, position, turn), 0))
            else:
                page = self._text_page(
                    part, PageType.CONVERSATION, PageKind.OWN_TEXT, envelope.role, position, turn
                )
                owners.append(Owner(page, 0))
        self._place(envelope, owners)

    def _whole_page(self, parts: list[Part], position: int, turn: int) -> Page:
        name = parts[0].name or "provider-tool"
        return self._define(
            name,
            PageType.EVIDENCE,
            tuple(part.text for part in parts),
            self._ladders.whole(parts, PageKind.OTHER_RESULT),
            Provenance("tool", parts[0].call_id or f"message {position}", turn),
            turn,
            "provider tool",
        )

    def _open_call(self, call: Part, position: int, turn: int) -> Page:
        name = call.name or "tool"
        tool = tool_kind(name)
        arguments = "" if call.arguments is None else call.arguments
        target = call_target(arguments)
        page = self._define(
            f"{name}:{(target or _first_text(arguments))[-_SUBJECT_CHARS_MAX:]}",
            PageType.EVIDENCE,
            (call.text,),
            self._ladders.whole([call], tool.call),
            Provenance("tool", call.call_id or f"message {position}", turn),
            turn,
            tool.label,
            recompute_cost=tool.recompute_cost,
            is_tool=True,
        )
        page.call = CallInfo(call.call_id, signature(name, arguments), target)
        self._calls.opened(call, page.call, page, tool, self._book.table.level)
        if target is not None:
            # A call that names a file or address is a use of every page that came from it.
            for user in self._calls.users_of(target, page):
                self._book.table.touch(user.slot, turn)
        file = file_of(tool, target, call.text)
        if file is not None:
            self._outdated += self._calls.outdated_by(file, page, tool)
        return page

    # What arrived

    def _take_input(self, envelope: Envelope, turn: int, origin: Origin | None) -> None:
        self._replying = False
        position = self._layout.next_position
        owners: list[Owner] = []
        for part in envelope.parts:
            exchange = None
            if part.kind is PartKind.RESULT:
                exchange = self._calls.answered(part)
            if exchange is not None:
                self._answer(exchange, part, turn)
                owners.append(Owner(exchange.page, 1))
            else:
                page_type, kind = _input_type(envelope.role, origin)
                page = self._text_page(part, page_type, kind, envelope.role, position, turn)
                owners.append(Owner(page, 0))
        self._place(envelope, owners)

    def _answer(self, exchange: Exchange, result: Part, turn: int) -> None:
        page, tool = exchange.page, exchange.tool
        handle = handle_of(self._book.session_id, page.id, page.version + 1)
        self._book.define(
            page.id,
            PageType.EVIDENCE,
            (exchange.call.text, result.text),
            self._ladders.exchange(exchange.call, result, tool, handle),
            page.provenance,
            turn,
            label=tool.label,
            recompute_cost=tool.recompute_cost,
            is_tool=True,
        )
        earlier = exchange.earlier
        if earlier is not None:
            self._repeated.append(exchange)

    def _text_page(
        self, part: Part, page_type: PageType, kind: PageKind, role: str, position: int, turn: int
    ) -> Page:
        base = role if part.kind is PartKind.TEXT else f"{role}-{part.place[0]}"
        first_user = role == "user" and not self._has_user and page_type is PageType.CONVERSATION
        self._has_user = self._has_user or first_user
        page_id = self._book.free_id(base)
        handle = handle_of(self._book.session_id, page_id, 1)
        source = {"assistant": "model", "user": "user"}.get(role, "harness")
        page = self._book.define(
            page_id,
            page_type,
            (part.text,),
            self._ladders.text(part, page_type, kind, handle, role),
            Provenance(source, f"message {position}", turn),
            turn,
            label=kind.label,
            # What the user asked for first is what everything after it is about.
            pin=Pin.HARD if first_user else None,
        )
        self._made.append(page)
        return page

    # Both

    def _define(
        self,
        base: str,
        page_type: PageType,
        texts: tuple[str, ...],
        made: Made,
        provenance: Provenance,
        turn: int,
        label: str,
        *,
        recompute_cost: int = 0,
        is_tool: bool = False,
    ) -> Page:
        page_id = self._book.free_id(_NOT_IN_ID.sub("-", base)[:_ID_CHARS_MAX])
        page = self._book.define(
            page_id,
            page_type,
            texts,
            made,
            provenance,
            turn,
            label=label,
            recompute_cost=recompute_cost,
            is_tool=is_tool,
        )
        self._made.append(page)
        return page

    def _place(self, envelope: Envelope, owners: list[Owner]) -> None:
        position = self._layout.append(envelope, owners)
        for part, (page, number) in zip(envelope.parts, owners, strict=True):
            if page.position < 0:
                page.position = position
            self.tail[page.id] = page
            self.entered.append(Entry(part.kind, part.call_id, page.id, number))


def _is_results(content: object) -> bool:
    return isinstance(content, list) and all(
        isinstance(block, dict) and block.get("type") == "tool_result" for block in content
    )


def _input_type(role: str, origin: Origin | None) -> tuple[PageType, PageKind]:
    if role in ("system", "developer"):
        return PageType.BOOTSTRAP, PageKind.SYSTEM
    if origin == "instructions":
        return PageType.BOOTSTRAP, PageKind.INSTRUCTIONS
    if origin == "attachment":
        return PageType.CONVERSATION, PageKind.ATTACHMENT
    return PageType.CONVERSATION, PageKind.USER


def _first_text(arguments: Mapping[str, Any] | str) -> str:
    """Return the first text among the arguments, for an id that a reader can place."""
    if isinstance(arguments, str):
        return arguments.strip().split("\n", 1)[0]
    texts = (value for value in arguments.values() if isinstance(value, str) and value.strip())
    return next(texts, "").strip().split("\n", 1)[0]
