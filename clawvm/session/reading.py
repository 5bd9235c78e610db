"""A saved session as it stands in its store, to look at: no lease is taken and nothing written."""

from __future__ import annotations

from ..errors import PolicyUnknown, SnapshotInvalid
from ..faults import FaultObserver
from ..pages import Page
from ..residency import Policy, policy_named
from ..snapshot import StateDelta
from ..stores import Space, Store
from ..tokens import ApproximateCounter, CountMemo
from ..writeback.reading import Loaded, find_text, load
from .assembler import Assembler
from .book import PageBook, joined
from .boundaries import Boundaries, Coverage
from .conversation import Conversation
from .ladders import LadderMaker
from .layout import Layout
from .recall import Recall, look_up
from .saved import SessionParts, Tree, restore_parts

__all__ = ["SavedSession", "read_session", "session_of"]


class SavedSession:
    """What is saved of one session, or of a project, which has no pages but what is committed.

    Another process may have it open: this is how it was when it was read.

    Parameters
    ----------
    store : Store
        Where it is.
    space : Space
        Which.
    journal : Loaded
        Its journal.
    parts : SessionParts or None
        Pages, layout, faults and so on; None where the journal holds no session's state.
    extra : dict
        What the session itself added to its state.
    """

    __slots__ = ("extra", "journal", "parts", "space", "store")

    def __init__(
        self, store: Store, space: Space, journal: Loaded, parts: SessionParts | None, extra: Tree
    ) -> None:
        self.store = store
        self.space = space
        self.journal = journal
        self.parts = parts
        self.extra = extra

    @property
    def turn(self) -> int:
        """How many prompts the session had assembled."""
        return 0 if self.parts is None else self.parts.assembler.turn

    @property
    def pages(self) -> list[Page]:
        """The live pages in the order in which they were made."""
        return [] if self.parts is None else list(self.parts.book.live.values())

    @property
    def archived(self) -> list[Page]:
        """The archived pages in the order in which they were made."""
        return [] if self.parts is None else list(self.parts.book.archived.values())

    @property
    def coverage(self) -> Coverage:
        """Which boundaries have fired."""
        boundaries = Boundaries()
        boundaries.restore(self.extra.get("boundaries", {}))
        return boundaries.coverage

    def recall(self, name: str, version: int | None = None) -> Recall:
        """Look a page's exact text up by id or handle; see `Session.recall`."""
        book = PageBook(self.space.name) if self.parts is None else self.parts.book
        return look_up(book, name, version, self._older_text)

    def _older_text(self, page_id: str, version: int) -> str | None:
        texts = find_text(self.store, self.space, page_id, version, self.journal.last_seq, ())
        return None if texts is None else joined(texts)


def read_session(store: Store, space: Space) -> SavedSession:
    """Read what is saved of a session; an unknown one is empty.

    Raises
    ------
    StoreFailed, StoreCorrupt, ContentMissing, SnapshotInvalid
        When it cannot be read, or does not hold together.
    """
    return session_of(store, space, load(store, space))


def session_of(store: Store, space: Space, journal: Loaded) -> SavedSession:
    """Return the session of a journal that has been read.

    Raises
    ------
    SnapshotInvalid
        When its state does not hold together.
    """
    if journal.state is None:
        return SavedSession(store, space, journal, None, {})
    parts, extra = _parts_of(journal.state)
    return SavedSession(store, space, journal, parts, extra)


def _parts_of(state: StateDelta) -> tuple[SessionParts, Tree]:
    """Return a whole state as the parts of a session that will not go on."""
    book, faults = PageBook(state.session_id), FaultObserver()
    layout = Layout(book.by_slot)
    ladders = LadderMaker(CountMemo(ApproximateCounter()), None)
    conversation = Conversation(book, layout, ladders, "repair", None)
    try:
        policy = _policy_of(state)
        assembler = Assembler(book, layout, faults, policy, "report", lambda: None)
        parts = SessionParts(book, layout, conversation, assembler, faults)
        extra = restore_parts(parts, state)
        book.lineage = list(extra["lineage"])
    except (KeyError, TypeError) as error:
        raise SnapshotInvalid(
            f"the saved state of session {state.session_id!r} does not hold together "
            f"({type(error).__name__}: {error}); run clawvm fsck on its store"
        ) from error
    return parts, extra


def _policy_of(state: StateDelta) -> Policy:
    """Return a policy that can take over what the session's own remembers.

    What a policy of the caller's remembers only that one can read; ours leaves it alone.
    """
    plan = state.scalars["assembler"]["plan"]
    try:
        return policy_named("clawvm" if plan is None else plan["policy"])
    except PolicyUnknown:
        return policy_named("clawvm")
