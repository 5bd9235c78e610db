"""Named points in the life of a commit at which a test may stop the process.

Durability is tested by killing real processes. What a process does between two of these points
either leaves a trace on the disk or does not, so killing it at each of them covers every case.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["reach"]

#: Called with the name of each point that is reached; set by tests only.
hook: Callable[[str], None] | None = None


def reach(name: str) -> None:
    """Tell the hook, if there is one, that the point called `name` has been reached."""
    if hook is not None:
        hook(name)
