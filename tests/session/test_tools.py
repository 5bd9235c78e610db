"""What a tool does, judged by its name, and what its call is about."""

from __future__ import annotations

import json

import pytest

from clawvm.session.tools import (
    ToolKind,
    call_target,
    file_of,
    tool_kind,
    without_removed,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Read", ToolKind.READ),
        ("read_file", ToolKind.READ),
        ("readFile", ToolKind.READ),
        ("view", ToolKind.READ),
        ("WebFetch", ToolKind.READ),
        ("get_order_details", ToolKind.READ),
        ("Grep", ToolKind.SEARCH),
        ("Glob", ToolKind.SEARCH),
        ("WebSearch", ToolKind.SEARCH),
        ("search_flights", ToolKind.SEARCH),
        ("LS", ToolKind.SEARCH),
        ("find_user_id_by_email", ToolKind.SEARCH),
        ("Edit", ToolKind.EDIT),
        ("MultiEdit", ToolKind.EDIT),
        ("Write", ToolKind.EDIT),
        ("apply_patch", ToolKind.EDIT),
        ("str_replace_editor", ToolKind.EDIT),
        ("NotebookEdit", ToolKind.EDIT),
        ("Bash", ToolKind.SHELL),
        ("exec_command", ToolKind.SHELL),
        ("shell", ToolKind.SHELL),
        ("write_stdin", ToolKind.SHELL),
        ("Task", ToolKind.AGENT),
        ("mcp__server__read_page", ToolKind.READ),
        ("book_reservation", ToolKind.OTHER),
        ("forget", ToolKind.OTHER),
        ("", ToolKind.OTHER),
        ("工具", ToolKind.OTHER),
    ],
)
def test_the_words_of_a_name_tell_the_kind(name, kind):
    assert tool_kind(name) is kind


def test_only_reading_and_searching_retrieve():
    assert {kind for kind in ToolKind if kind.retrieves} == {ToolKind.READ, ToolKind.SEARCH}


@pytest.mark.parametrize("kind", ToolKind)
def test_every_kind_has_a_label_and_costs_something_to_run_again(kind):
    assert kind.label == f"{kind.name.lower()} exchange"
    assert kind.recompute_cost > 0


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        ({"file_path": "/a"}, "/a"),
        ({"path": "/a"}, "/a"),
        ({"filename": "a"}, "a"),
        ({"notebook_path": "/a.ipynb"}, "/a.ipynb"),
        ({"url": "https://x.test"}, "https://x.test"),
        ({"uri": "file:///a"}, "file:///a"),
        ({"path": "/b", "file_path": "/a"}, "/a"),
        ({"path": ""}, None),
        ({"path": ["/a"]}, None),
        ({"query": "/a"}, None),
        ({}, None),
        ("", None),
        ("*** Begin Patch\n*** Update File: src/a.py\n@@", "src/a.py"),
        ("*** Begin Patch\n*** Add File: b.py \n+x", "b.py"),
        ("*** Delete File: c.py", "c.py"),
        ("see *** Update File: a.py", None),
    ],
)
def test_the_target_of_a_call(arguments, target):
    assert call_target(arguments) == target


@pytest.mark.parametrize(
    ("tool", "target", "call", "file"),
    [
        (ToolKind.READ, "/home/me/project/src/a.py", "", "src/a.py"),
        (ToolKind.EDIT, "src/a.py", "", "src/a.py"),
        (ToolKind.READ, "a.py", "", "a.py"),
        (ToolKind.SHELL, None, 'shell {"command":"sed -n \'1,9p\' src/a.py"}', "src/a.py"),
        (ToolKind.SHELL, None, 'shell {"command":"cat a.py src/b.py | head -3"}', "src/b.py"),
        (ToolKind.SHELL, None, 'shell {"command":"make test"}', None),
        (ToolKind.READ, None, 'read {"what":"a.py"}', None),
    ],
)
def test_a_call_is_about_the_end_of_a_path(tool, target, call, file):
    assert file_of(tool, target, call) == file


@pytest.mark.parametrize("key", ["old_string", "oldString", "old_str", "oldText"])
def test_an_edit_without_what_it_took_away_says_how_much_that_was(key):
    whole = {"path": "a.py", key: "x = 1  # as it was\n" * 9, "new": "y = 1"}
    kept = json.loads(without_removed(whole))
    assert kept == {"path": "a.py", key: "[171 characters]", "new": "y = 1"}
    assert without_removed(json.dumps(whole)) == without_removed(whole)


def test_edits_in_a_list_are_cut_each():
    whole = {"edits": [{"old_string": "x" * 40, "new_string": "y"}] * 2}
    cut = {"old_string": "[40 characters]", "new_string": "y"}
    assert json.loads(without_removed(whole)) == {"edits": [cut, cut]}


def test_a_patch_loses_the_lines_that_it_removes():
    patch = "*** Begin Patch\n*** Update File: a.py\n@@\n one\n-two\n+2\n*** End Patch"
    kept = "*** Begin Patch\n*** Update File: a.py\n@@\n one\n+2\n*** End Patch"
    assert without_removed(patch) == kept
    assert json.loads(without_removed({"input": patch})) == {"input": kept}


@pytest.mark.parametrize(
    "arguments",
    ["", "- a list\n- not a patch", "{}", {"path": "a", "content": "-x"}, {"old_string": "short"}],
)
def test_an_edit_that_took_nothing_away_is_as_it_is(arguments):
    assert without_removed(arguments) is None


def test_arguments_nested_without_end_stay_as_they_are():
    nested: object = {"old_string": "x" * 40}
    for _ in range(400):
        nested = {"a": [nested]}
    assert without_removed({"b": nested}) is None
