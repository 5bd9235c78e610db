"""OpenHands events: the history of an evaluation run or an exported trajectory, old and new."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clawvm.replay import trace as t
from clawvm.replay.blocks import leaves_of
from clawvm.replay.importers.jsonvalue import (
    as_list,
    as_object,
    known_id,
    object_in,
    text_in,
    token_count,
)
from clawvm.replay.importers.message_lists import split_content, unpacked
from clawvm.replay.importers.recorder import ImportedSession, Recorder
from clawvm.replay.importers.source import Source

__all__ = ["NAME", "read", "sniff"]

NAME = "openhands"

_SAMPLE = 20
_RUN = ("instance_id", "instruction", "issue")
_SILENT = (
    *("agent_state_changed", "change_agent_state", "null", "pause", "resume", "start", "stop"),
    *("condensation_request", "loading", "server_ready", "task_action"),
)
# Fields of an action that are not what the tool was given; old events mix all in one object.
_NOT_ARGUMENTS = frozenset(
    (
        *("action", "action_risk", "cause", "confirmation_state", "hidden", "id", "is_confirmed"),
        *("keep_prompt", "kernel_init_code", "message", "security_risk", "source", "thought"),
        *("timeout", "timestamp", "tool_call_metadata"),
    )
)


def sniff(values: list[Any]) -> bool:
    """Return whether one of the first values holds a history of events."""
    return any(next(_unpack(value), None) is not None for value in values)


def read(source: Source) -> Iterator[ImportedSession]:
    """Yield the sessions of a file, one for each instance."""
    for run in unpacked(source, _unpack):
        reader = _Reader(Recorder(source, NAME, "openai", run.part))
        for place, record in enumerate(run.records):
            if (event := reader.recorder.accept(record)) is not None:
                reader.add(event, str(place))
        yield reader.recorder.finish()


def _unpack(value: Any) -> Iterator[tuple[str | None, Any, list[Any]]]:
    """Yield a run's name and its events: of a line of a run, or of a list of nothing but events."""
    run = as_object(value)
    history = value if isinstance(value, list) else run.get("history")
    if not isinstance(history, list) or not any(map(_is_event, _flat(history[:_SAMPLE]))):
        return
    if any(key in run for key in _RUN) or "source" in as_object(history[0]):
        yield _name(run), None, _flat(history)


def _flat(history: list[Any]) -> list[Any]:
    """Return the events; the oldest files have them in pairs of action and observation."""
    return [event for entry in history for event in (entry if isinstance(entry, list) else [entry])]


def _is_event(value: Any) -> bool:
    event = as_object(value)
    return isinstance(event.get("action"), str) or isinstance(event.get("observation"), str)


def _name(run: dict[str, Any]) -> str | None:
    name = run.get("instance_id")
    if isinstance(issue := run.get("issue"), dict):
        name = f"{issue.get('owner')}-{issue.get('repo')}-{issue.get('number')}"
    return str(name) if isinstance(name, (str, int)) else None


