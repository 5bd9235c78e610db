"""Levels are read from the page table, where a slot outlives the page that it was given to."""

from __future__ import annotations

from clawvm import Fidelity, PageType, Session
from clawvm.representations import Form


def test_a_new_content_without_the_level_that_was_shown_is_shown_at_the_next_lower():
    session = Session(budget=60, counter="approximate")
    cheap = {Fidelity.COMPRESSED: Form("c " * 20, 500), Fidelity.POINTER: Form("old", 10)}
    session.put("a", PageType.EVIDENCE, "x " * 400, forms=cheap)
    session.put("b", PageType.EVIDENCE, "y " * 10)
    session.assemble()
    assert session.level("a") is Fidelity.COMPRESSED

    session.put("a", PageType.EVIDENCE, "z " * 400, forms={Fidelity.POINTER: Form("new", 10)})
    prompt = session.assemble()

    assert session.level("a") is Fidelity.POINTER
    assert [message["content"] for message in prompt.messages] == ["y " * 10, "new"]


def test_what_a_reset_took_out_of_a_message_stays_out_when_its_slot_is_used_again():
    session = Session(budget=100_000, counter="approximate", shape="anthropic")
    session.add({"role": "user", "content": "begin"})
    call = {"type": "tool_use", "id": "call", "name": "read", "input": {"path": "a"}}
    session.add({"role": "assistant", "content": [call]})
    rule = {"type": "text", "text": "a rule"}
    result = {"type": "tool_result", "tool_use_id": "call", "content": "archived"}
    session.add({"role": "user", "content": [result, rule]}, origin="instructions")
    session.assemble()

    session.reset()
    for number in range(4):
        session.put(f"new-{number}", PageType.EVIDENCE, f"text {number}")
    prompt = session.assemble()

    assert prompt.messages[0] == {"role": "user", "content": [rule]}
    assert "archived" not in str(prompt.messages)
