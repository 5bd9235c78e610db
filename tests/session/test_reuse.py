"""Repeated calls answered from memory: for declared tools, while what they read is the same."""

from __future__ import annotations

import os

import pytest
from chat_histories import openai_asks, openai_call, user

from clawvm import Session, ToolCall, file_source

pytestmark = pytest.mark.usefixtures("core")


class Source:
    """A source whose state a test sets."""

    def __init__(self):
        self.state = "one"

    def __call__(self, arguments):
        return self.state


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def session(open_session, source):
    session = open_session(reuse={"read_file": source})
    session.add(user("begin"))
    session.assemble()
    return session


def ask(session: Session, call_id: str, name: str = "read_file", path: str = "a.md") -> ToolCall:
    (call,) = session.post_model(openai_asks(openai_call(call_id, name, f'{{"path": "{path}"}}')))
    return call


def run(session: Session, call: ToolCall, result: str = "text of a", **options: bool) -> None:
    assert session.tool_execute(call) is None
    session.add_result(call, result, **options)
    session.assemble()


def test_a_repeated_call_is_answered_while_its_source_is_the_same(session):
    run(session, ask(session, "c1"))
    assert session.tool_execute(ask(session, "c2")) == "text of a"


def test_an_answer_from_memory_counts_as_a_hit_and_as_no_fault(session):
    run(session, ask(session, "c1"))
    call = ask(session, "c2")
    session.add_result(call, session.tool_execute(call))
    session.assemble()
    assert session.faults.hits == 1
    assert set(session.faults.counts.values()) == {0}


def test_an_answer_from_memory_can_be_repeated_again(session):
    run(session, ask(session, "c1"))
    for number in (2, 3):
        call = ask(session, f"c{number}")
        known = session.tool_execute(call)
        assert known == "text of a"
        session.add_result(call, known)
        session.assemble()


def test_a_source_that_has_changed_is_read_again(session, source):
    run(session, ask(session, "c1"))
    source.state = "two"
    run(session, ask(session, "c2"), "new text of a")
    assert session.tool_execute(ask(session, "c3")) == "new text of a"


def test_a_source_that_changed_while_the_call_ran_is_not_known(session, source):
    call = ask(session, "c1")
    assert session.tool_execute(call) is None
    source.state = "two"
    session.add_result(call, "half old, half new")
    session.assemble()
    assert session.tool_execute(ask(session, "c2")) is None


def test_a_source_of_which_nothing_can_be_told_is_read_again(session, source):
    run(session, ask(session, "c1"))
    source.state = None
    assert session.tool_execute(ask(session, "c2")) is None


def test_other_arguments_are_another_call(session):
    run(session, ask(session, "c1"))
    assert session.tool_execute(ask(session, "c2", path="b.md")) is None


def test_a_tool_that_was_not_declared_is_run(session):
    run(session, ask(session, "c1", "send_mail"))
    assert session.tool_execute(ask(session, "c2", "send_mail")) is None


def test_a_failed_call_is_run_again(session):
    run(session, ask(session, "c1"), "no such file", is_error=True)
    assert session.tool_execute(ask(session, "c2")) is None


def test_a_reset_forgets_results(session):
    run(session, ask(session, "c1"))
    session.reset()
    session.add(user("again"))
    session.assemble()
    assert session.tool_execute(ask(session, "c2")) is None


# Files


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("one")
    return path


def test_an_unchanged_file_has_the_same_state(file):
    check = file_source(root=file.parent)
    assert check({"path": "a.md"}) == check({"path": "a.md"}) is not None


def test_a_file_with_another_content_has_another_state_even_at_the_same_time(file):
    check = file_source()
    before = check({"path": str(file)})
    state = file.stat()
    file.write_text("two")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = check({"path": str(file)})
    assert before[:2] == after[:2]
    assert before != after


@pytest.mark.parametrize("name", ["missing.md", ".", "", "\0", 7, None])
def test_what_is_no_file_has_no_state(file, name):
    assert file_source(root=file.parent)({"path": name}) is None


def test_the_argument_that_names_the_file_can_be_told(file):
    assert file_source("file_path", file.parent)({"file_path": "a.md"}) is not None
