"""The sentences that a repair puts into a history."""

from __future__ import annotations

from typing import Final

from .parts import Part

__all__ = ["NO_RESULT", "stray_text"]

NO_RESULT: Final = "Error: no result was recorded for this call."


def stray_text(result: Part, text: str, answered: Part | None) -> str:
    """Write a result that has no place of its own as a text that says what it is.

    Parameters
    ----------
    result : Part
        The RESULT part.
    text : str
        What it said.
    answered : Part or None
        The call, if it has another result already.
    """
    name = result.name or (answered.name if answered else None)
    call = f"tool call {result.call_id}" if result.call_id else "a tool call without an id"
    tool = f" ({name})" if name else ""
    error = "Error result" if result.is_error else "Result"
    why = "which has another result" if answered else "which is not in this history"
    head = f"[{error} of {call}{tool}, {why}]"
    return f"{head}\n{text}" if text else head
