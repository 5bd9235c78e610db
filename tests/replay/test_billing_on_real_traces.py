"""The cache models beside what providers said they had read from their caches.

Claude Code and Codex record the provider's own count for each request. Their prompts were the
whole history (between compactions), with definitions of tools that we do not have, so shares are
compared.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clawvm.replay import Recording, replay
from clawvm.replay.importers import open_sessions, trace_files
from clawvm.tokens import best_counter

TRACES = Path(os.environ.get("CLAWVM_TRACES", Path(__file__).parents[3] / "shared" / "traces"))
DOCS = Path(__file__).parents[2] / "docs"
CLOSE = 0.04

Counts = Iterator[tuple[int, int]]


def claude_code(lines: Iterator[dict[str, Any]]) -> Counts:
    """Tokens sent and read, for each request; the lines of one reply repeat its usage."""
    usages: dict[str, dict[str, int]] = {}
    for line in lines:
        message = line.get("message")
        if isinstance(message, dict) and "usage" in message and not line.get("isSidechain"):
            usages[message["id"]] = message["usage"]
    for usage in usages.values():
        read = usage["cache_read_input_tokens"]
        yield usage["input_tokens"] + usage["cache_creation_input_tokens"] + read, read


def codex(lines: Iterator[dict[str, Any]]) -> Counts:
    """Tokens sent and read, for each request; a usage may be told twice."""
    last = None
    for line in lines:
        payload = line.get("payload")
        if not isinstance(payload, dict) or payload.get("type") != "token_count":
            continue
        usage = (payload.get("info") or {}).get("last_token_usage")
        if usage and usage != last:
            last = usage
            yield usage["input_tokens"], usage["cached_input_tokens"]


RECORDED: dict[str, tuple[str, Callable[[Iterator[dict[str, Any]]], Counts]]] = {
    "claude-code": ("anthropic", claude_code),
    "codex": ("openai", codex),
}
FILES = [
    pytest.param(folder, path, id=path.stem)
    for folder in RECORDED
    if (TRACES / folder).is_dir()
    for path in trace_files([TRACES / folder]).found
]


@pytest.mark.skipif(not FILES, reason=f"no recorded sessions in {TRACES} (set CLAWVM_TRACES)")
@pytest.mark.parametrize(("folder", "path"), FILES)
def test_the_share_that_is_read_is_what_the_provider_said(folder: str, path: Path) -> None:
    provider, counts_of = RECORDED[folder]
    with path.open(encoding="utf-8") as lines:
        counts = list(counts_of(map(json.loads, lines)))
    sent, read = (sum(numbers) for numbers in zip(*counts, strict=True))
    (session,) = open_sessions(path)
    recording = Recording.of(session.name, session.trace)
    counter = best_counter()
    bill = replay(recording, "full", 32_000, counter).bills[provider]
    model = bill.read_tokens / bill.sent_tokens
    assert model == pytest.approx(read / sent, abs=CLOSE)
    if counter.name == "o200k_base":
        row = f"| `{path.stem}` | `{provider}` | {read / sent:.3f} | {model:.3f} |"
        assert row in (DOCS / "metrics.md").read_text(encoding="utf-8"), row
