"""What a memory gives back: by name, by search, to the model, and instead of a repeated call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from ..faults import FaultKind
from ..messages import Part
from ..pages import Fidelity, Page, PageType, Provenance, Scope
from .book import handle_of
from .catalogue import CATALOGUE_ID, NOTHING_HIDDEN, catalogue_text
from .given import Terms
from .memory import Memory, MemoryOptions
from .prompt import ToolCall
from .recall import Recall, RecallOutcome, look_up
from .recall_tool import RECALL_TOOL, answer, definition
from .reuse import Reuse, SourceCheck
from .search import Match, search

__all__ = ["RecallingMemory", "RecallingOptions"]


class RecallingOptions(MemoryOptions, total=False):
    """What a `RecallingMemory` can be told beside its name and budget."""

    reuse: Mapping[str, SourceCheck] | None


class RecallingMemory(Memory):
    """A memory that answers lookups, and calls of the model's that need not be run.

    Parameters
    ----------
    session_id : str
        Names the session in handles.
    budget : int
        Most that a prompt may cost, in tokens.
    reuse : mapping of str to callable, optional
        By name, the tools that are free of side effects, each with a check of what it reads
        (`file_source` for files): a repeated call whose source has not changed is answered from
        memory, see `tool_execute`.
    **options
        As for `Memory`.
    """

    def __init__(
        self,
        session_id: str = "session",
        *,
        budget: int,
        reuse: Mapping[str, SourceCheck] | None = None,
        **options: Unpack[MemoryOptions],
    ) -> None:
        super().__init__(session_id, budget=budget, **options)
        self._reuse = Reuse(reuse or {})
        self._offers_recall = False
        self._assembler.yielding = self._catalogue

    def add_result(self, call: ToolCall | str, text: str, *, is_error: bool = False) -> None:
        """Take in the result of a call as text; see `Memory.add_result`."""
        super().add_result(call, text, is_error=is_error)
        self._reuse.arrived(call if isinstance(call, str) else call.id, is_error=is_error)

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

    @property
    def tools(self) -> list[dict[str, Any]]:
        """Definitions of the tools that the session executes itself, in the session's format.

        A model that is offered `clawvm_recall` is also told what there is to recall: from now on
        the catalogue page sums up what the prompt does not show.
        """
        self._check_open()
        self._offers_recall = True
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

    # What a session adds to

    def _older_text(self, page_id: str, version: int) -> str | None:
        """Return the text of a version that is not in memory; there is none without a store."""
        return None

    # Inner workings

    def _on_epoch(self) -> None:
        if self._offers_recall:
            self._put_catalogue(catalogue_text(self._book))

    def _was_run(self, call: Part) -> bool:
        return call.name != RECALL_TOOL and not self._reuse.was_answered(call.call_id)

    def _is_catalogued(self, page: Page) -> bool:
        catalogue = self._catalogue()
        if catalogue is None or catalogue.texts == (NOTHING_HIDDEN,):
            return False
        return self._book.table.level(catalogue.slot) > Fidelity.NONE and page.slot >= 0

    def _end_conversation(self) -> None:
        super()._end_conversation()
        self._reuse.forget()
        if self._offers_recall:
            self._put_catalogue(catalogue_text(self._book))

    def _catalogue(self) -> Page | None:
        return self._book.live.get(CATALOGUE_ID)

    def _put_catalogue(self, text: str) -> None:
        """Change the catalogue page, if the new text fits.

        It moves to the end of the prompt: at an epoch something before it changes anyway, and what
        a provider has cached stays valid up to there. One that had to give way is pinned again.
        """
        old = self._catalogue()
        if not text:
            if old is None:
                return
            text = NOTHING_HIDDEN
        table = self._book.table
        spare = self._budget - table.used_tokens
        if old is not None:
            spare += table.tokens(old.slot, table.level(old.slot))
        same = old is not None and old.texts == (text,) and old.slot in self._book.pinned
        if same or self._ladders.tokens(text) > spare:
            return
        if old is not None:
            self._layout.remove(old)
        terms = Terms(Provenance("clawvm", "catalogue"), Scope.SESSION, None, None, None, 0)
        page = self._given.put(
            CATALOGUE_ID,
            PageType.BOOTSTRAP,
            text,
            terms,
            {},
            turn=self._assembler.turn + 1,
            shape=self._conversation.shape,
        )
        # What is to be shown has been decided by now; there is room for it.
        table.set_level(page.slot, Fidelity.FULL)

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
