"""tau-bench results: lists of ``{"task_id", "trial", "traj"}`` with OpenAI chat messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clawvm.replay.importers import openai_messages
from clawvm.replay.importers.recorder import ImportedSession
from clawvm.replay.importers.source import Source

__all__ = ["NAME", "read", "sniff"]

NAME = "tau-bench"


def sniff(values: list[Any]) -> bool:
    """Return whether the first values hold the result of a task."""
    results = (item for value in values for item in (value if isinstance(value, list) else [value]))
    return any(
        isinstance(item, dict) and "task_id" in item and isinstance(item.get("traj"), list)
        for item in results
    )


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the sessions of a file, one for each task and trial."""
    yield from openai_messages.read_as(NAME, source)
