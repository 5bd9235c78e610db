"""Short sessions joined into a long one."""

import io

import pytest
from hand_traces import Words, call, result, said, system, trace, user, words

from clawvm.errors import TraceInvalid
from clawvm.replay import Recording, replay
from clawvm.replay.chaining import chained
from clawvm.replay.importers import open_sessions
from clawvm.replay.trace import Clear, Compaction, Reset, Thinking, write_trace

POLICY = system("Refunds need a receipt.")


def test_a_reset_stands_between_each_session_and_the_next():
    chain = chained([trace(user("a")), trace(user("b")), trace(user("c"))])

    assert chain.events == [user("a"), Reset(), user("b"), Reset(), user("c")]


def test_a_system_prompt_that_all_begin_with_is_kept_once():
    chain = chained([trace(POLICY, user("a")), trace(POLICY, user("b"))])

    assert chain.events == [POLICY, user("a"), Reset(), user("b")]


def test_a_system_prompt_of_its_own_is_kept():
    other = system("Refunds need a receipt!")

    chain = chained([trace(POLICY, user("a")), trace(other, user("b")), trace(POLICY, user("c"))])

    assert chain.events == [POLICY, user("a"), Reset(), other, user("b"), Reset(), user("c")]


def test_instructions_outlive_a_reset_and_are_kept_once():
    rules = user("Use tabs.", origin="instructions")

    chain = chained([trace(rules, user("a")), trace(rules, user("b"))])

    assert chain.events == [rules, user("a"), Reset(), user("b")]


def test_what_a_reset_takes_away_is_kept_each_time():
    chain = chained([trace(user("a")), trace(user("a"))])

    assert chain.events == [user("a"), Reset(), user("a")]


def test_a_reminder_in_the_middle_of_a_session_is_no_system_prompt():
    session = trace(POLICY, user("a"), said("b"), POLICY)

    chain = chained([session, session])

    assert chain.events == [*session.events, Reset(), *session.events[1:]]


def test_ids_of_calls_and_replies_are_unique_in_the_chain():
    session = trace(
        user("a"),
        Thinking(text="hm", reply="m1"),
        said("Looking.", reply="m1"),
        call("c1", "read", {"path": "x"}, reply="m1"),
        result("c1", "text"),
        Clear(call_ids=("c1",)),
        Compaction(summary="s"),
    )

    first, second = chained([session, session]).events[:7], chained([session, session]).events[8:]

    assert [event.reply for event in first[1:4]] == ["0-m1"] * 3
    assert [event.reply for event in second[1:4]] == ["1-m1"] * 3
    assert (first[3].id, first[4].call_id, first[5].call_ids) == ("0-c1", "0-c1", ("0-c1",))
    assert (second[3].id, second[4].call_id, second[5].call_ids) == ("1-c1", "1-c1", ("1-c1",))
    assert session.events[3].id == "c1"


def test_what_a_compaction_kept_is_named_by_its_place_in_the_chain():
    session = trace(POLICY, user("a"), said("b"), Compaction(kept=(1, 2)), user("c"))

    events = chained([session, session]).events

    kept = [event.kept for event in events if isinstance(event, Compaction)]
    assert [[events[place] for place in places] for places in kept] == [[user("a"), said("b")]] * 2
    assert kept == [(1, 2), (6, 7)]


def test_ids_that_look_like_those_of_a_chain_stay_unique():
    once = trace(user("a"), call("0-c", "f", {}), result("0-c", "x"), call("c", "f", {}))

    twice = chained([chained([once, once]), once])

    ids = [event.id for event in twice.events if hasattr(event, "name")]
    assert len(set(ids)) == len(ids) == 6


def test_a_chain_is_a_trace_that_can_be_written_and_read(tmp_path):
    session = trace(POLICY, user("a"), call("c", "f", {}, reply="m"), result("c", "x"))
    path = tmp_path / "chain.jsonl"
    with path.open("wb") as stream:
        write_trace(chained([session] * 3), stream)

    (copy,) = open_sessions(path)

    assert copy.report.is_clean
    assert copy.trace == chained([session] * 3)


def test_the_same_sessions_give_the_same_bytes():
    def written():
        stream = io.BytesIO()
        write_trace(chained(trace(POLICY, user(text), said("b")) for text in "xyz"), stream)
        return stream.getvalue()

    assert written() == written()


def test_the_header_names_the_first_session_and_how_many_there_are():
    header = chained([trace(user("a")), trace(user("b"))]).header

    assert header.session == "by hand (chain of 2)"
    assert header.shape == "openai"


@pytest.mark.parametrize(
    ("sessions", "message"),
    [
        ([], "expected at least one session, found none"),
        (
            [trace(user("a")), trace(user("b"), shape="anthropic")],
            "expected openai messages, found anthropic",
        ),
    ],
)
def test_what_cannot_be_chained_is_refused(sessions, message):
    with pytest.raises(TraceInvalid, match=message):
        chained(sessions)


@pytest.mark.parametrize("policy", ["full", "sliding-window", "lru", "clawvm"])
def test_the_policy_is_in_every_prompt_of_a_chain_and_the_past_in_none(policy):
    sessions = [
        trace(
            POLICY,
            user(words(20, name)),
            said(words(20, f"{name}-answer")),
            user("more"),
            said("ok"),
        )
        for name in ("ann", "bob", "eve")
    ]
    shown = []

    replay(
        Recording.of("chain", chained(sessions)),
        policy,
        70,
        Words(),
        lambda request, prompt, session: shown.append(str(prompt.messages)),
    )

    assert len(shown) == 6
    for request, prompt in enumerate(shown):
        assert POLICY.text in prompt
        others = {"ann", "bob", "eve"} - {("ann", "bob", "eve")[request // 2]}
        assert not any(f"{name}0" in prompt for name in others)


def test_a_quotation_of_a_session_before_is_none():
    quoted = "Please bring rubber boots on Thursday, they are needed."
    session = trace(POLICY, user(quoted), said("Yes."), user("What?"), said(quoted))

    recording = Recording.of("chain", chained([session, session]))
    result = replay(recording, "full", 1000, Words())

    assert [(span.request, span.sources) for span in recording.spans] == [(1, (1,)), (3, (5,))]
    assert result.spans.available == 2
