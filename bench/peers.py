"""What others offer for the same decision: which of N pages are in the next prompt.

Every peer is given the pages of one `TableTurns`, with the same token counts, ready to look up, and
is told which pages a turn changed. `decide` is what is timed. None of them does all that ours does
in its turn; `DOES` says what each does.
"""

from __future__ import annotations

import asyncio
import importlib.util
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from bench.rivals import NumpyArgsort, plain_greedy
from bench.tables import TableTurns
from clawvm import _reference

__all__ = ["DOES", "PEERS", "Peer", "missing_package"]

DOES = {
    "numpy argsort": "our greedy choice over arrays kept from turn to turn; no repair, no changes",
    "plain Python greedy": "our greedy choice from nothing; no repair, no changes",
    "the twin": "all that ours does, in plain Python",
    "langchain-core": "`trim_messages`: the newest messages that fit, whole",
    "promptbudget": "`pack`: the best scored items that fit, whole, and the joined text",
    "contextcram": "`Packer.fit`: items by priority while they fit, whole, and the joined text",
    "chuk-ai-session-manager": "`MemoryManager`: changed pages enter the working set, others leave",
}
PACKAGES = {
    "langchain-core": "langchain_core",
    "promptbudget": "promptbudget",
    "contextcram": "contextcram",
    "chuk-ai-session-manager": "chuk_ai_session_manager",
}


class Peer(Protocol):
    """One way to decide."""

    def follow(self, page: int) -> None:
        """Take over a page that the turn changed."""

    def decide(self) -> object:
        """Decide what the next prompt holds."""


def missing_package(name: str) -> str | None:
    """Return the package that a peer needs and that is not installed."""
    module = PACKAGES.get(name)
    return name if module and importlib.util.find_spec(module) is None else None


class Numpy:
    """An argsort of all keys."""

    def __init__(self, turns: TableTurns) -> None:
        self.kept = NumpyArgsort(turns.instance)
        self.follow = self.kept.update
        self.decide = self.kept.select


class Plain:
    """A greedy choice from nothing."""

    def __init__(self, turns: TableTurns) -> None:
        self.instance = turns.instance

    def follow(self, page: int) -> None:
        """The instance is shared."""

    def decide(self) -> list[int]:
        """Sort the raises of all pages."""
        return plain_greedy(self.instance)


class Twin:
    """The same table in plain Python."""

    def __init__(self, turns: TableTurns) -> None:
        self.turns = TableTurns(_reference, turns.pages)

    def follow(self, page: int) -> None:
        """Its own turns change as many pages."""

    def decide(self) -> object:
        """Touch, put, decide."""
        self.turns.change()
        return self.turns.select()


class Texts:
    """The texts of the pages, as long as their tokens say, and counts to look up."""

    def __init__(self, turns: TableTurns) -> None:
        self.instance, self.budget = turns.instance, turns.budget
        self.texts: list[str] = [""] * turns.pages
        self.counts: dict[str, int] = {}
        self.versions = 0
        for page in range(turns.pages):
            self.follow(page)

    def follow(self, page: int) -> None:
        """Make the page's text anew."""
        self.versions += 1
        tokens = self.instance.tokens[page][3] or 0
        text = f"{page} {self.versions} ".ljust(4 * tokens, "x")
        self.counts.pop(self.texts[page], None)
        self.texts[page] = text
        self.counts[text] = tokens

    def count(self, text: str) -> int:
        """Look up a text's tokens; of what is no page, a quarter of its characters."""
        return self.counts.get(text) or len(text) // 4


class LangChain(Texts):
    """``trim_messages``."""

    def __init__(self, turns: TableTurns) -> None:
        from langchain_core.messages import BaseMessage, HumanMessage, trim_messages

        self.message, self.trim = HumanMessage, trim_messages
        self.messages: list[Any] = [None] * turns.pages
        super().__init__(turns)

        def counted(message: BaseMessage) -> int:
            return self.counts[str(message.content)]

        self.counted = counted
        # It chooses how to call the counter by the annotation of its argument.
        counted.__annotations__["message"] = BaseMessage

    def follow(self, page: int) -> None:
        """Make the page's message anew."""
        super().follow(page)
        self.messages[page] = self.message(self.texts[page])

    def decide(self) -> object:
        """Keep the newest."""
        return self.trim(
            self.messages, max_tokens=self.budget, token_counter=self.counted, strategy="last"
        )


class PromptBudget(Texts):
    """``pack`` by score."""

    def __init__(self, turns: TableTurns) -> None:
        import promptbudget

        self.library = promptbudget
        self.items: list[Any] = [None] * turns.pages
        super().__init__(turns)

    def follow(self, page: int) -> None:
        """Make the page's item anew."""
        super().follow(page)
        self.items[page] = self.library.Item(self.texts[page], score=self.instance.heat(page))

    def decide(self) -> object:
        """Pack the best scored."""
        section = self.library.Section("pages", self.items, strategy="lowest_score_first")
        return self.library.pack([section], budget=self.budget, tokenizer=self.count)


class ContextCram(Texts):
    """``Packer`` by priority."""

    def __init__(self, turns: TableTurns) -> None:
        import contextcram

        self.library = contextcram
        super().__init__(turns)

    def decide(self) -> object:
        """Queue all pages and fit them."""
        tokenizer = self.library.CallableTokenizer(self.count)
        packer = self.library.Packer(self.budget, tokenizer)
        for page, text in enumerate(self.texts):
            packer.add(text, priority=round(1_000 * self.instance.heat(page)), strategy="drop")
        return packer.fit()


class Chuk(Texts):
    """``MemoryManager`` with its default eviction."""

    def __init__(self, turns: TableTurns) -> None:
        from chuk_ai_session_manager.memory.manager import MemoryManager
        from chuk_ai_session_manager.memory.working_set import WorkingSetConfig

        config = WorkingSetConfig(max_l0_tokens=turns.budget, reserved_tokens=0)
        self.manager = MemoryManager("bench", config=config)
        self.loop = asyncio.new_event_loop()
        weakref.finalize(self, self.loop.close)
        self.changed: list[int] = []
        self.pages: list[Any] = [None] * turns.pages
        super().__init__(turns)
        self.decide()

    def follow(self, page: int) -> None:
        """Make the page anew."""
        super().follow(page)
        self.pages[page] = self.manager.create_page(
            self.texts[page], page_id=f"page-{page}", size_tokens=self.counts[self.texts[page]]
        )
        self.changed.append(page)

    def decide(self) -> object:
        """Have the changed pages in the working set."""
        return self.loop.run_until_complete(self.admit())

    async def admit(self) -> object:
        """Begin a turn, enter what changed, list the working set."""
        self.manager.new_turn()
        for page in self.changed:
            await self.manager.add_to_working_set(self.pages[page])
        self.changed.clear()
        return self.manager.get_l0_pages()


PEERS: dict[str, Callable[[TableTurns], Peer]] = {
    "numpy argsort": Numpy,
    "plain Python greedy": Plain,
    "the twin": Twin,
    "langchain-core": LangChain,
    "promptbudget": PromptBudget,
    "contextcram": ContextCram,
    "chuk-ai-session-manager": Chuk,
}
