"""SWE-agent trajectories: the history that the model saw, and a step-by-step log beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from clawvm.replay.importers.jsonvalue import as_list, as_object
from clawvm.replay.importers.message_lists import split_content, unpacked
from clawvm.replay.importers.openai_messages import add_call
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Source

__all__ = ["NAME", "read", "sniff"]

NAME = "swe-agent"

_COMMAND = re.compile(r"\s*([A-Za-z_][\w-]{0,63})(?:\s+|$)")


def sniff(values: list[Any]) -> bool:
    """Return whether one of the first values is a trajectory."""
    return any(next(_unpack(value), None) is not None for value in values)


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the sessions of a file, as a rule one."""
    for run in unpacked(source, _unpack):
        reader = _Reader(Recorder(source, NAME, "openai", run.part))
        for place, record in enumerate(run.records):
            if (entry := reader.recorder.accept(record)) is not None:
                reader.add(entry, str(place))
        yield reader.recorder.finish()


def _unpack(value: Any) -> Iterator[tuple[str | None, Any, list[Any]]]:
    run = as_object(value)
    history = run.get("history")
    if isinstance(run.get("trajectory"), list) and isinstance(history, list) and history:
        yield None, None, history


class _Reader:
    """What has to be remembered from entry to entry."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._agent: str | None = None
        self._open: str | None = None  # the call that the next user message answers

    def add(self, entry: dict[str, Any], place: str) -> None:
        """Add what one entry of the history holds."""
        role, agent = entry.get("role"), entry.get("agent")
        text, others = split_content(entry.get("content"))
        if self._agent is None and isinstance(agent, str):
            self._agent = agent
        if isinstance(agent, str) and agent != self._agent:
            self.recorder.ignore("entry of another agent")
        elif entry.get("is_demo") is True:
            self._add_demonstration(role, text)
        elif role == "assistant":
            self._add_reply(entry, text, place)
        elif role == "tool":
            self.recorder.result(next(iter(as_list(entry.get("tool_call_ids"))), None), text)
        elif role == "user" and self._open is not None:
            self.recorder.result(self._open, text)
            self._open = None
        elif role in ("system", "developer", "user"):
            self.recorder.message(role, text, opaque=others)
        else:
            self.recorder.damage(f"unknown role {str(role)[:40]!r}")

    def _add_demonstration(self, role: Any, text: str) -> None:
        """Add a worked example: not what the user asked, and never what this model wrote."""
        if role == "assistant":
            self.recorder.mend("reply in a demonstration, kept as part of the instructions")
        self.recorder.message("user", text, origin="instructions")

    def _add_reply(self, entry: dict[str, Any], text: str, place: str) -> None:
        reply = f"m{place}"
        calls = as_list(entry.get("tool_calls"))
        action, thought = entry.get("action"), entry.get("thought")
        in_text = not calls and isinstance(action, str) and bool(action.strip())
        for block in as_list(entry.get("thinking_blocks")):
            thinking = as_object(block).get("thinking")
            self.recorder.thinking(thinking if isinstance(thinking, str) else "", reply=reply)
        if in_text and isinstance(thought, str):
            text = thought.strip()  # the text without the command
        if text or not (calls or in_text):
            self.recorder.message("assistant", text, reply=reply)
        for call in calls:
            add_call(self.recorder, call, reply)
        self._open = f"call-{place}" if in_text else None
        if in_text:
            name, arguments = _command(str(action))
            self.recorder.call(self._open, name, arguments, reply=reply)


def _command(action: str) -> tuple[str, dict[str, str] | str]:
    """Return the tool that an action names and what follows it; bash where it names none."""
    named = _COMMAND.match(action)
    if named is None:
        return "bash", {"command": action.strip()}
    return named[1], action[named.end() :].rstrip()
