"""Session: one agent's memory, and what of it outlives the process (paper, sections 5 and 6)."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from .boundaries import RESETS, Boundaries, BoundaryKind, BoundaryReport, Coverage, boundary_kind
from .memory import Memory

__all__ = ["Session"]


class Session(Memory):
    def __init__(self, session_id: str = "session", *, budget: int, **options: Any) -> None:
        super().__init__(session_id, budget=budget, **options)
        self._boundaries = Boundaries()

    @classmethod
    def open(cls, session_id: str, *, budget: int, **options: Any) -> Self:
        """Start a session: `Session(session_id, budget=..., ...)` under the paper's name for it."""
        return cls(session_id, budget=budget, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def compaction(self) -> None:
        self.boundary("compaction")

    def reset(self) -> None:
        self.boundary("reset")

    def boundary(self, kind: str) -> None:
        self._check_open()
        kind = boundary_kind(kind)
        if kind in RESETS:
            self._end_conversation()
            self._assembler.boundary = kind.value
        if kind is BoundaryKind.COMPACTION:
            self._assembler.boundary = kind.value
        self._boundaries.fired(kind)

    def close(self) -> None:
        """End the session; a second call changes nothing."""
        self._closed = True
