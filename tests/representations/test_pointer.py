"""The pointer: one line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clawvm.representations import ContentKind, Source, point


def test_it_names_handle_tool_kind_size_and_gist(source_of):
    source = source_of("code", "x = 1\n" * 200, tool="Read", path="src/app.py")
    assert point(source).text == "clawvm://s/p@1 Read code 1200ch/200ln: src/app.py"


def test_the_gist_of_a_call_is_the_argument_that_says_what_it_was_about(source_of):
    source = source_of(
        "log", "ok\n", tool="Bash", arguments={"timeout": 5, "command": "go test ./..."}
    )
    assert point(source).text.endswith(": go test ./...")


def test_the_gist_of_a_failure_is_its_first_error(source_of):
    source = source_of(
        "log", "running\nerror: disk full\n", tool="Bash", arguments={"command": "x"}, is_error=True
    )
    assert point(source).text.endswith(": error: disk full")
    assert point(source).quality == 40


def test_the_gist_of_a_message_is_its_first_sentence(source_of):
    source = source_of("chat", "Please rename it. Then commit.", role="user")
    assert point(source).text == "clawvm://s/p@1 user chat 30ch/1ln: Please rename it."


def test_beside_its_call_it_repeats_neither_tool_nor_argument(source_of):
    source = source_of("log", "one\ntwo", tool="Bash", arguments={"command": "ls"}, call_shown=True)
    assert point(source).text == "clawvm://s/p@1 log 7ch/2ln"


def test_beside_its_call_it_still_tells_an_error(source_of):
    source = source_of("log", "no such file", tool="Bash", is_error=True, call_shown=True)
    assert point(source).text == "clawvm://s/p@1 log 12ch/1ln: no such file"


def test_a_handle_is_never_cut(source_of):
    handle = "clawvm://" + "s" * 400
    assert point(Source("text", ContentKind.LOG, handle=handle)).text.startswith(handle + " log")


@given(st.text(), st.sampled_from(ContentKind), st.text(max_size=300), st.text(max_size=300))
def test_it_is_one_line_of_at_most_200_characters(text, kind, tool, path):
    source = Source(text, kind, tool=tool, path=path, handle="clawvm://session/page@1")
    line = point(source).text
    assert len(line) <= 200
    assert len(line.splitlines()) == 1
