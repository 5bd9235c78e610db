"""What is committed as a snapshot row says it, and back.

Nearly every page of a session says what was committed of it last: its text at its version, its
type. Such a page stands in the row once, as a page of the state, with a mark that tells what holds;
everything else is written out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress, repeat
from threading import Lock
from typing import TYPE_CHECKING, Any

from .. import crash_points
from .._backend import core
from ..errors import SnapshotInvalid
from ..pages import Page, PageType
from ..snapshot import Encoded, Kind, StateDelta, encode
from ..stores import Append, Space, Store
from .heads import NOTHING, UNKNOWN_PAGE, Head, Heads, PageHead
from .operations import TEXT_FIELD, Json, ReasonCode, Rejection
from .records import operation_of, operation_tree

if TYPE_CHECKING:
    from .reading import Fold

__all__ = ["heads_of", "rebuild_snapshot", "write_snapshot"]

# Bits of a mark; its digit stands for the page.
_SAYS_TEXT, _SAYS_TYPE, _UNTRUSTED = 1, 2, 4
# A longer text would be kept apart from the row.
_MARKS_TOGETHER = 60


def write_snapshot(
    store: Store,
    space: Space,
    seq: int,
    token: int,
    state: StateDelta | None,
    heads: Heads,
    rejections: Iterable[Rejection],
    known: Mapping[str, int],
) -> Encoded:
    """Write a snapshot row: what a journal comes to up to row `seq`; a project has no state.

    Raises
    ------
    StoreFailed, LeaseLost, JournalConflict, ContentMissing
        As `Store.save_snapshot` does; nothing has changed then.
    """
    encoded = encode(
        Kind.RECORD if state is None else Kind.SNAPSHOT,
        state,
        meta={"heads": _heads_tree(_pages_of(state), heads, rejections)},
        external=True,
        known=known,
    )
    crash_points.reach("writeback.snapshot")
    store.save_snapshot(Append(space, seq, encoded.data, encoded.contents, token))
    return encoded


def rebuild_snapshot(store: Store, space: Space, seq: int, token: int, rows: Fold) -> None:
    """Put what the rows up to `seq` add up to in the place of a snapshot that is damaged."""
    rejections = rows.rejections.values()
    write_snapshot(store, space, seq, token, rows.state, rows.heads, rejections, {})


def _pages_of(state: StateDelta | None) -> list[Page]:
    """Return the pages of a state in the order of their marks."""
    return [] if state is None else [*state.pages.values(), *state.archived]


def _value_of(texts: tuple[str, ...]) -> Json:
    return texts[0] if len(texts) == 1 else list(texts)


def _heads_tree(pages: Sequence[Page], heads: Heads, rejections: Iterable[Rejection]) -> list[Any]:
    """Return everything committed: marks of pages, other fields, other pages, open rejections."""
    marks = [_mark(page, heads) for page in pages]
    told = {page.id for page, mark in zip(pages, marks, strict=True) if mark & _SAYS_TEXT}
    typed = {page.id for page, mark in zip(pages, marks, strict=True) if mark & _SAYS_TYPE}
    digits = "".join(map(str, marks))
    return [
        [
            digits[start : start + _MARKS_TOGETHER]
            for start in range(0, len(digits), _MARKS_TOGETHER)
        ],
        [
            [page_id, None if field == TEXT_FIELD else field, head.version, head.value]
            for (page_id, field), head in sorted(heads.fields.items())
            if field != TEXT_FIELD or page_id not in told
        ],
        [
            [page_id, None if page.page_type is None else int(page.page_type), page.untrusted]
            for page_id, page in sorted(heads.pages.items())
            if page_id not in typed
        ],
        [_rejection_tree(rejection) for rejection in rejections],
    ]


def _mark(page: Page, heads: Heads) -> int:
    head = heads.fields.get((page.id, TEXT_FIELD), NOTHING)
    known = heads.pages.get(page.id, UNKNOWN_PAGE)
    mark = 0
    if head.version == page.version and head.value == _value_of(page.texts):
        mark = _SAYS_TEXT
    if known.page_type is page.type:
        mark |= _SAYS_TYPE | (_UNTRUSTED if known.untrusted else 0)
    return mark


def heads_of(
    state: StateDelta | None, meta: Mapping[str, Any], where: str
) -> tuple[Heads, list[Rejection]]:
    """Read everything committed from a snapshot row's state and notes.

    Raises
    ------
    SnapshotInvalid
        When they are nothing of that kind.
    """
    try:
        digits, fields, pages, rejections = meta["heads"]
        heads = _SavedHeads(
            _pages_of(state),
            list(map(int, "".join(digits))),
            {
                (page_id, TEXT_FIELD if field is None else field): Head(version, value)
                for page_id, field, version, value in fields
            },
            {
                page_id: PageHead(None if kind is None else PageType(kind), untrusted)
                for page_id, kind, untrusted in pages
            },
        )
        return heads, [
            Rejection(ident, operation_of(rest), ReasonCode(code), reason, turn, at, attempt)
            for ident, code, reason, turn, at, attempt, *rest in rejections
        ]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise SnapshotInvalid(
            f"{where}: its snapshot holds no state of this version ({error}); it was written by a "
            "newer ClawVM or by something else"
        ) from error


_PAGE_HEADS = {
    (kind, untrusted): PageHead(kind, bool(untrusted))
    for kind in PageType
    for untrusted in (0, _UNTRUSTED)
}


class _SavedHeads(Heads):
    """What a snapshot row says is committed; what pages say of themselves is put in when asked for.

    A session that is only read, or brought back to go on much later, asks for none of it.

    Parameters
    ----------
    pages : list of Page
        The state's, as they were read.
    marks : list of int
        What each of them tells.
    fields : dict of (str, str) to Head
        Fields that no page tells.
    known : dict of str to PageHead
        Pages whose type no page tells.
    """

    __slots__ = ("_told", "_untold")

    def __init__(
        self,
        pages: list[Page],
        marks: list[int],
        fields: dict[tuple[str, str], Head],
        known: dict[str, PageHead],
    ) -> None:
        if len(marks) != len(pages):
            raise ValueError(f"{len(pages)} pages and {len(marks)} marks")
        self._below = None
        self._untold: tuple[dict[tuple[str, str], Head], dict[str, PageHead]] = (fields, known)
        # The session goes on to change its pages, so not they are kept but what they say now.
        columns = core.get_slots(pages, Page, ("id", "version", "texts", "type"))
        self._told: tuple[list[Any], ...] | None = (*columns, marks)

    def beside_pages(self) -> dict[tuple[str, str], Head]:
        """Return the fields that no page of the state tells; all of them after a change."""
        return self.fields if self._told is None else self._untold[0]

    def __getattr__(self, name: str) -> Any:
        """Put `fields` and `pages` together: their slots are empty until one is asked for."""
        if name not in ("fields", "pages"):
            raise AttributeError(name)
        with _putting_together:
            # Another thread may have been first.
            if self._told is not None:
                self._put_together(*self._told)
                self._told = None
        return getattr(self, name)

    def _put_together(
        self,
        ids: list[str],
        versions: list[int],
        texts: list[tuple[str, ...]],
        types: list[PageType],
        marks: list[int],
    ) -> None:
        """Do it in a few passes of C code, as there may be thousands."""
        says_text = [mark & _SAYS_TEXT for mark in marks]
        keys = zip(compress(ids, says_text), repeat(TEXT_FIELD), strict=False)
        values = zip(versions, map(_value_of, texts), strict=True)
        # What Head(*pair) comes to, without a call of Python for each.
        made = map(tuple.__new__, repeat(Head), compress(values, says_text))
        fields, known = self._untold
        self.fields = {**dict(zip(keys, made, strict=False)), **fields}
        typed = {
            page_id: _PAGE_HEADS[kind, mark & _UNTRUSTED]
            for page_id, kind, mark in zip(ids, types, marks, strict=True)
            if mark & _SAYS_TYPE
        }
        self.pages = {**typed, **known}


# Held for a moment, once for each session that goes on.
_putting_together = Lock()


def _rejection_tree(rejection: Rejection) -> list[Any]:
    return [
        rejection.id,
        rejection.code.value,
        rejection.reason,
        rejection.turn,
        rejection.at,
        rejection.attempt,
        *operation_tree(rejection.operation),
    ]
