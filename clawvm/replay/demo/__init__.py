"""The demo session: a morning routine after the paper's running example, written by us.

Mail, calendar, smart home, a plan of five steps, a compaction at two thirds and a reset near the
end. It needs no network and no recorded session of one's own, and it is the same on every machine.
"""

from __future__ import annotations

import json
from typing import Any

from .acts import ACTS
from .script import Script

__all__ = ["demo_jsonl", "demo_records"]


def demo_records() -> list[dict[str, Any]]:
    """The session in the trace format: its header, then its events, as plain JSON values.

    Returns
    -------
    list of dict
        New objects at each call, the same values always.
    """
    script = Script()
    for act in ACTS:
        act(script)
    header = {
        "format": "clawvm-trace",
        "version": 1,
        "session": "morning-routine",
        "source": {"format": "demo", "file": "demo"},
        "shape": "openai",
    }
    return [header, *script.events]


def demo_jsonl() -> bytes:
    """The same as JSON Lines: the bytes of a trace file."""
    lines = (json.dumps(record, ensure_ascii=False) for record in demo_records())
    return "".join(f"{line}\n" for line in lines).encode()
