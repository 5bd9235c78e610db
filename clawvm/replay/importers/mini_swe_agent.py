"""mini-swe-agent trajectories: a chat whose calls are a fenced block of bash in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from clawvm.replay.importers.jsonvalue import as_list, as_object, object_in, token_count
from clawvm.replay.importers.message_lists import split_content, unpacked
from clawvm.replay.importers.openai_messages import add_call
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Source

__all__ = ["NAME", "read", "sniff"]

NAME = "mini-swe-agent"

_ACTION = re.compile(r"```(?:bash|mswea_bash_command)\s*\n(.*?)\n```", re.DOTALL)
_CODE = re.compile(r"<returncode>(-?\d+)</returncode>")
_TIMED_OUT = "The last command <command>"


def sniff(values: list[Any]) -> bool:
    """Return whether one of the first values is a trajectory."""
    return any(next(_unpack(value), None) is not None for value in values)


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the sessions of a file, as a rule one."""
    for run in unpacked(source, _unpack):
        reader = _Reader(Recorder(source, NAME, "openai", run.part), run.beside)
        for place, record in enumerate(run.records):
            if (message := reader.recorder.accept(record)) is not None:
                reader.add(message, str(place))
        yield reader.recorder.finish()


def _unpack(value: Any) -> Iterator[tuple[str | None, Any, list[Any]]]:
    """Yield a trajectory's name, the submission that ends it (or None) and its messages."""
    run = as_object(value)
    messages = run.get("messages")
    if not str(run.get("trajectory_format")).startswith(NAME) or not isinstance(messages, list):
        return
    name = run.get("instance_id")
    submitted = object_in(run, "info").get("exit_status") == "Submitted"
    submission = messages[-1] if submitted and messages else None
    yield name if isinstance(name, str) else None, submission, messages


class _Reader:
    """What has to be remembered from message to message."""

    def __init__(self, recorder: Recorder, submission: Any) -> None:
        self.recorder = recorder
        self._submission = submission
        self._open: str | None = None  # the call that the next user message answers

    def add(self, message: dict[str, Any], place: str) -> None:
        """Add what one message holds."""
        role = message.get("role")
        text, others = split_content(message.get("content"))
        if role == "assistant":
            self._add_reply(message, text, others, place)
        elif role == "exit":
            self.recorder.ignore("outcome of the run, which the model never saw")
        elif role == "user" and message is self._submission:
            self.recorder.ignore("submitted patch, which the model never saw")
        elif role == "tool":
            self._add_result(message.get("tool_call_id"), message, text)
        elif role == "user" and self._open is not None:
            self._add_result(self._open, message, text)
        elif role in ("system", "developer", "user"):
            self.recorder.message(role, text, opaque=others)
        else:
            self.recorder.damage(f"unknown role {str(role)[:40]!r}")

    def _add_reply(self, message: dict[str, Any], text: str, others: list[Any], place: str) -> None:
        reply = f"m{place}"
        response = as_object(object_in(message, "extra").get("response"))
        usage = object_in(response, "usage")
        self.recorder.prompt_tokens(token_count(usage.get("prompt_tokens")))
        if thought := _thought(response):
            self.recorder.thinking(thought, reply=reply)
        self._open = None
        calls = as_list(message.get("tool_calls"))
        actions = [] if calls else list(_ACTION.finditer(text))
        if len(actions) != 1:  # several are none: the agent answers with a format error
            if text or others or not calls:
                self.recorder.message("assistant", text, reply=reply, opaque=others)
            for call in calls:
                add_call(self.recorder, call, reply)
            return
        (action,) = actions
        words = (text[: action.start()].strip(), text[action.end() :].strip())
        if any(words):
            self.recorder.message("assistant", "\n".join(filter(None, words)), reply=reply)
        self._open = f"call-{place}"
        self.recorder.call(self._open, "bash", {"command": action[1]}, reply=reply)

    def _add_result(self, call_id: object, message: dict[str, Any], text: str) -> None:
        self._open = None
        code = _CODE.match(text)
        recorded = object_in(message, "extra").get("returncode")
        failed = int(code[1]) != 0 if code else isinstance(recorded, int) and recorded != 0
        failed = failed or text.startswith(_TIMED_OUT)
        self.recorder.result(call_id, text, is_error=failed)


def _thought(response: dict[str, Any]) -> str:
    choice = next(iter(as_list(response.get("choices"))), None)
    message = as_object(as_object(choice).get("message"))
    thought = message.get("reasoning") or message.get("reasoning_content")
    return thought if isinstance(thought, str) else ""
