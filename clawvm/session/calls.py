"""What a conversation remembers of its tool calls: which are open, which repeat an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from ..messages import Part
from ..pages import LEVELS, CallInfo, Fidelity, Page
from .exchange import CallKey, Exchange, call_key
from .tools import ToolKind, file_of, tool_labelled

__all__ = ["Calls"]

_Saved: TypeAlias = tuple[Page, CallInfo, str, str]


class Calls:
    """Calls by id, by signature, and by the file or address that they name.

    Not safe for use by several threads at once.
    """

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._open: dict[CallKey, Exchange] = {}
        self._latest_equal: dict[str, Page] = {}
        self._by_target: dict[str, list[Page]] = {}
        # Pages of calls that named a file that no later call has changed or read again.
        self._current: dict[str, list[Page]] = {}
        # For undoing: what calls since `begin` took the place of.
        self._replaced: list[tuple[str, Page | None]] = []
        self._outdated: list[tuple[str, list[Page]]] = []
        # The calls of a restored session, as long as nobody has asked.
        self._saved: list[_Saved] = []

    @property
    def ids(self) -> set[str]:
        """The ids of all calls."""
        self._read_saved()
        return self._ids

    def begin(self) -> None:
        """Begin to take messages in."""
        self._read_saved()
        self._replaced = []
        self._outdated = []

    def end(self) -> None:
        """Let go of calls that no result came for."""
        self._open.clear()

    def roll_back(self) -> None:
        """Undo what calls since `begin` took the place of."""
        for equal, page in reversed(self._replaced):
            if page is None:
                del self._latest_equal[equal]
            else:
                self._latest_equal[equal] = page
        for file, current in reversed(self._outdated):
            self._current[file] = current

    def forget(self) -> None:
        """Drop everything: the conversation is over."""
        self._saved.clear()
        self._open.clear()
        self._ids.clear()
        self._latest_equal.clear()
        self._by_target.clear()
        self._current.clear()

    def opened(
        self, call: Part, info: CallInfo, page: Page, tool: ToolKind, level_of: Callable[[int], int]
    ) -> None:
        """Note a call whose result is to come, and at which level the last equal one was seen."""
        earlier = self._latest_equal.get(info.signature)
        level = Fidelity.NONE
        if earlier is not None and earlier.slot >= 0:
            level = LEVELS[level_of(earlier.slot)]
        self._replaced.append((info.signature, earlier))
        self._latest_equal[info.signature] = page
        self._open[call_key(call)] = Exchange(page, call, tool, earlier, level)

    def answered(self, result: Part) -> Exchange | None:
        """Return the open call that a result belongs to, which is open no more."""
        return self._open.pop(call_key(result), None)

    def users_of(self, target: str, page: Page) -> list[Page]:
        """Return the live pages of calls that named `target` before, and add `page` to them."""
        known = [other for other in self._by_target.get(target, ()) if other.slot >= 0]
        self._by_target[target] = [*known, page]
        return known

    def outdated_by(self, file: str, page: Page, tool: ToolKind) -> list[Page]:
        """Return the live pages that a call on a file leaves behind, each page once.

        An edit leaves behind all that is known of the file; a call that reads it, what was read.
        """
        known = self._current.get(file, [])
        current: list[Page] = []
        left: list[Page] = []
        for other in known:
            is_left = tool is ToolKind.EDIT or (tool is ToolKind.READ and other.label == tool.label)
            (left if is_left else current).append(other)
        self._outdated.append((file, known))
        self._current[file] = [*current, page]
        return [other for other in left if other.slot >= 0]

    def last_equal(self, signature: str) -> Page | None:
        """Return the live page of the last call of this signature."""
        self._read_saved()
        page = self._latest_equal.get(signature)
        return page if page is not None and page.slot >= 0 else None

    def restore(self, pages: Iterable[Page]) -> None:
        """Remember the calls of saved pages, oldest first, as soon as somebody asks for one."""
        # The session goes on to change its pages, so what they say now is kept.
        self._saved = [
            (page, page.call, page.label, page.texts[0]) for page in pages if page.call is not None
        ]

    def _read_saved(self) -> None:
        saved, self._saved = self._saved, []
        for page, info, label, text in saved:
            if info.call_id:
                self._ids.add(info.call_id)
            self._latest_equal[info.signature] = page
            if info.target is not None:
                self._by_target.setdefault(info.target, []).append(page)
            tool = tool_labelled(label)
            file = file_of(tool, info.target, text)
            if file is not None:
                self.outdated_by(file, page, tool)
