"""``docs/gate.md`` names everything there is, and its workflow calls the action as it is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import yaml
from gate_sessions import EVENTS
from hand_traces import Replayed

from clawvm import pytest_plugin
from clawvm.cli.gate import gate
from clawvm.replay.gate.figures import figures_of

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "gate.md").read_text(encoding="utf-8")
ROWS = "\n".join(line for line in PAGE.splitlines() if line.startswith("|"))


def test_every_figure_has_a_row() -> None:
    for figure in figures_of(Replayed("clawvm", 1_000, *EVENTS).result):
        group, _, name = figure.partition(".")
        row = re.search(rf"^\| `({re.escape(figure)}|{group}\.\*)` .*$", PAGE, re.MULTILINE)
        assert row is not None
        assert f"`{name}`" in row[0] or f"`{figure}`" in row[0]


def test_every_option_of_the_command_has_a_row() -> None:
    for name in inspect.signature(gate).parameters:
        assert f"| `--{name}` |" in ROWS or f"| `{name.upper()}...` |" in ROWS


def test_every_option_of_the_plugin_is_named() -> None:
    source = inspect.getsource(pytest_plugin)
    declared = set(re.findall(r'"(clawvm_gate_\w+|--clawvm-gate\S+)"', source))
    assert len(declared) == 5
    assert all(f"`{name}`" in PAGE or f" {name}`" in PAGE for name in declared)


def test_the_workflow_gives_the_action_inputs_that_it_has() -> None:
    (workflow,) = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    checkout, step = workflow["jobs"]["gate"]["steps"]
    assert checkout["uses"].startswith("actions/checkout@")
    inputs = yaml.safe_load((DOCS.parent / "action.yml").read_text(encoding="utf-8"))["inputs"]
    assert step["with"].keys() <= inputs.keys()
    assert all(f"`{name}`" in ROWS for name in inputs)


def test_the_exit_code_is_in_the_list_of_all() -> None:
    replay_page = (DOCS / "replay.md").read_text(encoding="utf-8")
    assert "| 3 | " in ROWS
    assert "| 3 | " in replay_page
