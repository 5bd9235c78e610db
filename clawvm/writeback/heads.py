"""What is committed: the value and version of every field, folded from the journal's operations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..errors import StoreCorrupt
from ..pages import PageType
from .merge import apply
from .operations import Committed, Json

__all__ = ["NOTHING", "UNKNOWN_PAGE", "Head", "Heads", "PageHead"]


class Head(NamedTuple):
    """The newest version of a field and its value; None is a tombstone."""

    version: int
    value: Json


class PageHead(NamedTuple):
    """What validation has to know of a page.

    Parameters
    ----------
    page_type : PageType or None
        What its last operation that said so made it.
    untrusted : bool
        Whether a field of it came from a tool or a document, without a grant.
    """

    page_type: PageType | None
    untrusted: bool


NOTHING = Head(0, None)
UNKNOWN_PAGE = PageHead(None, False)


class Heads:
    """Fields and pages by name, with those of an older state below them.

    A transaction is tried on a `Heads` of its own over the committed one, and taken over when it
    has been written.
    """

    __slots__ = ("_below", "fields", "pages")

    def __init__(self, below: Heads | None = None) -> None:
        self._below = below
        self.fields: dict[tuple[str, str], Head] = {}
        self.pages: dict[str, PageHead] = {}

    def field(self, page_id: str, field: str) -> Head:
        """Return a field's head; version 0 when it has never been written."""
        key = (page_id, field)
        found = self.fields.get(key)
        if found is None and self._below is not None:
            found = self._below.fields.get(key)
        return NOTHING if found is None else found

    def beside_pages(self) -> dict[tuple[str, str], Head]:
        """Return the fields, but for those that pages of a state that was just read tell."""
        return self.fields

    def page(self, page_id: str) -> PageHead:
        """Return what is known of a page."""
        found = self.pages.get(page_id)
        if found is None and self._below is not None:
            found = self._below.pages.get(page_id)
        return UNKNOWN_PAGE if found is None else found

    def put(self, entry: Committed, value: Json) -> None:
        """Enter a committed operation whose resulting value is known."""
        operation = entry.operation
        page_id = operation.page_id
        # What `Head(...)` comes to, without a call of Python for each.
        self.fields[page_id, operation.field] = tuple.__new__(Head, (entry.version, value))
        page = self.page(page_id)
        kind = page.page_type if operation.page_type is None else operation.page_type
        untrusted = page.untrusted or (entry.untrusted and operation.granted_by is None)
        if kind is not page.page_type or untrusted is not page.untrusted:
            self.pages[page_id] = PageHead(kind, untrusted)

    def fold(self, entries: Iterable[Committed], where: str) -> None:
        """Enter operations as they were read from the journal.

        Raises
        ------
        StoreCorrupt
            When one of them does not follow from the version before it.
        """
        for entry in entries:
            operation = entry.operation
            head = self.field(operation.page_id, operation.field)
            if head.version != entry.before or entry.version <= entry.before:
                raise StoreCorrupt(
                    f"{where}: field {operation.field!r} of page {operation.page_id!r} goes from "
                    f"version {entry.before} to {entry.version}, the rows before it lead to "
                    f"version {head.version}; run clawvm fsck"
                )
            self.put(entry, apply(operation.op, head.value, operation.value))

    def update(self, other: Heads) -> None:
        """Take over what was tried on `other`, which lies over this one."""
        self.fields.update(other.fields)
        self.pages.update(other.pages)
