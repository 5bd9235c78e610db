"""Codex rollout files: lines of ``{"timestamp", "type", "payload"}``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from clawvm.replay import trace as t
from clawvm.replay.importers.jsonvalue import DamageError, decode_json, token_count
from clawvm.replay.importers.message_lists import split_content
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Source

__all__ = ["NAME", "read", "sniff"]

NAME = "codex"

_LINES = ("session_meta", "turn_context", "response_item", "event_msg", "compacted")
_TEXTS = ("input_text", "output_text", "text")
_HEADER_FIELDS = "Chunk ID|Wall time|Process|Exit code|Original token count|Total output lines"
_HEADER = re.compile(rf"(?:(?:{_HEADER_FIELDS})[^\n]*\n)+Output:(?:\n|$)")
_EXIT_CODE = re.compile(r"(?:Exit code:|Process exited with code) (-?\d+)")


def sniff(values: list[Any]) -> bool:
    """Return whether one of the first values is a line that Codex writes."""
    return any(
        isinstance(value, dict)
        and value.get("type") in _LINES
        and isinstance(value.get("payload"), dict)
        for value in values
    )


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the one session of a file."""
    reader = _Reader(Recorder(source, NAME, "openai"))
    for record in source.records():
        if (line := reader.recorder.accept(record)) is not None:
            reader.add(line)
    yield reader.recorder.finish()


