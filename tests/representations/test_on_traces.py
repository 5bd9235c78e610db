"""What the forms cost and keep on recorded sessions; docs/representations.md has the table.

``python tests/representations/test_on_traces.py`` prints it anew. The sessions are not part of the
project: ``CLAWVM_TRACES`` says where they are.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from clawvm.pages import Fidelity
from clawvm.representations import ContentKind, Source, build, detect

TRACES = Path(os.environ.get("CLAWVM_TRACES") or Path(__file__).parents[2] / "../shared/traces")
LEVELS = (Fidelity.POINTER, Fidelity.STRUCTURED, Fidelity.COMPRESSED)
LINE_CHARS_MIN = 40
# What stands before the text of a line: a line number, or the path and number of a hit.
LINE_START = re.compile(r"\s*(?:[^\s:]+[:-])?\d+[:\-→\t]")

pytestmark = pytest.mark.skipif(
    not (TRACES / "claude-code").is_dir(),
    reason=f"no recorded sessions in {TRACES}; set CLAWVM_TRACES to their folder",
)


def tokens(text: str) -> int:
    return (len(text) + 3) // 4


def text_of(content: object) -> str:
    """Text of a message's or a result's content, whichever of the shapes it has."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(block.get("text") or "" for block in blocks if isinstance(block, dict))


def made(
    text: str, role: str | None, call: tuple[str, Mapping[str, object]] | None = None
) -> Source:
    tool, arguments = call or (None, {})
    path = arguments.get("file_path")
    shown = path if isinstance(path, str) and tool == "Read" else None
    kind = detect(text, tool=tool, path=shown, role=role)
    handle = "clawvm://session/page-12@1"
    return Source(text, kind, tool=tool, arguments=arguments, path=shown, role=role, handle=handle)


def claude_code(path: Path) -> Iterator[Source]:
    calls: dict[str, tuple[str, Mapping[str, object]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        message = json.loads(line).get("message")
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield made(content, message["role"])
        for block in content if isinstance(content, list) else ():
            if block["type"] == "text":
                yield made(block["text"], message["role"])
            elif block["type"] == "tool_use":
                calls[block["id"]] = (block["name"], block["input"])
            elif block["type"] == "tool_result":
                yield made(text_of(block.get("content")), None, calls.get(block["tool_use_id"]))


def codex(path: Path) -> Iterator[Source]:
    calls: dict[str, tuple[str, Mapping[str, object]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        item = record["payload"] if record.get("type") == "response_item" else {}
        if item.get("type") == "message":
            yield made(text_of(item["content"]), item["role"])
        elif item.get("type") in ("function_call", "custom_tool_call"):
            arguments = json.loads(item["arguments"]) if "arguments" in item else {}
            calls[item["call_id"]] = (item["name"], arguments)
        elif item.get("type") in ("function_call_output", "custom_tool_call_output"):
            yield made(text_of(item["output"]), None, calls.get(item["call_id"]))


def tau_bench(path: Path) -> Iterator[Source]:
    for session in json.loads(path.read_text(encoding="utf-8")):
        for message in session["traj"]:
            role = message["role"]
            call = (message.get("name") or "tool", {}) if role == "tool" else None
            if role != "system":  # the same policy in every session
                yield made(message.get("content") or "", None if call else role, call)


def sources() -> Iterator[Source]:
    for folder, read in (("claude-code", claude_code), ("codex", codex), ("tau-bench", tau_bench)):
        for path in sorted((TRACES / folder).rglob("*.json*")):
            yield from read(path)


def lines_of(text: str) -> list[str]:
    """Lines of at least 40 characters, without line numbers and paths of hits."""
    lines = (LINE_START.sub("", line).strip() for line in text.split("\n"))
    return [line for line in lines if len(line) >= LINE_CHARS_MIN]


def leaves_of(text: str) -> list[str]:
    """Strings and numbers of a JSON document as they are written: its lines say nothing."""
    try:
        nodes = [json.loads(text)]
    except ValueError:  # JSON Lines, or with a status in front
        return []
    leaves = []
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict | list):
            nodes += node.values() if isinstance(node, dict) else node
        else:
            leaves.append(json.dumps(node, ensure_ascii=False))
    return leaves


Measures = dict[tuple[ContentKind, Fidelity], Counter[str]]


def measure() -> Measures:
    """Sums by kind and level, over the texts that have a form at that level."""
    sums: Measures = defaultdict(Counter)
    for source in sources():
        start = time.perf_counter()
        forms = build(source, LEVELS, tokens)
        seconds = time.perf_counter() - start
        full = sums[source.kind, Fidelity.FULL]
        full.update(pages=1, chars=len(source.text), tokens=tokens(source.text))
        full["nanoseconds"] += round(seconds * 1e9)
        is_json = source.kind is ContentKind.JSON
        lines = leaves_of(source.text) if is_json else lines_of(source.text)
        for level, form in forms.items():
            row = sums[source.kind, level]
            row.update(pages=1, full=tokens(source.text), cost=tokens(form.text))
            row["lines"] += len(lines)
            row["kept"] += sum(line in form.text for line in lines)
            row["quality"] += form.quality * tokens(source.text)
    return sums


@pytest.fixture(scope="module")
def sums() -> Measures:
    return measure()


def shares(row: Counter[str]) -> tuple[float, float, float]:
    """Share of the cost, of the lines kept, and the quality that was claimed."""
    return (
        row["cost"] / row["full"],
        row["kept"] / row["lines"],
        row["quality"] / row["full"] / 1000,
    )


@pytest.mark.parametrize("kind", ["code", "diff", "json", "search"])
def test_what_is_kept_is_worth_more_than_it_costs(sums, kind):
    cost, kept, _ = shares(sums[ContentKind(kind), Fidelity.COMPRESSED])
    assert kept > cost


@pytest.mark.parametrize("kind", ContentKind)
def test_the_claimed_quality_is_near_the_share_of_lines_that_is_kept(sums, kind):
    _, kept, quality = shares(sums[kind, Fidelity.COMPRESSED])
    assert abs(quality - kept) < 0.2


@pytest.mark.parametrize(("level", "most"), [(Fidelity.STRUCTURED, 0.3), (Fidelity.POINTER, 0.2)])
def test_cheap_levels_are_cheap(sums, level, most):
    for kind in ContentKind:
        cost, _, _ = shares(sums[kind, level])
        assert cost <= most


def print_table() -> None:
    sums = measure()
    for kind in ContentKind:
        full = sums[kind, Fidelity.FULL]
        speed = full["nanoseconds"] / 1e3 / (full["chars"] / 1024)
        print(f"{kind.value}: {full['pages']} pages, {full['tokens']} tokens, {speed:.0f} us/KiB")
        for level in reversed(LEVELS):
            row = sums[kind, level]
            cost, kept, quality = shares(row)
            print(
                f"  {level.name.lower():10} {row['pages']:4} pages  "
                f"cost {cost:.3f}  kept {kept:.3f}  quality {quality:.3f}"
            )


if __name__ == "__main__":
    print_table()