class _Reader:
    """What has to be remembered from event to event."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._calls: dict[object, str] = {}  # by the id of the action
        self._open: str | None = None  # the last call: old events tell what belongs by their order
        self._by_user: set[object] = set()  # actions of the user, by id
        self._places: dict[object, range] = {}  # what an event gave, by its id
        self._forgotten: set[int] = set()  # places of what condensations took away
        self._replies: set[str] = set()
        self._last_size: int | None = None
        self._at: str | None = None

    def add(self, event: dict[str, Any], place: str) -> None:
        """Add what one event holds, or count why it holds nothing for the prompt."""
        self._at = text_in(event, "timestamp") or None
        start = len(self.recorder.events)
        if not _is_event(event):
            self.recorder.damage("event that is neither action nor observation")
        elif isinstance(kind := event.get("observation"), str):
            self._add_observation(kind, event)
        else:
            self._add_action(str(event["action"]), event, place)
        if (key := _key(event, "id")) is not None:
            self._places.setdefault(key, range(start, len(self.recorder.events)))

    def _add_action(self, kind: str, event: dict[str, Any], place: str) -> None:
        args = event["args"] if isinstance(event.get("args"), dict) else event
        by_agent = event.get("source", "agent") == "agent"
        if kind in _SILENT or kind == "recall":
            self.recorder.ignore(f"action {kind}")
        elif kind == "system":
            self.recorder.message("system", text_in(args, "content"), at=self._at)
        elif kind == "message":
            self._add_message(event, args, place)
        elif kind == "condensation":
            self._add_condensation(args)
        elif kind in ("finish", "reject") and by_agent:
            self._add_last_words(event, args, place)
        elif by_agent:
            self._add_call(kind, event, args, place)
        else:
            self._by_user.add(_key(event, "id"))
            text = "\n".join(
                leaf for _, leaf in leaves_of(_arguments(args, kind)) if _is_text(leaf)
            )
            self.recorder.message("user", text, at=self._at)

    def _add_message(self, event: dict[str, Any], args: dict[str, Any], place: str) -> None:
        # Events without a source: only the agent waits for an answer.
        by_agent = event.get("source") == "agent" or (
            "source" not in event and args.get("wait_for_response") is True
        )
        text = text_in(args, "content")
        urls = args.get("image_urls") or args.get("images_urls")
        images = [{"type": "image_url", "image_url": {"url": url}} for url in as_list(urls)]
        if by_agent:
            reply, _ = self._reply(event, place)
            self.recorder.message("assistant", text, reply=reply, opaque=images, at=self._at)
        else:
            self.recorder.message("user", text, opaque=images, at=self._at)

    def _add_condensation(self, args: dict[str, Any]) -> None:
        ids: list[object] = [
            key for key in as_list(args.get("forgotten_event_ids")) if _is_key(key)
        ]
        first, last = (args.get(f"forgotten_events_{end}_id") for end in ("start", "end"))
        if isinstance(first, int) and isinstance(last, int):
            ids += (key for key in self._places if isinstance(key, int) and first <= key <= last)
        elif not ids:
            self.recorder.ignore("condensation that forgot nothing")
            return
        self._forgotten.update(place for key in ids for place in self._places.get(key, ()))
        self.recorder.add(
            t.Compaction(
                trigger="auto",
                summary=text_in(args, "summary") or None,
                tokens_before=self._last_size,
                kept=self._kept() if self._places else None,
                at=self._at,
            )
        )

    def _kept(self) -> tuple[int, ...]:
        """Return the places of what no condensation has taken away; the system prompt is none."""
        return tuple(
            place
            for place in self.recorder.history(0)
            if place not in self._forgotten
            and getattr(self.recorder.events[place], "role", None) != "system"
        )

    def _add_last_words(self, event: dict[str, Any], args: dict[str, Any], place: str) -> None:
        """Add what the agent ends with; OpenHands shows it to the model as text, not as a call."""
        outputs = object_in(args, "outputs")
        words = (
            *(text_in(args, key) for key in ("thought", "final_thought")),
            *(text_in(outputs, key) for key in ("content", "reason")),
        )
        text = "\n".join(dict.fromkeys(filter(None, words)))
        reply, _ = self._reply(event, place)
        self.recorder.message("assistant", text, reply=reply, at=self._at)

    def _add_call(self, kind: str, event: dict[str, Any], args: dict[str, Any], place: str) -> None:
        metadata = object_in(event, "tool_call_metadata")
        answer = _message(object_in(metadata, "model_response"))
        reply, begins = self._reply(event, place)
        if begins:
            text, _ = split_content(answer.get("content"))
            thought = "" if kind == "think" else text_in(args, "thought")
            if text or thought:
                self.recorder.message("assistant", text or thought, reply=reply, at=self._at)
        key = _key(event, "id")
        self._open = f"call-{place}" if key is None else f"event-{key}"
        if key is not None:
            self._calls[key] = self._open
        name = metadata.get("function_name") or kind
        arguments = _given(answer, metadata.get("tool_call_id"))
        if arguments is None:
            arguments = _arguments(args, kind)
        self.recorder.call(self._open, name, arguments, reply=reply, at=self._at)

    def _reply(self, event: dict[str, Any], place: str) -> tuple[str, bool]:
        """Return the reply that an action is part of and whether it begins it; note its prompt."""
        response = object_in(object_in(event, "tool_call_metadata"), "model_response")
        reply = known_id(response.get("id")) or f"m{place}"
        if reply in self._replies:
            return reply, False
        self._replies.add(reply)
        size = token_count(object_in(response, "usage").get("prompt_tokens"))
        self._last_size = size or self._last_size
        self.recorder.prompt_tokens(size)
        if isinstance(thought := _message(response).get("reasoning_content"), str):
            self.recorder.thinking(thought, reply=reply, at=self._at)
        return reply, True

    def _add_observation(self, kind: str, event: dict[str, Any]) -> None:
        extras = object_in(event, "extras")
        cause = _key(event, "cause")
        call_id = self._open if cause is None else self._calls.get(cause)
        if kind == "recall":
            self._add_recalled(extras)
        elif kind in _SILENT:
            self.recorder.ignore(f"observation {kind}")
        elif call_id is None and (kind == "error" or cause in self._by_user):
            self.recorder.message("user", _seen(event, extras), at=self._at)
        else:
            self._open = None
            failed = kind == "error" or _failed(event, extras)
            text = _seen(event, extras)
            self.recorder.result(call_id, text, is_error=failed, at=self._at)
        if "screenshot" in extras:
            self.recorder.ignore("screenshot of a browser")

    def _add_recalled(self, extras: dict[str, Any]) -> None:
        """Add what the harness looked up: of the workspace its rules, else knowledge at hand."""
        of_workspace = extras.get("recall_type") == "workspace_context"
        leaves = (leaf for key, leaf in leaves_of(extras) if key != "recall_type")
        text = "\n".join(leaf for leaf in leaves if _is_text(leaf))
        origin: t.Origin = "instructions" if of_workspace else "attachment"
        self.recorder.message("user", text, origin=origin, at=self._at)


def _message(response: dict[str, Any]) -> dict[str, Any]:
    """Return what the model wrote in a response."""
    choice = next(iter(as_list(response.get("choices"))), None)
    return object_in(as_object(choice), "message")


def _given(answer: dict[str, Any], call_id: Any) -> Any:
    """Return the arguments as the model wrote them, or None where they were not kept."""
    for call in map(as_object, as_list(answer.get("tool_calls"))):
        if call.get("id") == call_id:
            return object_in(call, "function").get("arguments")
    return None


def _arguments(args: dict[str, Any], kind: str) -> dict[str, Any]:
    if kind == "think":
        return {"thought": args.get("thought")}
    return {
        key: value for key, value in args.items() if key not in _NOT_ARGUMENTS and value is not None
    }


def _seen(event: dict[str, Any], extras: dict[str, Any]) -> str:
    """Return an observation's text as the model saw it, with what the shell says around it."""
    shell = object_in(extras, "metadata")
    return text_in(shell, "prefix") + text_in(event, "content") + text_in(shell, "suffix")


def _failed(event: dict[str, Any], extras: dict[str, Any]) -> bool:
    code = object_in(extras, "metadata").get("exit_code", extras.get("exit_code"))
    code = event.get("exit_code") if code is None else code
    return isinstance(code, int) and code not in (0, -1)  # -1: it runs on


def _key(event: dict[str, Any], name: str) -> object:
    key = event.get(name)
    return key if _is_key(key) else None


def _is_key(value: Any) -> bool:
    return isinstance(value, (int, str))


def _is_text(leaf: Any) -> bool:
    return isinstance(leaf, str) and bool(leaf.strip())