class _Reader:
    """What has to be remembered from line to line."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._at: str | None = None
        self._started = False
        self._unsized = 0  # events before this one have the prompt size that they will ever have
        self._last_size: int | None = None

    def add(self, line: dict[str, Any]) -> None:
        """Add what one line holds, or count why it holds nothing for the prompt."""
        kind, payload = line.get("type"), line.get("payload")
        at = line.get("timestamp")
        self._at = at if isinstance(at, str) else None
        if not isinstance(payload, dict):
            self.recorder.damage("line without a payload")
        elif kind == "response_item":
            self._add_item(payload)
        elif kind == "event_msg":
            self._add_event(payload)
        elif kind == "session_meta":
            self._add_meta(payload)
        elif kind == "compacted":
            self._add_compaction(payload)
        else:
            self.recorder.ignore(f"{str(kind)[:40]} record")

    def _add_meta(self, payload: dict[str, Any]) -> None:
        if self._started:
            self.recorder.add(t.Resume(at=self._at))
            return
        self._started = True
        if isinstance(session := payload.get("id"), str):
            self.recorder.session = session
        instructions = payload.get("base_instructions")
        if isinstance(instructions, dict):
            instructions = instructions.get("text")
        if isinstance(instructions, str):
            self.recorder.message("system", instructions, at=self._at)

    def _add_item(self, item: dict[str, Any]) -> None:
        kind = str(item.get("type"))
        if kind == "message":
            self._add_message(item)
        elif kind == "reasoning":
            text, _ = split_content(item.get("summary"), ("summary_text", "text"))
            self.recorder.thinking(text, at=self._at)
        elif kind.endswith("_output"):
            self._add_output(item)
        elif kind.endswith("_call"):
            self._add_call(kind, item)
        else:
            self.recorder.ignore(f"response item {kind[:40]}")

    def _add_message(self, item: dict[str, Any]) -> None:
        role = item.get("role")
        text, others = split_content(item.get("content"), _TEXTS)
        if role in ("system", "developer", "user", "assistant"):
            self.recorder.message(role, text, opaque=map(_chat_block, others), at=self._at)
        else:
            self.recorder.damage(f"unknown role {str(role)[:40]!r}")

    def _add_call(self, kind: str, item: dict[str, Any]) -> None:
        # A call that the provider ran itself (a web search) has no name: its kind is the tool.
        name = item.get("name") or kind.removesuffix("_call")
        arguments = item.get("arguments", item.get("input", item.get("action")))
        self.recorder.call(item.get("call_id") or item.get("id"), name, arguments, at=self._at)

    def _add_output(self, item: dict[str, Any]) -> None:
        output = item.get("output", item.get("tools"))
        text, is_error = _output_text(output)
        header = _HEADER.match(text)
        length = header.end() if header else 0
        code = _EXIT_CODE.search(text, 0, length)
        if code is not None:
            is_error = int(code[1]) != 0
        self.recorder.result(
            item.get("call_id"), text, is_error=is_error, header=length, at=self._at
        )
        if isinstance(output, list) and any(_is_image(block) for block in output):
            self.recorder.damage("an image in a tool result, which has no room for it")

    def _add_compaction(self, payload: dict[str, Any]) -> None:
        summary = payload.get("message")
        self.recorder.add(
            t.Compaction(
                summary=summary if isinstance(summary, str) and summary else None,
                tokens_before=self._last_size,
                kept=self._kept(payload.get("replacement_history")),
                at=self._at,
            )
        )

    def _kept(self, history: Any) -> tuple[int, ...] | None:
        """Return the places of the messages that a new history takes over from the old one."""
        if not isinstance(history, list):
            return None
        places: dict[tuple[str, str], list[int]] = {}
        for place, event in enumerate(self.recorder.events):
            if isinstance(event, t.Message) and event.role in ("user", "assistant"):
                places.setdefault((event.role, event.text), []).append(place)
        kept = []
        for item in reversed(history):
            if isinstance(item, dict) and item.get("type") == "message":
                text, _ = split_content(item.get("content"), _TEXTS)
                if same := places.get((str(item.get("role")), text)):
                    kept.append(same.pop())
        return tuple(sorted(kept))

    def _add_event(self, payload: dict[str, Any]) -> None:
        kind = str(payload.get("type"))
        if kind == "token_count":
            self._add_size(payload)
        elif kind == "turn_aborted":
            self.recorder.add(t.Abort(at=self._at))
        else:
            self.recorder.ignore(f"event_msg {kind[:40]}")

    def _add_size(self, payload: dict[str, Any]) -> None:
        """Give the prompt size to the first event of the reply that Codex wrote before it."""
        size = _prompt_size(payload)
        events = self.recorder.events
        start, self._unsized = self._unsized, len(events)
        if size is None:
            self.recorder.ignore("token_count without a prompt size")
            return
        self._last_size = size
        for event in events[start:]:
            if isinstance(event, (t.Thinking, t.Call)) or (
                isinstance(event, t.Message) and event.role == "assistant"
            ):
                event.prompt_tokens = size
                return


def _prompt_size(payload: dict[str, Any]) -> int | None:
    info = payload.get("info")
    usage = info.get("last_token_usage") if isinstance(info, dict) else None
    size = usage.get("input_tokens") if isinstance(usage, dict) else None
    return token_count(size) or None  # 0 right after a compaction


def _output_text(output: Any) -> tuple[str, bool]:
    """Return an output's text, and whether it says that it failed."""
    if isinstance(output, str):
        return _unwrapped(output)
    if isinstance(output, dict):
        content = output.get("content", output.get("output"))
        if isinstance(content, (str, list)):
            return split_content(content, _TEXTS)[0], output.get("success") is False
    if isinstance(output, list) and all(_is_content(block) for block in output):
        return split_content(output, _TEXTS)[0], False
    try:
        return ("" if output is None else json.dumps(output, ensure_ascii=False)), False
    except RecursionError:
        return "", True


def _unwrapped(output: str) -> tuple[str, bool]:
    """Return the text inside ``{"output": ..., "metadata": ...}``, or the output as it is."""
    if not output.startswith('{"output":'):
        return output, False
    try:
        value, _ = decode_json(output.encode("utf-8"))
    except DamageError:
        return output, False
    if not isinstance(value, dict) or not isinstance(value.get("output"), str):
        return output, False
    metadata = value.get("metadata")
    code = metadata.get("exit_code") if isinstance(metadata, dict) else None
    return value["output"], isinstance(code, int) and code != 0


def _is_content(block: Any) -> bool:
    return isinstance(block, dict) and str(block.get("type")).startswith(
        ("input_", "output_", "text")
    )


def _is_image(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "input_image"


def _chat_block(block: Any) -> Any:
    """Return a Responses block in the form that it has in a chat message."""
    if _is_image(block) and isinstance(url := block.get("image_url"), str):
        return {"type": "image_url", "image_url": {"url": url}}
    return block
