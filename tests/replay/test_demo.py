"""The demo session holds what a replay shows: pressure, quotations, a compaction, a reset."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from clawvm.replay.blocks import Block
from clawvm.replay.demo import demo_jsonl, demo_records
from clawvm.replay.spans import measured_spans

BUDGET_TOKENS = 8_000
Record = dict[str, Any]


@pytest.fixture(scope="module")
def events() -> list[Record]:
    return demo_records()[1:]


def of_kind(events: list[Record], kind: str) -> list[Record]:
    return [event for event in events if event["kind"] == kind]


def place(events: list[Record], kind: str) -> int:
    (found,) = [number for number, event in enumerate(events) if event["kind"] == kind]
    return found


def replies(events: list[Record]) -> list[str]:
    return list(dict.fromkeys(event["reply"] for event in events if "reply" in event))


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for item in value for leaf in strings(item)] if isinstance(value, list) else []


def blocks(events: list[Record]) -> list[Block]:
    """The session as blocks; each reply is the next request."""
    made: list[Block] = []
    replied = replies(events)
    request = 0
    for event in events:
        if "reply" in event:
            leaves = strings(event.get("arguments", event.get("text")))
            number = replied.index(event["reply"])
            text = "\n".join([event.get("name", ""), *leaves, ""])
            made.append(Block(len(made), number, "out", "call", text, leaves=tuple(leaves)))
            request = number + 1
        elif "text" in event:
            fixed = event.get("role") == "system"
            made.append(Block(len(made), request, "in", "result", event["text"], fixed=fixed))
    return made


def test_the_header_names_the_format_and_the_session() -> None:
    assert demo_records()[0] == {
        "format": "clawvm-trace",
        "version": 1,
        "session": "morning-routine",
        "source": {"format": "demo", "file": "demo"},
        "shape": "openai",
    }


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_bytes_are_the_same_in_every_process(seed: str) -> None:
    program = (
        "import sys; from clawvm.replay.demo import demo_jsonl; "
        "sys.stdout.buffer.write(demo_jsonl())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True
    )
    assert run.stdout == demo_jsonl()


def test_each_line_is_one_record() -> None:
    lines = demo_jsonl().decode().splitlines()
    assert [json.loads(line) for line in lines] == demo_records()


def test_callers_cannot_change_each_others_records() -> None:
    demo_records()[1]["text"] = ""
    assert demo_records()[1]["text"]


def test_it_overflows_a_budget_of_8k_tokens_more_than_four_times(events: list[Record]) -> None:
    characters = sum(len(block.text) for block in blocks(events))
    assert characters / 4 > 4 * BUDGET_TOKENS


def test_no_single_block_is_larger_than_half_of_that_budget(events: list[Record]) -> None:
    assert max(len(block.text) for block in blocks(events)) / 4 < BUDGET_TOKENS / 2


def test_every_call_has_one_result_before_the_next_reply(events: list[Record]) -> None:
    waiting: list[str] = []
    reply = None
    for event in events:
        if event["kind"] == "result":
            waiting.remove(event["call_id"])
            continue
        if event.get("reply") != reply:
            assert waiting == []
        reply = event.get("reply")
        if event["kind"] == "call":
            waiting.append(event["id"])
    assert waiting == []
    ids = [event["id"] for event in of_kind(events, "call")]
    assert len(set(ids)) == len(ids)


def test_a_manual_compaction_stands_at_two_thirds(events: list[Record]) -> None:
    cut = place(events, "compaction")
    assert events[cut]["trigger"] == "manual"
    share = len(replies(events[:cut])) / len(replies(events))
    assert 0.6 < share < 0.72


def test_what_the_compaction_kept_has_the_goal_but_neither_step_nor_rules(
    events: list[Record],
) -> None:
    summary = events[place(events, "compaction")]["summary"]
    assert "morning routine" in summary
    assert "go-ahead" not in summary
    assert "step" not in summary


def test_a_reset_near_the_end_is_followed_by_a_few_turns(events: list[Record]) -> None:
    after = events[place(events, "reset") + 1 :]
    assert 3 <= len(replies(after)) <= 8
    assert after[0]["role"] == "user"


def test_the_calendar_is_asked_again_after_the_compaction_and_answers_the_same(
    events: list[Record],
) -> None:
    results = {event["call_id"]: event["text"] for event in of_kind(events, "result")}
    cut = place(events, "compaction")

    def queries(part: list[Record]) -> list[Record]:
        return [call for call in of_kind(part, "call") if call["name"] == "calendar_query"]

    before, after = queries(events[:cut])[-1], queries(events[cut:])[0]
    assert before["arguments"] == after["arguments"]
    assert results[before["id"]] == results[after["id"]]


def test_the_plan_has_five_steps_and_moves_on_one_at_a_time(events: list[Record]) -> None:
    plans = [
        call["arguments"]["steps"]
        for call in of_kind(events, "call")
        if call["name"] == "plan_update"
    ]
    done = [sum(step["status"] == "done" for step in steps) for steps in plans]
    assert done == [0, 1, 2, 3, 4, 5]
    assert {len(steps) for steps in plans} == {5}


def test_no_mail_is_sent_without_a_draft_and_a_go_ahead_after_it(events: list[Record]) -> None:
    drafted = 0
    heard = True
    for event in events:
        if event.get("role") == "user":
            heard = True
        elif event.get("name") == "mail_draft":
            drafted, heard = drafted + 1, False
        elif event.get("name") == "mail_send":
            assert heard
            assert int(event["arguments"]["draft"].removeprefix("d-")) <= drafted


def test_nothing_of_the_practice_leaves_the_private_channel(events: list[Record]) -> None:
    notices = [call["arguments"] for call in of_kind(events, "call") if call["name"] == "notify"]
    assert {notice["channel"] for notice in notices} == {
        "private",
        "house",
        "family",
        "ledger",
        "desk",
    }
    assert {notice["channel"] for notice in notices if "appointment" in notice["text"]} == {
        "private"
    }


def test_the_model_quotes_what_it_read_long_before(events: list[Record]) -> None:
    spans = measured_spans(blocks(events))
    assert len(spans) >= 40
    assert sum(span.age_characters / 4 > BUDGET_TOKENS for span in spans) >= 10


def test_every_address_is_in_a_domain_kept_for_examples() -> None:
    words = demo_jsonl().decode().replace("\\n", " ").split()
    addresses = [word.strip("<>\".,;:'()[]\\") for word in words if "@" in word]
    assert addresses
    hosts = {address.rpartition("@")[2] for address in addresses}
    assert {host for host in hosts if not host.endswith((".example", "example.net"))} == set()
