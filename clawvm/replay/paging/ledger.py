"""What of a workload's pages is durable: a real journal on a store in memory."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from ...pages import PageType, Scope
from ...session import BoundaryKind
from ...stores import Space
from ...stores.memory import MemoryStore
from ...writeback import TEXT_FIELD, Authority, Journal, Operation, OpKind, Principal, PrincipalKind

__all__ = ["Ledger"]

_HARNESS = Principal("replay", PrincipalKind.HARNESS)
_LEASE_SECONDS = 86_400.0


class Ledger:
    """Knows the newest version of each page, and commits through the journal.

    Not safe for use by several threads at once.
    """

    def __init__(self) -> None:
        self._store = MemoryStore()
        space = Space("replay", Scope.SESSION, "paging")
        self._lease = self._store.acquire(space, "replay", _LEASE_SECONDS)
        authority = Authority(lambda evidence: "harness")
        self._journal = Journal.open(self._store, space, authority, lease=self._lease)
        self._changed: dict[str, PageType] = {}
        self._versions: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._journal.close()
        self._store.release(self._lease)
        self._store.close()

    def change(self, page_id: str, page_type: PageType) -> int:
        """Note a new content of a page, and return its version."""
        version = self._versions.get(page_id, 0) + 1
        self._versions[page_id] = version
        self._changed[page_id] = page_type
        return version

    def version(self, page_id: str) -> int:
        """Return the version of a page's newest content."""
        return self._versions[page_id]

    def commit(self, kind: BoundaryKind, turn: int) -> None:
        """Stage every page that has changed, and commit."""
        for page_id, page_type in self._changed.items():
            self._journal.stage(
                Operation(
                    page_id,
                    TEXT_FIELD,
                    OpKind.SET,
                    f"{page_id} as of turn {turn}",
                    Scope.SESSION,
                    f"harness:{turn}",
                    _HARNESS,
                    expected_version=self._journal.head(page_id).version,
                    version=self._versions[page_id],
                    page_type=page_type,
                )
            )
        self._journal.commit(kind.value, turn=turn)
        self._changed = {page_id: self._changed[page_id] for page_id in self._dirty()}

    def lose(self) -> list[str]:
        """Destroy what is not durable, and return the pages of which something was lost."""
        lost = self._dirty()
        self._changed.clear()
        return lost

    def _dirty(self) -> list[str]:
        return [
            page_id
            for page_id in self._changed
            if self._journal.head(page_id).version != self._versions[page_id]
        ]
