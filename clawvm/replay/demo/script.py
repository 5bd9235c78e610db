"""The demo's story: what Mara asks, what the model answers and which tools it calls."""

from __future__ import annotations

import re
from typing import Any

from .world import World, as_json

__all__ = ["Call", "Script"]

_GOAL = "Morning routine of 3 March: mail, calendar, house, night faults, briefing"
_STEPS = (
    "Triage the mail of the night",
    "Check today's calendar against what the mails change",
    "Bring the house from night to day",
    "Look into what the hub reported in the night",
    "Write the briefing, route the notices, send only what has a go-ahead",
)

Call = tuple[str, dict[str, Any], str]


class Script:
    """Events of a trace in the making; replies and calls are numbered as they come."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.world = World()
        self._replies = 0
        self._calls = 0
        self._drafts = 0

    def hears(self, text: str, role: str = "user") -> None:
        """A message that the model reads."""
        self.events.append({"kind": "message", "role": role, "text": text})

    def replies(self, text: str, *calls: Call) -> None:
        """One reply of the model: its text, then its calls; their results follow."""
        self._replies += 1
        reply = f"reply-{self._replies:02}"
        if text:
            self.events.append(
                {"kind": "message", "role": "assistant", "text": text, "reply": reply}
            )
        results = []
        for name, arguments, result in calls:
            self._calls += 1
            call_id = f"call-{self._calls:02}"
            self.events.append(
                {
                    "kind": "call",
                    "id": call_id,
                    "name": name,
                    "arguments": arguments,
                    "reply": reply,
                }
            )
            results.append({"kind": "result", "call_id": call_id, "text": result})
        self.events.extend(results)

    def mark(self, kind: str, **fields: Any) -> None:
        """An event of the harness: a compaction or a reset."""
        self.events.append({"kind": kind, **fields})

    def quote(self, source: str, start: str, end: str) -> str:
        """A stretch of a mail or file, word for word and line for line.

        A blank in `start` or `end` stands for a line break as well.
        """
        text = self.world.mails.get(source) or self.world.files[source]
        found = re.search(f"{_loosely(start)}.*?{_loosely(end)}", text, re.DOTALL)
        if found is None:
            raise AssertionError(
                f"the demo quotes {start!r} to {end!r}, which {source} does not hold"
            )
        return found.group()

    def plan(self, step: int, note: str) -> Call:
        """The call that moves the plan on to a step, counted from 1."""
        steps = [
            {
                "step": number,
                "text": text,
                "status": "done" if number < step else "open",
            }
            for number, text in enumerate(_STEPS, 1)
        ]
        if step <= len(steps):
            steps[step - 1]["status"] = "in progress"
        return (
            "plan_update",
            {"goal": _GOAL, "steps": steps, "note": note},
            f"plan saved, current step: {min(step, len(steps))}",
        )

    def mail(self, mail_id: str) -> Call:
        """Reading one mail."""
        return "mail_read", {"id": mail_id}, self.world.mail(mail_id)

    def calendar(self, first: str, last: str) -> Call:
        """Asking the calendar for some days."""
        return "calendar_query", {"from": first, "to": last}, self.world.calendar(first, last)

    def reads(self, path: str) -> Call:
        """Reading a file."""
        return "file_read", {"path": path}, self.world.files[path]

    def writes(self, path: str, text: str) -> Call:
        """Writing a new file."""
        self.world.files[path] = text
        return "file_write", {"path": path, "content": text}, f"{path}: {len(text)} characters"

    def edits(self, path: str, old: str, new: str) -> Call:
        """Replacing one stretch of a file."""
        done = self.world.edit(path, old, new)
        return "file_edit", {"path": path, "old_string": old, "new_string": new}, done

    def sets(self, device: str, **values: object) -> Call:
        """Changing a device."""
        arguments = {"device": device, "values": values}
        return "home_set", arguments, self.world.home_set(device, **values)

    def state(self, room: str | None = None) -> Call:
        """Asking for the state of devices."""
        arguments = {} if room is None else {"room": room}
        return "home_state", arguments, self.world.home_state(room)

    def log(self, first: int, last: int) -> Call:
        """Reading lines of the hub's log."""
        return "log_read", {"first": first, "last": last}, self.world.log_page(first, last)

    def notifies(self, channel: str, text: str) -> Call:
        """Posting a notice."""
        answer = as_json({"channel": channel, "delivered": True})
        return "notify", {"channel": channel, "text": text}, answer

    def drafts(self, to: str, subject: str, body: str) -> Call:
        """Putting a mail into the drafts."""
        self._drafts += 1
        answer = as_json({"draft": f"d-{self._drafts}", "sent": False, "words": len(body.split())})
        return "mail_draft", {"to": to, "subject": subject, "body": body}, answer

    def sends(self, draft: str) -> Call:
        """Sending a draft that has a go-ahead."""
        return "mail_send", {"draft": draft}, as_json({"draft": draft, "sent": True})

    def moves(self, event: str, start: str, end: str) -> Call:
        """Moving an event."""
        answer = self.world.calendar_move(event, start, end)
        return "calendar_update", {"id": event, "start": start, "end": end}, answer

    def searches(self, words: str) -> Call:
        """Searching files, mails and log."""
        return "search", {"words": words}, self.world.search(words)


def _loosely(words: str) -> str:
    return r"\s+".join(map(re.escape, words.split()))
