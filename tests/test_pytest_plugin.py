"""The fixture `clawvm_gate`, in projects of its users made for each test."""

from __future__ import annotations

import os
import re
import textwrap
import tomllib
from pathlib import Path

import pytest
from gate_sessions import write_session

import clawvm

PROJECT = Path(__file__).parents[1]
pytest_plugins = ["pytester"]

TEST = "def test_memory(clawvm_gate): clawvm_gate()\n"
INI = """
[pytest]
filterwarnings = error
clawvm_gate_traces = traces
clawvm_gate_budget = 16k
clawvm_gate_baseline = ci/gate.json
"""
# The policy is worsened where the users' test runs, be that this process or another.
FORGETFUL = """
import pytest
from gate_sessions import forget

@pytest.fixture(autouse=True)
def worsened(monkeypatch):
    forget(monkeypatch)
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with one recorded session, and pytest with our plugin and no other.

    The plugin is named, and not found: these sources may not be the ones that are installed.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p clawvm.pytest_plugin")
    support = Path(__file__).parent / "support"
    paths = map(str, (Path(clawvm.__file__).parents[1], support))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    pytester.makeini(INI)
    pytester.makepyfile(test_gate=TEST)
    (pytester.path / "ci").mkdir()
    write_session(pytester.path / "traces" / "one.jsonl")
    return pytester


def test_without_a_baseline_the_test_fails_and_says_how_to_record_one(
    project: pytest.Pytester,
) -> None:
    ran = project.runpytest()
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(
        ["clawvm gate: *ci/gate.json: there is no baseline; record one with --clawvm*"]
    )


def test_records_and_then_passes_twice_in_a_row(project: pytest.Pytester) -> None:
    recorded = project.runpytest("--clawvm-gate-update")
    recorded.assert_outcomes(passed=1)
    recorded.stdout.fnmatch_lines(
        [
            "*= clawvm gate =*",
            "test_gate.py::test_memory",
            "gate: recorded 1 session in *gate.json*",
        ]
    )
    baseline = project.path / "ci" / "gate.json"
    first = baseline.read_bytes()
    assert b'"budget_tokens":16000' in first
    assert b'"file":"../traces/one.jsonl"' in first
    for _ in range(2):
        ran = project.runpytest()
        ran.assert_outcomes(passed=1)
        ran.stdout.fnmatch_lines(["gate: passed, 1 session"])
    assert baseline.read_bytes() == first


def test_a_worsened_policy_fails_the_test_with_the_table(project: pytest.Pytester) -> None:
    project.runpytest("--clawvm-gate-update").assert_outcomes(passed=1)
    project.makeconftest(FORGETFUL)
    ran = project.runpytest()
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(
        [
            "gate.json: clawvm, 16,000 tokens (*)",
            "┃ session *┃ figure *┃ *baseline ┃ *now ┃ *allowed ┃ *┃",
            "│ ../traces/one.jsonl │ faults.refetch *│ *0 │ *1 │ *0 │ worse *│",
            "gate: FAILED, *run again with --clawvm-gate-update and commit the file",
        ]
    )
    ran.stdout.no_fnmatch_line("*Traceback*")


def test_a_stale_baseline_fails_the_test(project: pytest.Pytester) -> None:
    project.runpytest("--clawvm-gate-update").assert_outcomes(passed=1)
    ran = project.runpytest("-o", "clawvm_gate_policy=lru")
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["stale: the policy is lru, and was clawvm *"])


def test_getting_better_is_told_at_the_end_of_the_run(project: pytest.Pytester) -> None:
    project.makeconftest(FORGETFUL)
    project.runpytest("--clawvm-gate-update").assert_outcomes(passed=1)
    (project.path / "conftest.py").unlink()
    baseline = project.path / "ci" / "gate.json"
    loose = baseline.read_text(encoding="utf-8").replace(
        '"tolerances":{}', '"tolerances":{"work":"999%"}'
    )
    baseline.write_text(loose.replace('{"work"', '{"billed":"999%","work"'))
    ran = project.runpytest()
    ran.assert_outcomes(passed=1)
    ran.stdout.fnmatch_lines(
        [
            "│ ../traces/one.jsonl │ faults.refetch *│ better *│",
            "gate: passed, *got better; *--clawvm-gate-update*",
        ]
    )


def test_traces_and_settings_can_be_named_in_the_call(project: pytest.Pytester) -> None:
    write_session(project.path / "other" / "two.jsonl")
    project.makepyfile(
        test_gate="""
        def test_two(clawvm_gate):
            clawvm_gate("other/two.jsonl", budget="8k", policy="lru", baseline="other.json")
        """
    )
    project.runpytest("--clawvm-gate-update").assert_outcomes(passed=1)
    recorded = (project.path / "other.json").read_text(encoding="utf-8")
    assert '"policy":"lru","budget_tokens":8000' in recorded
    assert '"file":"other/two.jsonl"' in recorded
    project.runpytest().assert_outcomes(passed=1)


def test_the_options_can_stand_in_pyproject_as_the_docs_have_them(
    project: pytest.Pytester,
) -> None:
    page = (PROJECT / "docs" / "gate.md").read_text(encoding="utf-8")
    table = re.search(r"( {4}\[tool\.pytest.*?)\n\n", page, re.DOTALL)
    assert table is not None
    (project.path / "tox.ini").unlink()
    project.makepyprojecttoml(textwrap.dedent(table[1]))
    write_session(project.path / "tests" / "traces" / "one.jsonl")
    project.runpytest("--clawvm-gate-update").assert_outcomes(passed=1)
    assert (project.path / "tests" / "gate.json").exists()


def test_without_traces_the_test_fails_and_says_so(project: pytest.Pytester) -> None:
    ran = project.runpytest("--clawvm-gate-update", "-o", "clawvm_gate_traces=")
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["clawvm gate: no recorded session in no path at all; name files *"])


def test_loading_the_plugin_imports_nothing_heavy(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_gate="""
        import sys

        def test_nothing():
            heavy = {"clawvm.replay", "msgspec", "numpy", "rich", "tiktoken", "toktok", "typer"}
            assert "clawvm.pytest_plugin" in sys.modules
            assert heavy.isdisjoint(sys.modules)
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_pytest_finds_the_plugin_of_an_installed_clawvm() -> None:
    if not (PROJECT / "pyproject.toml").exists():
        pytest.skip("the tests run outside a source tree")
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert declared["entry-points"]["pytest11"] == {"clawvm": "clawvm.pytest_plugin"}
