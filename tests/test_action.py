"""The composite GitHub action: its inputs are the command's options, and its steps run."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import PROGRAM, environment
from gate_sessions import write_session

from clawvm.cli.gate import gate

ACTION = Path(__file__).parents[1] / "action.yml"
GATE = "Run the gate"

pytestmark = pytest.mark.skipif(
    not ACTION.exists(), reason="the tests run outside a source tree, without action.yml"
)


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    return yaml.safe_load(ACTION.read_text(encoding="utf-8"))


def step(action: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [step for step in action["runs"]["steps"] if step.get("name") == name]
    return found


def test_every_input_is_described_and_only_the_traces_have_no_default(
    action: dict[str, Any],
) -> None:
    inputs = action["inputs"]
    assert list(inputs) == ["traces", "budget", "policy", "baseline", "version", "python-version"]
    assert all(given["description"] for given in inputs.values())
    assert [name for name, given in inputs.items() if "default" not in given] == ["traces"]


def test_the_inputs_are_the_options_of_the_command_with_its_defaults(
    action: dict[str, Any],
) -> None:
    script = step(action, GATE)["run"]
    options = dict(re.findall(r'--([a-z]+)="\$([A-Z]+)"', script))
    parameters = inspect.signature(gate).parameters
    for option, variable in options.items():
        assert step(action, GATE)["env"][variable] == f"${{{{ inputs.{option} }}}}"
        assert action["inputs"][option]["default"] == str(parameters[option].default)
    assert set(options) == {"budget", "policy", "baseline"}


def test_every_input_is_used_and_none_inside_a_script(action: dict[str, Any]) -> None:
    steps = action["runs"]["steps"]
    given = str([{**step, "run": ""} for step in steps])
    assert set(re.findall(r"inputs\.([a-z-]+)", given)) == set(action["inputs"])
    assert not any("${{" in step.get("run", "") for step in steps)


@pytest.fixture
def run_step(
    action: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the gate's step as a runner does, with this clawvm in the place of an installed one."""
    bash = shutil.which("bash")
    if bash is None or os.name == "nt":
        pytest.skip("the action is for runners with bash on Linux or macOS")
    command = tmp_path / "runner" / "clawvm-gate" / "bin" / "clawvm"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    command.chmod(0o755)
    monkeypatch.chdir(tmp_path)

    def run(**inputs: str) -> subprocess.CompletedProcess[str]:
        given = {name: known.get("default") for name, known in action["inputs"].items()} | inputs
        variables = {
            name: re.sub(r"\$\{\{ inputs\.(\S+) \}\}", lambda found: given[found[1]], value)
            for name, value in step(action, GATE)["env"].items()
        }
        runner = {"RUNNER_TEMP": "runner", "GITHUB_STEP_SUMMARY": "summary.md"}
        return subprocess.run(
            [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", step(action, GATE)["run"]],
            env=environment(**runner, **variables),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

    return run


def record(*traces: Path) -> None:
    subprocess.run(
        [*PROGRAM, "gate", *map(str, traces), "--update"],
        env=environment(),
        check=True,
        capture_output=True,
    )


def test_the_step_passes_and_writes_the_summary(
    run_step: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    one = write_session(tmp_path / "traces" / "one.jsonl")
    two = write_session(tmp_path / "a folder" / "two.jsonl")
    record(one, two)
    ran = run_step(traces="traces\na folder/two.jsonl\n")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "gate: passed, 2 sessions\n", "")
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary == "### clawvm gate\n\n```text\ngate: passed, 2 sessions\n```\n"


def test_the_step_fails_with_the_exit_code_of_the_gate_and_the_table_in_the_summary(
    run_step: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    record(write_session(tmp_path / "traces" / "one.jsonl"))
    baseline = tmp_path / "gate.json"
    text = baseline.read_text(encoding="utf-8")
    baseline.write_text(text.replace('"turns.infeasible":0', '"turns.infeasible":-1'))
    ran = run_step(traces="traces")
    assert ran.returncode == 3
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "│ traces/one.jsonl │ turns.infeasible │       -1 │   0 │      -1 │ worse │" in summary
    assert summary.endswith("and commit the file\n```\n")


def test_an_input_is_never_read_as_code_or_as_another_option(
    run_step: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    ran = run_step(traces="--update", budget='32k"; touch made; "', policy="$(touch made)")
    assert ran.returncode == 2
    assert not (tmp_path / "made").exists()
