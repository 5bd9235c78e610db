"""Small recorded sessions for the gate, and a policy that keeps less than ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from hand_traces import call, result, said, trace, user, words

from clawvm.replay.trace import write_trace
from clawvm.residency import Decision, View, apply_levels, required_levels

NOTES = "The deploy window opens on Thursday at 07:15 and closes at 09:40, in the red room."

EVENTS = (
    user("read the notes, then all of the files"),
    call("notes", "read", {"path": "notes.md"}),
    result("notes", NOTES),
    *(
        event
        for number in range(4)
        for event in (
            call(str(number), "read", {"path": f"file-{number}"}),
            result(str(number), words(60, f"f{number}-")),
        )
    ),
    said(f"It says: {NOTES}"),
    user("are you sure?"),
    call("again", "read", {"path": "notes.md"}),
    result("again", NOTES),
    said("yes"),
)


class ForgetfulPolicy:
    """Keeps what it must and nothing else."""

    name = "forgetful"

    def decide(self, view: View) -> Decision:
        return apply_levels(view, required_levels(view))


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the forgetful policy in the place of whichever is asked for."""
    monkeypatch.setattr("clawvm.replay.runner.make_policy", lambda name: ForgetfulPolicy())


def write_session(path: Path, copies: int = 1) -> Path:
    """Write the session to a file, several times if that is wanted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        for _ in range(copies):
            write_trace(trace(*EVENTS), stream)
    return path
