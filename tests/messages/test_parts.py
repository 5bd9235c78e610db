"""What a message is read into, in both formats."""

from __future__ import annotations

from chat_histories import ANTHROPIC, OPENAI, PNG, openai_asks, openai_call, text, user

from clawvm.messages import PartKind, parse, parse_all

TEXT, CALL, RESULT, OPAQUE = PartKind.TEXT, PartKind.CALL, PartKind.RESULT, PartKind.OPAQUE


def kinds(message, shape):
    return [part.kind for part in parse(message, shape).parts]


def test_openai_user_blocks_are_parts_and_media_are_opaque():
    envelope = parse(OPENAI[2], "openai")
    assert envelope.role == "user"
    assert [part.kind for part in envelope.parts] == [TEXT, OPAQUE, OPAQUE, OPAQUE]
    assert [part.text for part in envelope.parts] == ["What is on it?", "", "", ""]
    assert all(part.extra_tokens > 0 for part in envelope.parts[1:])


def test_openai_assistant_gives_reasoning_text_and_calls_in_order():
    parts = parse(OPENAI[3], "openai").parts
    assert [part.kind for part in parts] == [OPAQUE, TEXT, CALL, CALL, CALL]
    assert parts[0].text == "They want to know."
    assert [part.call_id for part in parts[2:]] == ["call_1", "call_2", "call_3"]
    assert [part.name for part in parts[2:]] == ["read", "patch", "read"]


def test_openai_call_text_is_its_name_and_its_arguments_as_they_were_sent():
    part = parse(OPENAI[3], "openai").parts[2]
    assert part.text == 'read {"path":  "/a", "deep": {"b": [1, 2.50]}}'
    assert part.arguments == {"path": "/a", "deep": {"b": [1, 2.5]}}


def test_arguments_that_are_no_json_object_stay_text():
    parts = parse(OPENAI[3], "openai").parts
    assert parts[3].arguments == "*** Begin Patch"
    assert parts[4].arguments == "{not json"
    listed = parse(openai_asks(openai_call("c", arguments="[1]")), "openai").parts[0]
    assert listed.arguments == "[1]"


def test_openai_tool_message_is_one_result():
    (part,) = parse(OPENAI[5], "openai").parts
    assert (part.kind, part.call_id, part.text) == (RESULT, "call_1", "one\ntwo")


def test_openai_legacy_function_messages_are_call_and_result():
    (call,) = parse(OPENAI[9], "openai").parts
    (result,) = parse(OPENAI[10], "openai").parts
    assert (call.kind, call.name, call.call_id) == (CALL, "now", None)
    assert (result.kind, result.name, result.text) == (RESULT, "now", "noon")


def test_openai_refusals_and_audio_are_opaque():
    assert kinds(OPENAI[7], "openai") == [OPAQUE]
    assert kinds(OPENAI[11], "openai") == [OPAQUE, TEXT]
    assert parse(OPENAI[12], "openai").parts[0].text == "I will not."


def test_anthropic_blocks_are_parts():
    parts = parse(ANTHROPIC[1], "anthropic").parts
    assert [part.kind for part in parts] == [OPAQUE, OPAQUE, TEXT, OPAQUE, OPAQUE, CALL, CALL]
    assert parts[0].text == "They want to know."
    assert parts[5].text == 'read {"path":"/a","deep":{"b":[1,2.5]}}'
    assert parts[5].arguments == {"path": "/a", "deep": {"b": [1, 2.5]}}


def test_anthropic_results_tell_error_text_images_and_marks():
    parts = parse(ANTHROPIC[2], "anthropic").parts
    assert [part.kind for part in parts] == [RESULT, RESULT, TEXT]
    assert [part.is_error for part in parts] == [False, True, False]
    assert parts[0].text == "shot\nend"
    assert parts[0].extra_tokens > 0
    assert [part.marked for part in parts] == [True, False, False]


def test_a_call_that_the_provider_ran_shares_its_id_with_its_answer():
    parts = parse(ANTHROPIC[1], "anthropic").parts
    assert parts[3].call_id == parts[4].call_id == "srvtoolu_1"
    assert not parts[3].replaceable
    assert not parts[4].replaceable


def test_signed_thinking_is_not_replaceable():
    thinking, redacted, said = parse(ANTHROPIC[1], "anthropic").parts[:3]
    assert not thinking.replaceable
    assert not redacted.replaceable
    assert said.replaceable


def test_a_document_of_text_is_counted_by_its_text():
    part = parse(ANTHROPIC[0], "anthropic").parts[2]
    assert (part.kind, part.text, part.extra_tokens) == (OPAQUE, "Notes\nlong notes", 0)


def test_a_document_of_blocks_is_counted_by_its_blocks():
    content = [text("page"), {"type": "image", "source": PNG}]
    block = {"type": "document", "source": {"type": "content", "content": content}}
    (part,) = parse(user(block), "anthropic").parts
    assert part.text == "page"
    assert part.extra_tokens > 0


def test_a_document_of_one_string_is_counted_by_it():
    block = {"type": "document", "source": {"type": "content", "content": "page"}}
    (part,) = parse(user(block), "anthropic").parts
    assert (part.text, part.extra_tokens) == ("page", 0)


def test_a_document_without_readable_text_costs_a_fixed_estimate():
    block = {"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}}
    (part,) = parse(user(block), "anthropic").parts
    assert part.text == ""
    assert part.extra_tokens > 0


def test_unknown_blocks_are_opaque_and_counted_as_json():
    block = {"type": "from_the_future", "body": ["é"]}
    for shape in ("openai", "anthropic"):
        (part,) = parse(user(block), shape).parts
        assert part.kind is OPAQUE
        assert "é" in part.text


def test_a_message_without_content_has_one_empty_text():
    for shape in ("openai", "anthropic"):
        for content in ("", []):
            (part,) = parse({"role": "user", "content": content}, shape).parts
            assert (part.kind, part.text) == (TEXT, "")
    (part,) = parse({"role": "assistant", "content": None}, "openai").parts
    assert (part.kind, part.text) == (TEXT, "")


def test_ids_that_are_numbers_are_kept_as_digits_and_flagged():
    (part,) = parse(openai_asks(openai_call(7)), "openai").parts
    assert (part.call_id, part.id_sound) == ("7", False)
    (part,) = parse(openai_asks(openai_call("")), "openai").parts
    assert (part.call_id, part.id_sound) == (None, False)


def test_parsing_keeps_the_message_itself():
    for shape, history in (("openai", OPENAI), ("anthropic", ANTHROPIC)):
        for envelope, message in zip(parse_all(history, shape), history, strict=True):
            assert envelope.message is message
