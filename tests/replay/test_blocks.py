"""Blocks and turns: the definitions of a request, the full history and the text of a page."""

from clawvm.replay.blocks import blocks_of, histories_of, leaves_of, turns_of
from clawvm.replay.trace import (
    Abort,
    Call,
    Compaction,
    Header,
    Message,
    Reset,
    Result,
    Thinking,
    Trace,
    TraceSource,
)

HEADER = Header(session="s", source=TraceSource("codex", "s.jsonl"), shape="openai")


def trace(*events):
    return Trace(HEADER, list(events))


def user(text, **fields):
    return Message(role="user", text=text, **fields)


def said(text, reply=None):
    return Message(role="assistant", text=text, reply=reply)


def call(name, reply=None, **arguments):
    return Call(id=name, name=name, arguments=arguments, reply=reply)


def result(name):
    return Result(call_id=name, text=f"result of {name}")


def shape(*events):
    """Every block as (request, direction, first word of its text)."""
    return [(b.request, b.direction, b.text.split()[0]) for b in blocks_of(trace(*events))]


def test_a_request_starts_at_an_output_that_follows_an_input():
    assert shape(user("u1"), said("a"), call("x"), result("x"), said("b"), user("u2")) == [
        (0, "in", "u1"),
        (0, "out", "a"),
        (0, "out", "x"),
        (1, "in", "result"),
        (1, "out", "b"),
        (2, "in", "u2"),
    ]


def test_results_between_the_calls_of_one_reply_move_behind_them():
    events = (
        user("u"),
        call("x", "r1"),
        result("x"),
        call("y", "r1"),
        result("y"),
        said("a", "r2"),
    )

    assert shape(*events) == [
        (0, "in", "u"),
        (0, "out", "x"),
        (0, "out", "y"),
        (1, "in", "result"),
        (1, "in", "result"),
        (1, "out", "a"),
    ]


def test_without_recorded_reply_ids_every_input_ends_a_request():
    assert [b[0] for b in shape(user("u"), call("x"), result("x"), call("y"))] == [0, 0, 1, 1]


def test_outputs_that_no_input_parts_are_one_request():
    assert [b[0] for b in shape(user("u"), said("a", "r1"), said("b", "r2"))] == [0, 0, 0]


def test_a_session_that_begins_with_an_output_has_a_request_without_inputs():
    assert shape(said("a"), user("u"), said("b")) == [
        (0, "out", "a"),
        (1, "in", "u"),
        (1, "out", "b"),
    ]


def test_thinking_and_recorded_summaries_give_no_block():
    events = (user("u"), Thinking(text="hm"), said("a"), Compaction(summary="so far"), user("v"))

    assert [b.text for b in blocks_of(trace(*events))] == ["u", "a", "v"]


def test_index_is_the_place_in_the_full_history():
    events = (user("u"), call("x", "r"), result("x"), call("y", "r"), result("y"))

    assert [b.index for b in blocks_of(trace(*events))] == [0, 1, 2, 3, 4]


def test_a_call_is_its_name_and_every_leaf_a_line():
    arguments = {"a": "one\r\ntwo", "b": [1, "three", {"c": None, "d": True}], "e": {}}
    (block,) = blocks_of(trace(Call(id="1", name="edit", arguments=arguments)))

    assert block.text == "edit\none\ntwo\n1\nthree\nnull\ntrue\n"
    assert block.leaves == ("one\ntwo", "three")


def test_free_text_arguments_are_one_leaf():
    (block,) = blocks_of(trace(Call(id="1", name="apply_patch", arguments="*** Begin")))

    assert (block.text, block.leaves) == ("apply_patch\n*** Begin\n", ("*** Begin",))


def test_path_arguments_are_marked():
    arguments = {"file_path": "/a", "text": "b", "paths": "c", "path": ["d"], "workdir": "e"}
    (block,) = blocks_of(trace(Call(id="1", name="x", arguments=arguments)))

    assert block.path_leaves == (True, False, False, True, True)


