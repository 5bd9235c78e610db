"""Hand-written and generated chat histories in both formats, for tests of any room."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Message = dict[str, Any]

PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
MARK = {"type": "ephemeral"}


def openai_call(call_id: Any, name: str = "read", arguments: str = '{"path": "a"}') -> Message:
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def custom_call(call_id: str, text: str) -> Message:
    return {"id": call_id, "type": "custom", "custom": {"name": "patch", "input": text}}


def openai_asks(*calls: Message, content: str | None = None) -> Message:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def openai_result(call_id: Any, text: str = "done") -> Message:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def tool_use(call_id: Any, name: str = "read", **arguments: Any) -> Message:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def tool_result(call_id: Any, content: Any = "done", **more: Any) -> Message:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def text(words: str, **more: Any) -> Message:
    return {"type": "text", "text": words, **more}


def user(*content: Any) -> Message:
    whole = len(content) == 1 and isinstance(content[0], str)
    return {"role": "user", "content": content[0] if whole else list(content)}


def says(*content: Any) -> Message:
    return user(*content) | {"role": "assistant"}


OPENAI: list[Message] = [
    {"role": "system", "content": "Be brief.", "name": "rules"},
    {"role": "developer", "content": [text("Never guess.", cache_control=MARK)]},
    {
        "role": "user",
        "name": "ann",
        "content": [
            text("What is on it?"),
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
            {"type": "file", "file": {"file_id": "file-1"}},
        ],
    },
    {
        "content": "I look.",
        "role": "assistant",
        "reasoning_content": "They want to know.",
        "refusal": None,
        "tool_calls": [
            openai_call("call_1", arguments='{"path":  "/a", "deep": {"b": [1, 2.50]}}'),
            custom_call("call_2", "*** Begin Patch"),
            openai_call("call_3", arguments="{not json"),
        ],
    },
    openai_result("call_2", "patched") | {"name": "patch"},
    openai_result("call_1", "") | {"content": [text("one"), text("two")]},
    openai_result("call_3", "bad arguments"),
    {"role": "assistant", "content": None, "audio": {"id": "audio_1"}},
    {"role": "user", "content": "and now?"},
    {"role": "assistant", "content": None, "function_call": {"name": "now", "arguments": "{}"}},
    {"role": "function", "name": "now", "content": "noon"},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}, text("Sorry.")]},
    {"role": "assistant", "content": None, "refusal": "I will not."},
    {"role": "user", "content": ""},
]

ANTHROPIC: list[Message] = [
    user(
        text("What is on it?", cache_control=MARK),
        {"type": "image", "source": PNG},
        {
            "type": "document",
            "title": "Notes",
            "source": {"type": "text", "media_type": "text/plain", "data": "long notes"},
        },
        {"type": "search_result", "source": "s", "title": "t", "content": [text("found")]},
    ),
    says(
        {"type": "thinking", "thinking": "They want to know.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZW5jcnlwdGVk"},
        text("I look."),
        {
            "type": "server_tool_use",
            "id": "srvtoolu_1",
            "name": "web_search",
            "input": {"query": "x"},
        },
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        tool_use("toolu_1", path="/a", deep={"b": [1, 2.5]}),
        tool_use("toolu_2", "shell", command="ls") | {"cache_control": MARK},
    ),
    user(
        tool_result(
            "toolu_2",
            [text("shot"), {"type": "image", "source": PNG}, text("end", cache_control=MARK)],
        ),
        tool_result("toolu_1", "no such file", is_error=True),
        text("go on"),
    ),
    {"role": "system", "content": "The budget is low."},
    says("Done."),
    user("thanks"),
]

HISTORIES = {"openai": OPENAI, "anthropic": ANTHROPIC}

_WORDS = st.text(alphabet='ab \n{}"\\é\ud800\x00', max_size=12)
_SOLID = _WORDS.map(lambda words: f"x{words}")
_IDS = st.sampled_from(["a", "b", "c", "a_2"])
_BAD_IDS = st.one_of(_IDS, st.sampled_from([None, "", 7, 8, True, 1.5]))
_ARGUMENTS = st.dictionaries(st.sampled_from("pq"), st.one_of(_WORDS, st.integers()), max_size=2)


def _openai_message(ids: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    call = st.builds(
        openai_call, ids, st.sampled_from("fg"), st.one_of(_ARGUMENTS.map(json.dumps), _WORDS)
    )
    content = st.one_of(st.none(), _WORDS, st.lists(_SOLID.map(text), max_size=2))
    asks = st.builds(
        lambda calls, said: openai_asks(*calls) | {"content": said},
        st.lists(call, max_size=3),
        content,
    )
    result = st.builds(openai_result, ids, _WORDS)
    named = st.sampled_from("fg")
    return st.one_of(
        _WORDS.map(user),
        _WORDS.map(says),
        asks,
        result,
        result,
        named.map(lambda name: {"role": "function", "name": name, "content": "r"}),
        named.map(
            lambda name: says("") | {"function_call": {"name": name, "arguments": "{}"}},
        ),
    )


def _anthropic_message(ids: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    said = _WORDS.map(text)
    image = st.just({"type": "image", "source": PNG})
    thinking = st.just({"type": "thinking", "thinking": "hm", "signature": "c2ln"})
    call = st.builds(lambda call_id, given: tool_use(call_id) | {"input": given}, ids, _ARGUMENTS)
    inner = st.one_of(_WORDS, st.lists(st.one_of(said, image), max_size=2))
    result = st.builds(tool_result, ids, inner)
    assistant = st.lists(st.one_of(said, call, call, thinking), max_size=4)
    asked = st.lists(st.one_of(said, result, result, image), max_size=4)
    return st.one_of(
        _WORDS.map(user),
        _SOLID.map(lambda words: {"role": "system", "content": words}),
        asked.map(lambda blocks: {"role": "user", "content": blocks}),
        assistant.map(lambda blocks: {"role": "assistant", "content": blocks}),
        assistant.map(lambda blocks: {"role": "assistant", "content": blocks}),
    )


def histories(shape: str, *, bad_ids: bool = True) -> st.SearchStrategy[list[Message]]:
    """Generate histories broken in every way: ids reused or missing, results anywhere, blanks."""
    ids = _BAD_IDS if bad_ids else _IDS
    message = _openai_message(ids) if shape == "openai" else _anthropic_message(ids)
    return st.lists(message, max_size=8)
