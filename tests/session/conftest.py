"""Sessions with a cheap counter, on both back ends."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from clawvm import Session


def load(name: str) -> ModuleType:
    """Import a back end; skip where the compiled one was not asked for, fail where it was."""
    if name == "reference":
        return importlib.import_module("clawvm._reference")
    if os.environ.get("CLAWVM_NO_EXTENSIONS", "") not in ("", "0"):
        if os.environ.get("CLAWVM_REQUIRE_EXTENSION", "") not in ("", "0"):
            pytest.fail("CLAWVM_REQUIRE_EXTENSION and CLAWVM_NO_EXTENSIONS are both set")
        pytest.skip("CLAWVM_NO_EXTENSIONS is set: the compiled core is not tested")
    return importlib.import_module("clawvm._core")


def count(text: str) -> int:
    """Four characters a token: cheap, and easy to work out by hand."""
    return (len(text) + 3) // 4


@pytest.fixture(params=["compiled", "reference"])
def core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Run every session of the test on one back end."""
    module = load(request.param)
    monkeypatch.setattr("clawvm.session.book.core", module)
    return module


@pytest.fixture
def on_both(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], tuple[Any, Any]]:
    """``on_both(run)``: what `run` answers on the compiled core and on its twin."""

    def call(run: Callable[[], Any]) -> tuple[Any, Any]:
        answers = []
        for name in ("compiled", "reference"):
            monkeypatch.setattr("clawvm.session.book.core", load(name))
            answers.append(run())
        return answers[0], answers[1]

    return call


@pytest.fixture
def open_session() -> Callable[..., Session]:
    """``open_session(budget, **options)``: a session that counts four characters a token."""

    def call(budget: int = 10_000, session_id: str = "s", **options: Any) -> Session:
        options.setdefault("counter", count)
        return Session(session_id, budget=budget, **options)

    return call


@pytest.fixture(scope="session")
def tokens_of() -> Callable[[str], int]:
    """The counter of `open_session`."""
    return count


@pytest.fixture(scope="session")
def words() -> Callable[..., str]:
    """``words(topic, count)``: lines of plain text about a topic, long enough for cheaper forms."""

    def call(topic: str, count: int = 30) -> str:
        lines = (
            f"Note {n} on {topic}: the figure is {n * 37 % 101} and it holds." for n in range(count)
        )
        return "\n".join(lines)

    return call


@pytest.fixture(scope="session")
def code() -> Callable[..., str]:
    """``code(topic, count)``: a module of small functions; its built-in ladder has all levels."""

    def call(topic: str, count: int = 20) -> str:
        return "\n".join(
            f"def {topic}_{n}(x):\n    value = x + {n}\n    return value * {n * 37 % 101}\n"
            for n in range(count)
        )

    return call
