"""Folders as `clawvm eval` writes them, made of replays of hand-written sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hand_traces import CHAT, TOOLS, Words, call, result, said, trace, user, words

from clawvm.replay import Recording, replay
from clawvm.replay.timeline import FaultMark, PageLine, Run, Timeline, TimelineRecorder
from clawvm.replay.trace import Reset

HOSTILE = '</script><script>document.title = "taken"</script><b>&amp;"'
BUDGETS = (60, 120)
POLICIES = ("full", "sliding-window", "clawvm")
SESSIONS = {
    "by hand": (
        *CHAT,
        *TOOLS,
        user("again"),
        call("again", "read", {"path": "file-0"}),
        result("again", words(12, "f0-")),
        said("as before"),
        Reset(),
        *CHAT,
    ),
    HOSTILE: (user("go"), call("1", "read", {"path": "<script>"}), result("1", "x"), said("done")),
}


def real_row(**fields: Any) -> dict[str, Any]:
    """A row that says nothing but what is given."""
    row: dict[str, Any] = {
        "kind": "real",
        "trace": "a",
        "policy": "clawvm",
        "budget_tokens": 32_000,
        "turns": 10,
        "prompt_tokens": {"peak": 100, "mean": 50.0},
        "turns_over_budget": 0,
        "turns_infeasible": 0,
        "faults": {},
        "span_availability": {"spans": 0, "available": 0, "one_recall_away": 0},
        "bills": {},
        "cut": None,
    }
    return row | fields


def synthetic_row(
    kind: str = "tier2", policy: str = "lru", budget: int = 120, refetch: int = 0, **fields: Any
) -> dict[str, Any]:
    """A row of a workload; its only faults are of one kind."""
    row: dict[str, Any] = {
        "kind": kind,
        "family": f"family {budget}",
        "policy": policy,
        "budget_tokens": budget,
        "controllable_faults": refetch,
        "refetch": refetch,
        "value": 90,
        "bound": 100,
    }
    return row | fields


def optimum_row(**fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": "optimum",
        "trace": "a",
        "budget_tokens": 8000,
        "cut": None,
        "plans": 10,
        "proven": 9,
        "median_ppm": 0,
        "p99_ppm": 0,
        "worst_ppm": 0,
    }
    return row | fields


def gate_row(**fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": "tier1",
        "gate": "reset_dirty_flush_miss",
        "store": "memory",
        "path": "clawvm",
        "expected": {},
        "seen": {},
        "passed": True,
    }
    return row | fields


def bill(billed: int, breaks: int = 0) -> dict[str, int]:
    return {
        "sent_tokens": billed,
        "read_tokens": 0,
        "written_tokens": billed,
        "billed_millitokens": 1000 * billed,
        "breaks": breaks,
    }


def write_rows(directory: Path, *rows: dict[str, Any]) -> Path:
    directory.mkdir(exist_ok=True)
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    (directory / "results.jsonl").write_bytes(lines)
    return directory


def whole_folder(directory: Path) -> Path:
    """A folder with rows of every kind, and a timeline of each session, policy and budget."""
    rows = []
    timelines = directory / "timelines"
    timelines.mkdir(parents=True)
    for name, events in SESSIONS.items():
        recording = Recording.of(name, trace(*events))
        for policy in POLICIES:
            for budget in BUDGETS:
                recorder = TimelineRecorder(recording, policy, budget)
                replayed = replay(recording, policy, budget, Words(), recorder)
                row = msgspec.json.decode(replayed.to_json())
                sent, kept = replayed.prompt_total, replayed.prefix_tokens_kept
                row |= {
                    "kind": "real",
                    "cut": None,
                    "span_availability": {
                        "spans": 10,
                        "available": budget // 20,
                        "one_recall_away": 1,
                    },
                    "bound_available": 9,
                    "bound_billed_millitokens": {"anthropic": 1000, "openai": None},
                    "bills": {
                        "anthropic": bill(sent - kept, replayed.epochs),
                        "openai": bill(sent, replayed.epochs),
                    },
                }
                rows.append(row)
                path = timelines / f"{len(rows):03}.json"
                path.write_bytes(recorder.timeline.to_json())
    swept = [row for row in rows if row["policy"] == "clawvm"]
    rows += [{**row, "low_water_percent": mark} for row in swept for mark in (50, 90)]
    for kind in ("tier2", "tasks", "adversarial", "ablation"):
        for policy in ("clawvm", "lru", "window", f"{HOSTILE[:17]}-a-policy-of-a-long-name"):
            for budget in (120, 500, 8000, 128_000):
                faults = 1234 if policy not in ("clawvm", "window") else 0
                rows.append(synthetic_row(kind=kind, policy=policy, budget=budget, refetch=faults))
    rows += [optimum_row(budget_tokens=budget) for budget in BUDGETS]
    for path in ("unguarded", "clawvm"):
        rows.append(gate_row(path=path))
    rows.append({"kind": "tier3", "passed": True})
    return write_rows(directory, *rows)


def long_timeline(turns: int = 2000, pages: int = 4000) -> Timeline:
    """A session of so many turns: each page comes whole, is cut to a pointer, and is dropped."""
    lines = []
    for place in range(pages):
        born = place * turns // pages
        runs = [
            Run(start, level, 100 * level, 0 if level == 1 else -1)
            for start, level in ((born, 4), (born + 20, 1), (born + 200, 0))
            if start < turns
        ]
        lines.append(PageLine(f"page-{place}", "evidence", "read exchange", born, 400, runs))
    return Timeline(
        trace="long",
        policy="clawvm",
        tokens="words",
        budget_tokens=32_000,
        used=[None if turn == 7 else 20_000 + turn % 12_000 for turn in range(turns)],
        floor=[None] * turns,
        epochs=list(range(20, turns, 20)),
        boundaries=[(turns // 2, "reset"), (turns // 3, "compaction")],
        faults=[FaultMark(turn, turn, "refetch", "read again") for turn in range(0, turns, 2)],
        pages=lines,
        reasons=["the budget was spent on pages worth more per token"],
    )
