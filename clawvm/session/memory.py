"""Memory: what an agent knows, and the part of it that the next prompt shows (paper, section 6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from ..errors import BudgetInvalid, OptionUnknown, PageInvalid, SessionClosed
from ..faults import FaultKind, FaultObserver
from ..messages import Envelope, Part, PartKind, Shape
from ..pages import LEVELS, Fidelity, Page, PageType, Pin, Provenance, Scope
from ..representations import Builders, Form
from ..residency import Plan, Policy, policy_named
from ..tokens import CountMemo, TokenCounter, best_counter
from ..tokens import counter as counter_of
from .assembler import Assembler, OnInfeasible
from .book import PageBook
from .conversation import Conversation, Origin, RepairMode
from .exchange import Entry
from .explain import explain
from .given import GivenPages, Terms
from .ladders import LadderMaker
from .layout import Layout
from .prompt import Prompt, ToolCall
from .repetition import fault_of
from .replies import message_of
from .saved import SessionParts

__all__ = ["SURVIVES_RESET", "Memory", "MemoryOptions", "Message", "check_option"]

Message = dict[str, Any]

_SESSION_ID = re.compile(r"[^/@%\s\x00-\x1f\x7f]+")
_BUDGET_MAX = (1 << 63) - 1  # what the selector can count
# What a reset leaves: rules and preferences hold for the next conversation, the rest belongs to the
# last.
SURVIVES_RESET = (PageType.BOOTSTRAP, PageType.CONSTRAINT, PageType.PREFERENCE)


class MemoryOptions(TypedDict, total=False):
    """What a `Memory` can be told beside its name and budget."""

    counter: str | Callable[[str], int] | TokenCounter | None
    policy: str | Policy
    shape: Shape | None
    repair: RepairMode
    on_infeasible: OnInfeasible
    builders: Builders | None
    same_result: Callable[[str, str], bool]


class Memory:
    """What a session holds in this process: pages, their levels, the conversation.

    `Session` adds what outlives the process.

    Parameters
    ----------
    session_id : str
        Names the session in handles.
    budget : int
        Most that a prompt may cost, in tokens, everything included.
    counter : str, callable or TokenCounter, optional
        Counts tokens: an encoding (``"o200k_base"``), a model, ``"approximate"``, or your own
        function. By default the best at hand without a network; ``session.counter.name`` tells
        which.
    policy : str or Policy, optional
        ``"clawvm"`` or ``"paper"``, or a policy object.
    shape : {"openai", "anthropic"}, optional
        The format of the messages; by default that of the first message that can only be one of
        them.
    repair : {"repair", "refuse"}, optional
        What happens to a broken history (a result without its call, a call without result): it is
        mended and noted in `repairs`, or `MessageInvalid` is raised.
    on_infeasible : {"raise", "report"}, optional
        What `assemble` does when the floor does not fit: raise `BudgetInfeasible`, or return a
        prompt without messages whose plan says what is missing.
    builders : Builders, optional
        Plug-in builders of cheaper representations.
    same_result : callable, optional
        Whether two results of equal calls say the same, by default whether the texts are equal; for
        tools whose results carry a time or a run number.

    Raises
    ------
    BudgetInvalid
        When the budget is not a positive whole number.
    PolicyUnknown
        When no policy has that name.
    OptionUnknown
        When `shape`, `repair` or `on_infeasible` is none of its words.
    TokenizerUnavailable
        When the counter is asked for by name and its vocabulary is not at hand.

    Notes
    -----
    Thread safety: one thread at a time uses a session; different sessions are independent.
    """

    def __init__(
        self,
        session_id: str = "session",
        *,
        budget: int,
        counter: str | Callable[[str], int] | TokenCounter | None = None,
        policy: str | Policy = "clawvm",
        shape: Shape | None = None,
        repair: RepairMode = "repair",
        on_infeasible: OnInfeasible = "raise",
        builders: Builders | None = None,
        same_result: Callable[[str, str], bool] = str.__eq__,
    ) -> None:
        if not _SESSION_ID.fullmatch(session_id):
            raise PageInvalid(
                "a session id is a text without '/', '@', '%' and white space, found "
                f"{session_id!r}; it stands in handles"
            )
        check_option("shape", shape, (None, "openai", "anthropic"))
        check_option("repair", repair, ("repair", "refuse"))
        check_option("on_infeasible", on_infeasible, ("raise", "report"))
        self.session_id = session_id
        self.budget = budget
        self.counter = best_counter() if counter is None else counter_of(counter)
        self.faults = FaultObserver()
        self._same_result = same_result
        # One that is shared by several sessions counts for all of them.
        counts = self.counter if isinstance(self.counter, CountMemo) else CountMemo(self.counter)
        self._book = PageBook(session_id, counts.digest)
        self._ladders = LadderMaker(counts, builders)
        self._layout = Layout(self._book.by_slot)
        self._conversation = Conversation(self._book, self._layout, self._ladders, repair, shape)
        chosen = policy_named(policy) if isinstance(policy, str) else policy
        self._assembler = Assembler(
            self._book, self._layout, self.faults, chosen, on_infeasible, self._on_epoch
        )
        self._parts = SessionParts(
            self._book, self._layout, self._conversation, self._assembler, self.faults
        )
        self._given = GivenPages(self._book, self._layout, self._ladders)
        self._closed = False

    @property
    def budget(self) -> int:
        """Most that a prompt may cost, in tokens; a new value holds from the next prompt on."""
        return self._budget

    @budget.setter
    def budget(self, tokens: int) -> None:
        whole = isinstance(tokens, int) and not isinstance(tokens, bool)
        if not whole or not 0 < tokens <= _BUDGET_MAX:
            raise BudgetInvalid(
                f"a budget is a whole number of tokens above 0, at most {_BUDGET_MAX}, "
                f"found {tokens!r}"
            )
        self._budget = tokens

    # Taking in

    def put(
        self,
        page_id: str,
        page_type: PageType,
        text: str,
        *,
        provenance: Provenance | None = None,
        scope: Scope | None = None,
        pin: Pin | None = None,
        floor: Fidelity | None = None,
        utility: int | None = None,
        recompute_cost: int = 0,
        forms: Mapping[Fidelity, Form] | None = None,
        granted_by: str = "",
    ) -> Page:
        """Make a page that is no message, or give it a new content.

        It stands in the prompt where it was first put: before the first message among the system
        messages, later between the messages. Bootstrap and constraint pages stay where they are
        when their content changes; any other page moves to the end, so that a page that changes
        often does not cost the cached prompt again each time. Putting what is already there costs
        nothing.

        Parameters
        ----------
        page_id : str
            Unique in the session, at most 512 bytes of UTF-8.
        page_type : PageType
            Which of the six.
        text : str
            The full text; a blank one shows nothing.
        provenance : Provenance, optional
            The event that it came from; by default this call of the harness.
        scope, pin, floor : optional
            By default what Table 1 of the paper gives the type.
        utility : int, optional
            Base utility of the full page, 1..16,777,216; by default from type and size.
        recompute_cost : int, optional
            What it takes to make it again, in arbitrary units; the paper's policy reads it.
        forms : mapping of Fidelity to Form, optional
            Cheaper forms of your own, for instance a summary; the built-in ones are not made then.
            A form that is blank or saves nothing is left out.
        granted_by : str, optional
            Who allows a text that a tool or a document brought (`provenance`) to become a
            bootstrap, constraint or preference page: without a grant it does not.

        Raises
        ------
        PageInvalid, LimitExceeded
            When an argument is out of its range, or the id belongs to a page that was made from a
            message or archived by a reset; nothing has changed then.
        SessionClosed
            After `close`.
        """
        self._check_open()
        terms = Terms(provenance, scope, pin, floor, utility, recompute_cost, granted_by)
        return self._given.put(
            page_id,
            page_type,
            text,
            terms,
            forms,
            turn=self._assembler.turn + 1,
            shape=self._conversation.shape,
        )

    def add(self, message: Message, *, origin: Origin | None = None) -> None:
        """Take in one message of either chat format; its pages are made at the next `assemble`.

        Parameters
        ----------
        message : dict
            Kept, not copied, and never changed; do not change it either.
        origin : {"instructions", "attachment"}, optional
            For a user message that the harness made: instructions for the agent (kept as bootstrap
            pages), or something attached to the conversation.

        Raises
        ------
        MessageInvalid
            When it is of no known format, or of another one than the messages before it.
        SessionClosed
            After `close`.
        """
        self._check_open()
        self._conversation.add(message, origin)

    def extend(self, messages: Iterable[Message]) -> None:
        """Take in several messages, in order."""
        for message in messages:
            self.add(message)

    def add_result(self, call: ToolCall | str, text: str, *, is_error: bool = False) -> None:
        """Take in the result of a call as text.

        Parameters
        ----------
        call : ToolCall or str
            What `post_model` returned, or the call's id.
        text : str
            What the tool answered.
        is_error : bool, optional
            Whether it failed.
        """
        self._check_open()
        call_id = call if isinstance(call, str) else call.id
        self._conversation.add_result(call_id, text, is_error)

    # Using

    def touch(self, page_id: str) -> None:
        """Note that a page was used: it counts as recent again.

        Raises
        ------
        PageNotFound
            When no live page has this id.
        """
        self._check_open()
        page = self._book.get(page_id)
        self._book.table.touch(page.slot, self._assembler.turn)
        if self._book.table.level(page.slot):
            self.faults.hit()

    def pin(self, page_id: str, pin: Pin = Pin.HARD, floor: Fidelity | None = None) -> None:
        """Set how strongly a page holds its floor, and the floor if one is given.

        Raises
        ------
        PageNotFound
            When no live page has this id.
        PageInvalid
            When there is no such pin or level; nothing has changed then.
        """
        self._check_open()
        page = self._book.get(page_id)
        self._book.pin(page, pin, page.floor if floor is None else floor)

    def demand(self, page_id: str, level: Fidelity = Fidelity.FULL) -> None:
        """Require a page at `level` or better in the next prompt.

        Raises
        ------
        PageNotFound
            When no live page has this id.
        PageInvalid
            When there is no such level.
        """
        self._check_open()
        page = self._book.get(page_id)
        if level not in LEVELS:
            raise PageInvalid(
                f"page {page_id!r}: a demanded level is a Fidelity, 0 to 4, found {level!r}"
            )
        if self._book.table.level(page.slot) >= level:
            self.faults.hit()
        demands = self._assembler.demands
        demands[page.slot] = max(level, demands.get(page.slot, Fidelity.NONE))
        self._book.table.touch(page.slot, self._assembler.turn)

    # A turn

    def assemble(self) -> Prompt:
        """Decide what is resident and build the prompt of the next request.

        Returns
        -------
        Prompt

        Raises
        ------
        BudgetInfeasible
            When the floor does not fit, before anything has moved, unless the session reports
            instead.
        SessionClosed
            After `close`.
        """
        self._check_open()
        self._take_in()
        return self._decide()

    def post_model(self, reply: object) -> list[ToolCall]:
        """Take in what the model answered and return the calls it wants run.

        Parameters
        ----------
        reply : object
            An assistant message, or a response of OpenAI's or Anthropic's SDK, as object or dict.

        Raises
        ------
        MessageInvalid
            When no assistant message is in it.
        """
        self._check_open()
        envelope: Envelope = self._conversation.add(message_of(reply), None)
        return [
            ToolCall(part.call_id or "", part.name or "", part.arguments or "")
            for part in envelope.parts
            if part.kind is PartKind.CALL
        ]

    # Looking

    def explain(self, page_id: str) -> str:
        """Say why a page is at its level in the last plan, with the figures behind it.

        Raises
        ------
        PageNotFound
            When no live page has this id.
        """
        page = self._book.get(page_id)
        plan = None if page.slot in self._book.fresh else self.plan
        return explain(page, self._book, plan, self.turn)

    def page(self, page_id: str) -> Page:
        """Return a live page; it is the session's own, not a copy.

        Raises
        ------
        PageNotFound
            When no live page has this id.
        """
        return self._book.get(page_id)

    def pages(self) -> list[Page]:
        """List the live pages in the order in which they were made."""
        return list(self._book.live.values())

    def messages(self) -> list[Message]:
        """Return every message of the session as it was given, whatever the prompt shows of it.

        Those that still wait for the next prompt are the last; those of a conversation that a reset
        has ended are not part of it.
        """
        return [*self._layout.originals(), *self._conversation.waiting]

    def level(self, page_id: str) -> Fidelity:
        """Return a page's level in the last plan; ``NONE`` for one that is archived or unknown."""
        page = self._book.live.get(page_id)
        return Fidelity.NONE if page is None else LEVELS[self._book.table.level(page.slot)]

    @property
    def plan(self) -> Plan | None:
        """What was decided for the last prompt; None before the first."""
        return self._assembler.plan

    @property
    def policy(self) -> Policy:
        """What decides residency."""
        return self._assembler.policy

    @property
    def turn(self) -> int:
        """How many prompts have been assembled."""
        return self._assembler.turn

    @property
    def work(self) -> dict[str, int]:
        """Work that the page table has done in this process, in counts that no clock moves.

        With the same back end the same calls give the same counts in every run, but for ``probes``,
        which follow Python's seed of hashes.
        """
        return self._book.table.stats

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was mended in the history so far, a sentence each."""
        return tuple(self._conversation.repairs)

    @property
    def shape(self) -> Shape | None:
        """The format of the messages; None as long as none has told."""
        return self._conversation.shape

    @property
    def entered(self) -> tuple[Entry, ...]:
        """The parts of messages that came in with the last prompt, in order, and where they are."""
        return tuple(self._conversation.entered)

    # What others add to

    def _on_epoch(self) -> None:
        """Do what is due when pages give way, before the prompt is rendered."""

    def _was_run(self, call: Part) -> bool:
        """Whether a call was run, rather than answered by ourselves."""
        return True

    def _is_catalogued(self, page: Page) -> bool:
        """Whether the prompt has told the model how to get at a page that it does not show."""
        return False

    # Inner workings

    def _decide(self) -> Prompt:
        """Assemble the prompt from what has been taken in."""
        tail = [page.slot for page in self._conversation.tail.values() if page.slot >= 0]
        return self._assembler.assemble(self._budget, tail, self._conversation.shape)

    def _check_open(self) -> None:
        if self._closed:
            raise SessionClosed(f"session {self.session_id!r} is closed; open a new one")

    def _end_conversation(self) -> None:
        """Archive all pages but rules and preferences; the next prompt begins a conversation."""
        self._take_in()
        self._conversation.forget()
        for page in list(self._book.live.values()):
            if page.type not in SURVIVES_RESET:
                self._layout.remove(page)
                self._assembler.forget(page)
                self._book.archive(page)

    def _take_in(self) -> None:
        """Turn waiting messages into pages; judge each call that repeats an earlier one."""
        for exchange in self._conversation.take_in(self._assembler.turn + 1):
            kind = fault_of(exchange, self._same_result)
            if kind is None or exchange.earlier is None:
                continue
            if not self._was_run(exchange.call):
                continue
            hidden = exchange.earlier_level is Fidelity.NONE
            if hidden and self._is_catalogued(exchange.earlier):
                continue  # one recall away, as if a line of the prompt pointed to it
            self.faults.record(
                kind,
                exchange.earlier.id,
                self._assembler.turn + 1,
                f"{exchange.page.id} repeats it with the same result; it was at "
                f"{exchange.earlier_level.name.lower()} when the call was made",
            )
            if kind is FaultKind.DUPLICATE_SIGNATURE:
                self.faults.hit()


def check_option(name: str, value: object, known: tuple[object, ...]) -> None:
    """Raise `OptionUnknown` when an option that takes one of a few words was given another."""
    if value not in known:
        raise OptionUnknown(f"{name} is one of {', '.join(map(repr, known))}, found {value!r}")
