"""What fails half-way: a builder, a counter. Nothing is half-applied, nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clawvm import Fidelity, PageType, Session
from clawvm.errors import PageInvalid
from clawvm.representations import Form

pytestmark = pytest.mark.usefixtures("core")


def exchange(number: int) -> list[dict[str, Any]]:
    call = {"name": "read_file", "arguments": f'{{"path": "file{number}.py"}}'}
    return [
        {
            "role": "assistant",
            "content": f"Reading {number}.",
            "tool_calls": [{"id": f"c{number}", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": f"c{number}", "content": f"text {number}"},
    ]


def test_messages_that_could_not_be_taken_in_are_taken_in_once_later(
    open_session: Callable[..., Session],
) -> None:
    failing = [False]

    def count(text: str) -> int:
        if failing[0] and text == "text 2":
            raise RuntimeError("counter down")
        return len(text)

    session = open_session(counter=count)
    session.add({"role": "user", "content": "begin"})
    session.extend(exchange(1))
    first = session.assemble().messages
    session.extend(exchange(2))
    failing[0] = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="counter down"):
            session.assemble()
    ids = [page.id for page in session.pages()]
    failing[0] = False
    prompt = session.assemble()
    assert ids == ["user", "assistant", "read_file:file1.py"]
    assert prompt.messages == [*first, *exchange(2)]
    assert session.turn == 2
    assert session.level("read_file:file2.py") is Fidelity.FULL


def test_a_form_that_the_type_has_no_level_for_is_refused(
    open_session: Callable[..., Session],
) -> None:
    session = open_session()
    forms = {Fidelity.POINTER: Form("short", 10)}
    with pytest.raises(PageInvalid, match="a constraint page can have forms at structured"):
        session.put("rule", PageType.CONSTRAINT, "a long rule " * 20, forms=forms)
    assert session.pages() == []
