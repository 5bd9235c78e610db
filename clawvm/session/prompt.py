"""What a session hands to a harness: a prompt to send, calls to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..residency import Plan

if TYPE_CHECKING:
    from .._backend import core

__all__ = ["Prompt", "ToolCall"]


class Prompt:
    """A message list within the budget, and how it was decided; a session makes it.

    The list is made when it is asked for first, and is then what it would have been at once.

    Attributes
    ----------
    plan : Plan
        What was decided.

    Notes
    -----
    Thread safety: any thread may read a prompt, whatever its session does meanwhile.
    """

    __slots__ = ("_lists", "_source", "plan")

    def __init__(self, plan: Plan, shown: core.Shown | None = None, start: int = 0) -> None:
        self.plan = plan
        self._source = None if shown is None else (shown, shown.version, start)
        self._lists: tuple[list[dict[str, Any]], list[dict[str, Any]]] | None = None

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages in the format that went in.

        The list is yours; the messages in it are shared with the session and must not be changed.
        """
        return self._split()[1]

    @property
    def system(self) -> str | None:
        """Anthropic's format only: the text for the ``system`` argument of the request.

        It is from the pages that were put before the first message; None when there are none. In
        OpenAI's format they are messages. A system message that was added as one stays one in both.
        """
        return "\n\n".join(map(_text_of, self._split()[0])) or None

    @property
    def tokens(self) -> int:
        """What the prompt costs, in tokens; never more than the plan's budget."""
        return self.plan.used_tokens

    def _split(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        source = self._source
        if source is not None:
            shown, version, start = source
            # In this order: another thread that finds no source finds the lists.
            self._lists = shown.split(version, start)
            self._source = None
        if self._lists is None:
            self._lists = [], []
        return self._lists

    def __reduce__(self) -> tuple[Any, ...]:
        return _prompt, (self.plan, *self._split())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Prompt):
            return NotImplemented
        return self.plan == other.plan and self._split() == other._split()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Prompt({len(self.messages)} messages, {self.plan!r})"


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


def _prompt(plan: Plan, head: list[dict[str, Any]], rest: list[dict[str, Any]]) -> Prompt:
    """Return a prompt of lists that are there already, as after a copy to another process."""
    prompt = Prompt(plan)
    prompt._lists = head, rest
    return prompt


def _text_of(message: Mapping[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block.get("type") == "text")
