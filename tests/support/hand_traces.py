"""Recorded sessions written by hand, and a counter whose figures can be checked by hand."""

from __future__ import annotations

from typing import Any

from clawvm.replay import Recording, ReplayResult, replay
from clawvm.replay.trace import Call, Event, Header, Message, Result, Trace, TraceSource
from clawvm.session import Prompt, Session


class Words:
    """One token a word; a part of a prompt costs four more, as with every counter."""

    name = "words"
    exact = True

    def count(self, text: str) -> int:
        return len(text.split())


def words(count: int, word: str = "w") -> str:
    """A text of so many tokens, in which every word is another."""
    return " ".join(f"{word}{number}" for number in range(count))


def system(text: str) -> Message:
    return Message(role="system", text=text)


def user(text: str, **fields: Any) -> Message:
    return Message(role="user", text=text, **fields)


def said(text: str, **fields: Any) -> Message:
    return Message(role="assistant", text=text, **fields)


def call(call_id: str, name: str, arguments: dict[str, Any] | str, **fields: Any) -> Call:
    return Call(id=call_id, name=name, arguments=arguments, **fields)


def result(call_id: str, text: str, **fields: Any) -> Result:
    return Result(call_id=call_id, text=text, **fields)


def trace(*events: Event, shape: Any = "openai") -> Trace:
    header = Header(session="by hand", source=TraceSource("hand", "hand.jsonl"), shape=shape)
    return Trace(header, list(events))


# Prompts of 3 + 4, then 7 + (2 + 4) + (1 + 4), then 18 + (2 + 4) + (3 + 4) tokens.
CHAT: tuple[Event, ...] = (
    user("one two three"),
    said("four five"),
    user("six"),
    said("seven eight"),
    user("nine ten eleven"),
    said("twelve"),
)

TOOLS: tuple[Event, ...] = (
    user("look at all of them"),
    *(
        event
        for number in range(6)
        for event in (
            call(str(number), "read", {"path": f"file-{number}"}),
            result(str(number), words(12, f"f{number}-")),
        )
    ),
    said("seen"),
    user("which was best?"),
    said("the last"),
)


class Replayed:
    """What one replay gave: its figures, and the prompt of each request that got one."""

    def __init__(
        self, policy: str, budget: int, *events: Event, shape: Any = "openai", counter: Any = None
    ) -> None:
        self.prompts: dict[int, Prompt] = {}
        self.levels: dict[int, dict[str, str]] = {}
        recording = Recording.of("by hand", trace(*events, shape=shape))
        self.result: ReplayResult = replay(
            recording, policy, budget, counter or Words(), self._watch
        )

    def _watch(self, request: int, prompt: Prompt, session: Session) -> None:
        self.prompts[request] = prompt
        self.levels[request] = {
            page.id: session.level(page.id).name.lower() for page in session.pages()
        }

    def messages(self, request: int) -> list[dict[str, Any]]:
        return self.prompts[request].messages

    @property
    def last(self) -> list[dict[str, Any]]:
        """The message list of the last request."""
        return self.prompts[max(self.prompts)].messages
