"""What ``docs/span-availability.md`` says is so: its worked example, and its checking program."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from clawvm.replay.availability import Availability, SpanTotals
from clawvm.replay.blocks import Block
from clawvm.replay.demo import demo_records
from clawvm.replay.spans import measured_spans

PAGE = Path(__file__).parents[2] / "docs" / "span-availability.md"
CLEARED = "[cleared]"


def test_the_worked_example() -> None:
    answer = "Shut off on Thursday 5 March from 08:30 to 11:45. Grey bins on Tuesday."
    notice = "Water is shut off on Thursday 5 March from 08:30 to 11:45. Bring rubber boots."
    blocks = [
        Block(0, 0, "in", "result", notice),
        Block(1, 0, "out", "text", "Noted.", leaves=("Noted.",)),
        Block(2, 1, "in", "user", "And the bins?"),
        Block(3, 1, "out", "text", answer, leaves=(answer,)),
    ]
    (span,) = measured_spans(blocks)
    assert span.text == "hut off on Thursday 5 March from 08:30 to 11:45. "
    assert (len(span.text), sum(map(str.isalnum, span.text))) == (49, 36)
    assert (span.start, span.sources, span.age_characters) == (1, (0,), 38)
    for shown, totals in (
        ({0: notice}, SpanTotals(1, 1, 0)),
        ({0: "Water is shut off on Thursday 5 March [...]"}, SpanTotals(1, 0, 1)),
        ({}, SpanTotals(1, 0, 0)),
    ):
        availability = Availability([span], blocks)
        availability.observe(1, shown.get)
        assert availability.totals == totals
    for block in blocks:
        assert f"| {block.index} | {block.request} | {block.direction} | `{block.text}` |" in (
            PAGE.read_text(encoding="utf-8")
        )


def string_leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in string_leaves(item)]
    return [value if isinstance(value, str) else json.dumps(value)]


def demo_as_blocks_and_messages() -> tuple[list[Block], list[dict[str, Any]]]:
    """The demo, one message a block, so that the two lists have the same places."""
    blocks: list[Block] = []
    messages: list[dict[str, Any]] = []
    request, reply = 0, None
    for event in demo_records()[1:]:
        text = event.get("text", "")
        if event["kind"] in ("compaction", "reset"):
            continue
        if "reply" not in event:
            request += reply is not None
            reply = None
            blocks.append(
                Block(len(blocks), request, "in", "x", text, fixed=event.get("role") == "system")
            )
            messages.append({"role": event.get("role", "tool"), "content": text})
            continue
        if reply not in (None, event["reply"]):
            request += 1
        reply = event["reply"]
        if event["kind"] == "message":
            blocks.append(Block(len(blocks), request, "out", "text", text, leaves=(text,)))
            messages.append({"role": "assistant", "content": text})
            continue
        leaves = string_leaves(event["arguments"])
        text = "\n".join([event["name"], *leaves, ""])
        paths = tuple(leaf == event["arguments"].get("path") for leaf in leaves)
        blocks.append(
            Block(
                len(blocks), request, "out", "call", text, leaves=tuple(leaves), path_leaves=paths
            )
        )
        function = {"name": event["name"], "arguments": json.dumps(event["arguments"])}
        messages.append(
            {"role": "assistant", "content": None, "tool_calls": [{"function": function}]}
        )
    return blocks, messages


def test_the_checking_program_finds_the_same_figure(tmp_path: Path) -> None:
    blocks, messages = demo_as_blocks_and_messages()
    last = blocks[-1].request
    full, policy = [], []
    availability = Availability(
        [span for span in measured_spans(blocks) if span.request < last], blocks
    )
    for request in range(last + 1):
        history = [block for block in blocks if block.request < request + (block.direction == "in")]
        # A policy that clears every third result: some spans stay, some do not.
        cleared = {b.index for b in history if b.direction == "in" and b.index % 3 == 0}
        full.append([messages[block.index] for block in history])
        policy.append(
            [
                messages[b.index] | ({"content": CLEARED} if b.index in cleared else {})
                for b in history
            ]
        )
        texts = {b.index: CLEARED if b.index in cleared else b.text for b in history}
        availability.observe(request, texts.get)
    program = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    (tmp_path / "check.py").write_text(program, encoding="utf-8")
    for name, prompts in (("full", full), ("policy", policy)):
        lines = "".join(
            json.dumps({"request": request, "messages": prompt}) + "\n"
            for request, prompt in enumerate(prompts)
        )
        (tmp_path / name).write_text(lines, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "check.py", "full", "policy"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    totals = availability.totals
    assert run.stdout.split() == [str(totals.spans), str(totals.available)]
    assert 0 < totals.available < totals.spans
