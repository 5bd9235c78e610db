"""What a session hands to a harness: a prompt to send, calls to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..residency import Plan

__all__ = ["Prompt", "ToolCall"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A message list within the budget, and how it was decided.

    Parameters
    ----------
    messages : list of dict
        In the format that went in. The list is yours; the messages in it are shared with the
        session and must not be changed.
    plan : Plan
        What was decided.
    system : str or None
        Anthropic's format only: the text for the ``system`` argument of the request, from the pages
        that were put before the first message; None when there are none. In OpenAI's format they
        are messages. A system message that was added as one stays one in both.
    """

    messages: list[dict[str, Any]]
    plan: Plan
    system: str | None = None

    @property
    def tokens(self) -> int:
        """What the prompt costs, in tokens; never more than the plan's budget."""
        return self.plan.used_tokens


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model wants run.

    Parameters
    ----------
    id : str
        What its result must name.
    name : str
        The tool.
    arguments : mapping or str
        Decoded; the text itself when it is no JSON object.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] | str
