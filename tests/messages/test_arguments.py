"""Signatures and the cheap form of a call."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawvm.errors import MessageInvalid
from clawvm.messages import shorten_arguments, signature

HANDLE = "clawvm://s/p@1"
LONG = "x" * 1_234


def test_key_order_and_white_space_do_not_change_a_signature():
    expected = signature("read", {"a": 1, "b": {"c": 2, "d": 3}})
    assert signature("read", '{ "b": {"d":3, "c":2},\n "a": 1 }') == expected
    assert signature("read", {"b": {"d": 3, "c": 2}, "a": 1}) == expected


def test_different_calls_have_different_signatures():
    calls = [
        ("read", {"a": 1}),
        ("write", {"a": 1}),
        ("read", {"a": "1"}),
        ("read", {"a": 1.5}),
        ("read", "a 1"),
        ("read", "a  1"),
        ("read", ""),
        ("read a", "1"),
    ]
    assert len({signature(name, arguments) for name, arguments in calls}) == len(calls)


def test_free_text_and_broken_json_have_a_signature():
    assert signature("patch", "*** Begin") == '"patch" *** Begin'
    assert signature("read", "{") == '"read" {'


def test_a_signature_is_plain_ascii_unless_the_text_is_free():
    assert signature("é", {"ü": "\ud800"}).isascii()


def test_arguments_that_are_no_json_have_no_signature():
    with pytest.raises(MessageInvalid, match="call of 'read': expected arguments"):
        signature("read", {"a": {1}})


def test_nesting_beyond_the_recursion_limit_is_free_text():
    deep = "[" * 100_000
    assert signature("read", deep) == f'"read" {deep}'


def test_long_strings_become_a_marker_at_any_depth():
    arguments = {"path": "a.py", "edits": [{"old": LONG, "line": 3}], "new": LONG}
    marker = "[1,234 characters: clawvm://s/p@1]"
    short = json.loads(shorten_arguments(arguments, HANDLE))
    assert short["edits"] == [{"old": marker, "line": 3}]
    assert list(short) == ["path", "edits", "new"]


def test_only_the_first_marker_says_where_the_rest_is():
    short = shorten_arguments({"old": LONG, "new": LONG}, HANDLE)
    assert json.loads(short) == {
        "old": "[1,234 characters: clawvm://s/p@1]",
        "new": "[1,234 characters]",
    }


def test_a_marker_without_a_handle_says_only_how_much_it_is():
    assert shorten_arguments({"new": LONG}, "") == '{"new":"[1,234 characters]"}'


def test_text_is_left_as_it_is_around_the_long_strings():
    text = '{ "n": 2.50,  "s": "%s" ,"n": 1e999}' % LONG  # noqa: UP031 - braces
    short = shorten_arguments(text, HANDLE)
    assert short == '{ "n": 2.50,  "s": "[1,234 characters: clawvm://s/p@1]" ,"n": 1e999}'


def test_keys_are_never_replaced():
    arguments = {LONG: "short"}
    assert shorten_arguments(arguments, HANDLE) is None


def test_sizes_are_characters_not_escapes():
    arguments = json.dumps({"s": "\u00e9\n" * 200})
    assert "[400 characters:" in shorten_arguments(arguments, HANDLE)
    assert shorten_arguments(json.dumps({"s": "\u00e9" * 100}), HANDLE) is None


def test_nothing_saved_is_none():
    assert shorten_arguments({"path": "a.py"}, HANDLE) is None
    assert shorten_arguments("{}", HANDLE) is None
    assert shorten_arguments("", HANDLE) is None
    assert shorten_arguments({"s": "x" * 30}, HANDLE, limit=10) is None


def test_free_text_is_one_string():
    assert shorten_arguments(LONG, HANDLE) == "[1,234 characters: clawvm://s/p@1]"
    assert shorten_arguments("short", HANDLE) is None
    assert shorten_arguments('{"cut": "' + "x" * 300, HANDLE).startswith("[309 characters")


def test_the_limit_is_in_characters():
    assert shorten_arguments({"s": "x" * 60}, HANDLE, limit=60) is None
    assert shorten_arguments({"s": "x" * 61}, HANDLE, limit=60) is not None


def test_an_argument_that_looks_like_a_marker_is_an_argument():
    arguments = {"s": "[9 characters: clawvm://s/p@1]" * 20}
    assert "[600 characters: clawvm://s/p@1]" in shorten_arguments(arguments, HANDLE)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=60)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


def shape_only(value):
    """Blank out the strings that a marker may replace."""
    if isinstance(value, dict):
        return {key: shape_only(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape_only(inner) for inner in value]
    return "" if isinstance(value, str) and len(value) > 12 else value


@settings(deadline=None, max_examples=200)
@given(arguments=st.dictionaries(st.text(max_size=5), JSON, max_size=4), spaced=st.booleans())
def test_only_long_strings_ever_change(arguments, spaced):
    given_form = json.dumps(arguments, indent=1 if spaced else None)
    short = shorten_arguments(given_form, "h", limit=12)
    if short is not None:
        assert len(short) < len(given_form)
        assert shape_only(json.loads(short)) == shape_only(arguments)
