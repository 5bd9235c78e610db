"""Answering a repeated call from memory, after its source has been found unchanged.

On recorded sessions more than half of exact repeats return something new, so a call is answered
without being run only where the harness has declared its tool free of side effects and has given a
check of what the tool reads; and only if that has been the same before the call ran, after it had,
and is now.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .prompt import ToolCall

__all__ = ["Reuse", "SourceCheck", "file_source"]

SourceCheck = Callable[[Mapping[str, Any]], Any]
"""``check(arguments)``: the state of what a call with these arguments reads, as JSON; None where it
cannot be told, and the call is run then. Equal states mean equal results."""


def file_source(argument: str = "path", root: str | os.PathLike[str] | None = None) -> SourceCheck:
    """Return a check for tools that read one file: modification time, size and content hash.

    Parameters
    ----------
    argument : str, optional
        The argument of the call that names the file.
    root : path, optional
        The folder that relative names start from; by default the working directory.
    """
    folder = Path.cwd() if root is None else Path(root)

    def check(arguments: Mapping[str, Any]) -> list[Any] | None:
        name = arguments.get(argument)
        if not isinstance(name, str) or not name:
            return None
        try:
            with (folder / name).open("rb") as file:
                state = os.fstat(file.fileno())
                content = hashlib.file_digest(file, "blake2b").hexdigest()
        except (OSError, ValueError):
            # No such file, a folder, a name that no file can have: nothing can be told of it.
            return None
        return [state.st_mtime_ns, state.st_size, content]

    return check


class Reuse:
    """Knows which results are those of a source that can be checked again.

    Not safe for use by several threads at once.

    Parameters
    ----------
    checks : mapping of str to callable
        The check of each tool that is free of side effects, by its name.
    """

    def __init__(self, checks: Mapping[str, SourceCheck]) -> None:
        self._checks = dict(checks)
        self._running: dict[str, tuple[ToolCall, Any]] = {}
        # By the id of the call, the state of the source that its result tells of.
        self._sources: dict[str, Any] = {}
        self._answered: set[str] = set()

    def may_stand(self, call: ToolCall, earlier_id: str | None) -> bool:
        """Tell whether the result of the call `earlier_id` may stand for `call` as well.

        Where it may not, the source's state is noted: if it is the same when the result arrives,
        that result may stand for later calls.
        """
        check = self._checks.get(call.name)
        if check is None or isinstance(call.arguments, str):
            return False
        now = check(call.arguments)
        if now is None:
            return False
        if earlier_id is not None and self._sources.get(earlier_id) == now:
            self._sources[call.id] = now
            self._answered.add(call.id)
            return True
        self._running[call.id] = (call, now)
        return False

    def arrived(self, call_id: str, *, is_error: bool) -> None:
        """Note that the result of a call has arrived."""
        call, before = self._running.pop(call_id, (None, None))
        if call is None or is_error or isinstance(call.arguments, str):
            return
        if self._checks[call.name](call.arguments) == before:
            self._sources[call_id] = before

    def was_answered(self, call_id: str | None) -> bool:
        """Whether this call was answered from memory, and so never run."""
        return call_id in self._answered

    def forget(self) -> None:
        """Drop everything: the conversation is over."""
        self._running.clear()
        self._sources.clear()
        self._answered.clear()

    def saved(self) -> dict[str, Any]:
        """Return what is known of sources, as JSON; calls that are running are not part of it."""
        return {"sources": dict(self._sources), "answered": sorted(self._answered)}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from what was saved."""
        self._sources = dict(saved["sources"])
        self._answered = set(saved["answered"])
