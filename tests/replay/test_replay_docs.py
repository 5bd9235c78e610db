"""``docs/replay.md`` defines every figure there is, and its programs run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hand_traces import Replayed, call, result, said, trace, user, words

import clawvm
from clawvm.faults import FaultKind
from clawvm.replay import Recording, replay
from clawvm.replay.billing import CacheModel
from clawvm.replay.policies import POLICY_NAMES
from clawvm.replay.report import PromptFolder, results_table
from clawvm.replay.trace import write_trace
from clawvm.tokens import best_counter

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "replay.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EVENTS = (
    user("what is in a?"),
    call("1", "read", {"path": "a"}),
    result("1", words(40)),
    said("forty words"),
)


def test_every_key_and_column_is_in_the_table() -> None:
    figures = Replayed("clawvm", 1_000, *EVENTS).result
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("|"))
    for key, value in json.loads(figures.to_json()).items():
        if isinstance(value, dict) and key not in ("pages", "faults"):
            for inner in value:
                assert f"`{key}.{inner}`" in rows or f"`.{inner}`" in rows
        else:
            assert f"`{key}`" in rows
    for column in results_table([figures]).columns:
        assert f"`{column.header}`" in rows


def test_every_figure_has_a_definition() -> None:
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    figures = json.loads(Replayed("clawvm", 1_000, *EVENTS).result.to_json())
    of_the_run = ("trace", "policy", "backend", "tokens", "budget_tokens", "turns", "pages")
    decisions = ("prefix_tokens_kept", "epochs", "repairs", "plan_digest")
    for key in figures.keys() - {*of_the_run, *decisions}:
        assert f"`{key}" in page
    for name in (*FaultKind, *figures["span_availability"], *figures["bills"]["openai"]):
        assert re.search(rf"`([a-z_*]+\.)*{name}`", page), name
    for parameter in fields(CacheModel):
        assert f"`{parameter.name}`" in page or parameter.name == "name"
    for section in re.findall(r"\]\(#([a-z-]+)\)", page):
        assert re.search(rf"^## {section.replace('-', ' ')}$", page, re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize("name", [*POLICY_NAMES, *FaultKind])
def test_every_policy_and_fault_has_a_row(name: str) -> None:
    assert re.search(rf"^\| (`[a-z-]+`, )?`{name}`", PAGE, re.MULTILINE)


def test_the_programs_run(tmp_path: Path) -> None:
    recorded = trace(*EVENTS)
    with (tmp_path / "session.jsonl").open("wb") as stream:
        write_trace(recorded, stream)
    with PromptFolder(tmp_path / "prompts").file("session", "clawvm") as dump:
        replay(Recording.of("session", recorded), "clawvm", 32_000, best_counter(), dump)
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(clawvm.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for program in PROGRAMS
    ]
    assert outputs[0] == ""
    assert outputs[1].startswith("session ")
