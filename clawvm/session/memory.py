"""Memory: what an agent knows, and the part of it that the next prompt shows (paper, section 6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from ..errors import BudgetInvalid, OptionUnknown, PageInvalid, SessionClosed
from ..faults import FaultKind, FaultObserver
from ..messages import Envelope, PartKind, Shape
from ..pages import LEVELS, Fidelity, Page, PageType, Pin, Provenance, Scope
from ..representations import Builders, Form
from ..residency import Plan, Policy, policy_named
from ..tokens import CountMemo, TokenCounter, best_counter, counter
from .assembler import Assembler, OnInfeasible
from .book import PageBook, handle_of
from .catalogue import CATALOGUE_ID, catalogue_text
from .conversation import Conversation, Origin, RepairMode
from .exchange import Entry
from .explain import explain
from .given import GivenPages, Terms
from .ladders import LadderMaker
from .layout import Layout
from .prompt import Prompt, ToolCall
from .recall import Recall, RecallOutcome, look_up
from .recall_tool import RECALL_TOOL, answer, definition
from .repetition import fault_of
from .replies import message_of
from .reuse import Reuse, SourceCheck
from .saved import SessionParts
from .search import Match, search

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
    reuse: Mapping[str, SourceCheck] | None


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
    reuse : mapping of str to callable, optional
        By name, the tools that are free of side effects, each with a check of what it reads
        (`file_source` for files): a repeated call whose source has not changed is answered from
        memory, see `tool_execute`.

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
        reuse: Mapping[str, SourceCheck] | None = None,
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
        self.counter = best_counter() if counter is None else _counter(counter)
        self.faults = FaultObserver()
        self._same_result = same_result
        self._book = PageBook(session_id)
        self._ladders = LadderMaker(CountMemo(self.counter).count, builders)
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
        self._reuse = Reuse(reuse or {})
        self._offers_recall = False
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
        self._reuse.arrived(call_id, is_error=is_error)

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

    def recall(self, name: str, version: int | None = None, *, show: bool = False) -> Recall:
        """Look a page's exact text up.

        Parameters
        ----------
        name : str
            A page id, or a handle (``clawvm://SESSION/PAGE@VERSION``).
        version : int, optional
            Which content, from 1; by default the newest.
        show : bool, optional
            Also put the text at the end of the next prompt, where it leaves what the provider has
            cached of the prompt valid.

        Returns
        -------
        Recall
            Found, or why not: no match, denied (another session's handle), stale (only a newer
            version is left), backend error. Never an unexplained nothing: a lookup that was denied
            or failed counts as a silent-recall fault, because a reader who looks at the text alone
            would take it for one.
        """
        self._check_open()
        recall = look_up(self._book, name, version, self._older_text)
        page = self._book.live.get(recall.page_id)
        if recall.found and page is not None:
            self._book.table.touch(page.slot, self._assembler.turn)
        if recall.outcome in (RecallOutcome.DENIED, RecallOutcome.BACKEND_ERROR):
            self.faults.record(
                FaultKind.SILENT_RECALL,
                recall.page_id,
                self._assembler.turn,
                f"{recall.outcome.value}: {recall.reason}",
            )
        if show and recall.text is not None:
            self._show_again(recall)
        return recall

    def search(self, query: str, page_type: PageType | None = None) -> list[Match]:
        """Find pages, archived ones too, whose id and text have every word of `query`.

        Parameters
        ----------
        query : str
            Words, in any case.
        page_type : PageType, optional
            Only pages of this type.

        Returns
        -------
        list of Match
            At most 20: pages whose id has all the words first, then the newest first.
        """
        self._check_open()
        return search(self._book, query, page_type)

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
        tail = [page.slot for page in self._conversation.tail.values() if page.slot >= 0]
        return self._assembler.assemble(self._budget, tail, self._conversation.shape)

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

    @property
    def tools(self) -> list[dict[str, Any]]:
        """Definitions of the tools that the session executes itself, in the session's format.

        A model that is offered `clawvm_recall` is also told what there is to recall: from now on
        the catalogue page sums up what the prompt does not show.
        """
        self._check_open()
        if not self._offers_recall:
            self._offers_recall = True
            self._put_catalogue("")
        return [definition(self._conversation.shape or "openai")]

    def tool_execute(self, call: ToolCall) -> str | None:
        """Ask, before a call is run, for a result that is known already.

        A call of `clawvm_recall` is answered here. A call that repeats an earlier one is answered
        with the earlier result, if its tool was declared free of side effects (`reuse`) and what it
        reads was the same before the earlier call, after it, and is now. In all other cases the
        call must be run; an equal result is then stored once.

        Returns
        -------
        str or None
            The result to give to `add_result`; None: run the call.
        """
        self._check_open()
        if call.name == RECALL_TOOL:
            return answer(call, self._book, self.recall)[0]
        earlier = self._conversation.last_equal(call)
        answered = earlier is not None and len(earlier.texts) == 2
        earlier_id = earlier.call.call_id if earlier is not None and earlier.call else None
        if not self._reuse.may_stand(call, earlier_id if answered else None) or earlier is None:
            return None
        self.faults.hit()
        self._book.table.touch(earlier.slot, self._assembler.turn)
        return earlier.texts[1]

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
        return explain(page, self._book.live.values(), self._book.table, plan, self.turn)

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

    # What a session adds to

    def _older_text(self, page_id: str, version: int) -> str | None:
        """Return the text of a version that is not in memory; there is none without a store."""
        return None

    def _on_epoch(self) -> None:
        """Sum up what is not shown any more."""
        if self._offers_recall:
            self._put_catalogue(catalogue_text(self._book))

    # Inner workings

    def _check_open(self) -> None:
        if self._closed:
            raise SessionClosed(f"session {self.session_id!r} is closed; open a new one")

    def _end_conversation(self) -> None:
        """Archive all pages but rules and preferences; the next prompt begins a conversation."""
        self._take_in()
        self._conversation.forget()
        self._reuse.forget()
        for page in list(self._book.live.values()):
            if page.type not in SURVIVES_RESET:
                self._layout.remove(page)
                self._assembler.forget(page)
                self._book.archive(page)
        if self._offers_recall:
            self._put_catalogue(catalogue_text(self._book))

    def _put_catalogue(self, text: str) -> None:
        """Change the catalogue page, if the new text fits."""
        old = self._book.live.get(CATALOGUE_ID)
        spare = self._budget - self._book.table.used_tokens
        more = self._ladders.tokens(text) - (0 if old is None else old.tokens(Fidelity.FULL))
        if old is not None and (old.texts == (text,) or more > spare):
            return
        terms = Terms(Provenance("clawvm", "catalogue"), Scope.SESSION, None, None, None, 0)
        self._given.put(
            CATALOGUE_ID,
            PageType.BOOTSTRAP,
            text,
            terms,
            {},
            turn=self._assembler.turn + 1,
            shape=self._conversation.shape,
        )

    def _show_again(self, recall: Recall) -> None:
        page_id = f"recall:{recall.page_id}@{recall.version}"
        handle = handle_of(self.session_id, recall.page_id, recall.version)
        if page_id in self._book.archived:
            page_id = self._book.free_id(page_id)
        self._given.put(
            page_id,
            PageType.EVIDENCE,
            recall.text or "",
            Terms(Provenance("recall", handle), None, None, None, None, 0),
            None,
            turn=self._assembler.turn + 1,
            shape=self._conversation.shape,
        )
        self.demand(page_id)

    def _take_in(self) -> None:
        """Turn waiting messages into pages; judge each call that repeats an earlier one."""
        for exchange in self._conversation.take_in(self._assembler.turn + 1):
            kind = fault_of(exchange, self._same_result)
            if kind is None or exchange.earlier is None:
                continue
            if self._reuse.was_answered(exchange.call.call_id) or exchange.call.name == RECALL_TOOL:
                # It was never run.
                continue
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


def _counter(spec: str | Callable[[str], int] | TokenCounter) -> TokenCounter:
    # The parameter of Session has the function's name.
    return counter(spec)