def test_inputs_have_no_leaves_and_assistant_text_is_its_own():
    question, answer = blocks_of(trace(user("u"), said("a\r\nb")))

    assert question.leaves == ()
    assert (answer.leaves, answer.path_leaves) == (("a\nb",), (False,))


def test_kinds_of_inputs():
    events = (
        Message(role="system", text="s"),
        Message(role="developer", text="d"),
        user("u"),
        user("# AGENTS.md instructions"),
        user("<environment_context>"),
        user("<user_instructions>"),
        user("\n<system-reminder>"),
        user("made by the harness", origin="instructions"),
        user("# AGENTS.md of a file", origin="attachment"),
        call("x"),
        result("x"),
        said("a"),
    )

    kinds = [block.kind for block in blocks_of(trace(*events))]

    assert kinds == [
        *("system", "system", "user"),
        *("instr",) * 5,
        *("attachment", "call", "result", "text"),
    ]


def test_only_system_blocks_before_the_first_output_are_fixed():
    system = Message(role="developer", text="s")
    blocks = blocks_of(trace(system, user("u"), system, said("a"), system))

    assert [block.fixed for block in blocks] == [True, False, True, False, False]


def test_turns_hold_the_same_blocks_as_the_history():
    events = (user("u"), call("x", "r"), result("x"), call("y", "r"), result("y"), said("a"))
    steps = [step for turn in turns_of(trace(*events)) for step in (*turn.before, *turn.outputs)]

    assert [step.block for step in steps] == blocks_of(trace(*events))
    assert [step.event for step in steps] == [events[i] for i in (0, 1, 3, 2, 4, 5)]


def test_lifecycle_events_keep_their_place_before_a_request():
    compaction, abort = Compaction(), Abort()
    first, second = turns_of(
        trace(user("u"), call("x"), result("x"), compaction, user("v"), abort, said("a"))
    )

    assert [step.event for step in second.before] == [result("x"), compaction, user("v"), abort]
    assert [step.event for step in second.lifecycle] == [compaction, abort]
    assert [step.event for step in second.inputs] == [result("x"), user("v")]
    assert first.lifecycle == ()


def test_a_reset_parts_outputs_into_two_requests():
    first, second = turns_of(trace(user("u"), said("a"), Reset(), said("b")))

    assert [step.event for step in first.outputs] == [said("a")]
    assert [step.event for step in second.before] == [Reset()]
    assert [step.event for step in second.outputs] == [said("b")]


def test_without_a_reset_the_history_is_one():
    events = trace(user("u"), said("a"), user("v"))

    assert histories_of(turns_of(events)) == [blocks_of(events)]


def test_a_history_begins_at_a_reset_with_what_outlives_it():
    rules = user("r", origin="instructions")
    policy = Message(role="system", text="s")
    events = trace(policy, rules, user("u"), said("a"), user("bye"), Reset(), user("v"))

    before, after = histories_of(turns_of(events))

    assert [block.text for block in before] == ["s", "r", "u", "a", "bye"]
    assert [block.text for block in after] == ["s", "r", "v"]
    assert [block.index for block in after] == [0, 1, 5]


def test_what_was_never_answered_is_a_last_turn_without_outputs():
    turns = turns_of(trace(user("u"), said("a"), user("bye"), Reset()))

    assert [len(turn.outputs) for turn in turns] == [1, 0]
    assert [step.event for step in turns[1].before] == [user("bye"), Reset()]


def test_an_empty_trace_has_no_turns():
    assert turns_of(trace()) == []


def test_leaves_of_a_value_nested_beyond_the_stack():
    value = "x"
    for _ in range(100_000):
        value = [value]

    assert list(leaves_of(value)) == [(None, "x")]
    while isinstance(value, list):  # taken apart by hand: freeing it whole would recurse
        value = value[0]
