"""The gate catches what it is there for: changes seeded into a copy of the project, built for real.

Each change is a commit in a repository of its own, judged by ``python -m bench.gate BASE HEAD``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.gate.checkout import WORKING_TREE, build, check_out
from bench.gate.command import FAILED, PASSED
from bench.gate.counting import build_region, count_workload, count_workloads, why_no_counting
from bench.gate.judge import judge

PROJECT = Path(__file__).parents[2]
SELECT = "table.select.1000"
SELECTIONS = 20
# Two workloads are enough to judge: one that a change concerns, one that it does not.
FEWER = f"""
WORKLOADS = {{name: WORKLOADS[name] for name in ("table.find", {SELECT!r})}}
"""
RUNS = 20
REPEATABLE = 0.01  # where objects lie in memory differs from checkout to checkout

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_no_counting() is not None, reason=str(why_no_counting())),
    pytest.mark.skipif(not (PROJECT / "_core").exists(), reason="there are no sources of the core"),
]


class Project:
    """A copy of the project in a repository, whose first commit is tagged ``base``."""

    def __init__(self, folder):
        self.folder = folder
        check_out(WORKING_TREE, folder)
        self.append("bench/workloads.py", FEWER)
        self.git("init", "-q")
        self.commit("base")

    def git(self, *arguments):
        identity = (
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b.invalid",
            "-c",
            "core.autocrlf=false",
        )
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.folder,
            env=kept,
            check=True,
            capture_output=True,
        )

    def commit(self, tag):
        self.git("add", ".")
        self.git("commit", "-q", "-m", tag)
        self.git("tag", tag)

    def append(self, name, text):
        path = self.folder / name
        path.write_text(path.read_text() + text)

    def seed_select(self, statements):
        """Put statements at the beginning of `PageTable.select` of the compiled core."""
        path = self.folder / "_core" / "selecting.pxi"
        seeded, count = re.subn(
            r'(\n    def select\(self[^)]*\):\n        """.*?"""\n)',
            lambda match: match[1] + "".join(f"        {line}\n" for line in statements),
            path.read_text(),
            flags=re.DOTALL,
        )
        assert count == 1
        path.write_text(seeded)

    def judge(self, head):
        """Run the gate; returns its exit code and what it said."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            [sys.executable, "-m", "bench.gate", "base", head, "--strict"],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout, done.stderr)
        return done.returncode, done.stdout


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


def wasted(count):
    """Return statements that take some instructions for each of `count` and do nothing."""
    return [
        "cdef volatile unsigned int seeded_sum = 0",
        "cdef int seeded",
        f"for seeded in range({count}):",
        "    seeded_sum = seeded_sum + 1",
    ]


def increase(said):
    """Return the percentage by which the gate says that the selector became dearer."""
    match = re.search(rf"FAILED {re.escape(SELECT)}: \+([\d.]+)% instructions", said)
    assert match, said
    return float(match[1])


def test_a_slowdown_of_five_percent_in_the_selector_is_caught(project, tmp_path):
    counts = []
    for loops in (0, 1_000):
        checkout = tmp_path / f"loops{loops}"
        copy = Project(checkout)
        copy.seed_select(wasted(loops))
        build(checkout)
        build_region(tmp_path)
        counts.append(count_workload(checkout, SELECT, tmp_path))
    base, of_thousand = counts[0], counts[1] - counts[0]
    loops = round(0.05 * base / of_thousand * 1_000)
    project.seed_select(wasted(loops))
    project.commit("slower")
    code, said = project.judge("slower")
    assert code == FAILED
    assert 4.5 < increase(said) < 5.5
    assert "FAILED table.find" not in said


def test_an_accidental_pass_over_all_pages_is_caught(project):
    project.seed_select(["self.slots()"])
    project.commit("linear")
    code, said = project.judge("linear")
    assert code == FAILED
    assert increase(said) > 3
    assert "FAILED table.find" not in said


def test_a_removed_workload_is_caught(project):
    project.append("bench/workloads.py", f"del WORKLOADS[{SELECT!r}]\n")
    project.commit("removed")
    code, said = project.judge("removed")
    assert code == FAILED
    assert f"FAILED {SELECT}: this workload was removed" in said


def test_a_change_that_costs_nothing_passes(project):
    project.append("clawvm/pages.py", "\n# a comment\n")
    project.commit("comment")
    code, said = project.judge("comment")
    assert (code, said.count("FAILED")) == (PASSED, 0)


class Unchanged:
    """Two builds of the same sources, measured in turn."""

    def __init__(self, folder):
        self.folder = folder
        build_region(folder)
        for name in ("base", "head"):
            check_out(WORKING_TREE, folder / name)
            build(folder / name)
        self.measured = []
        self.measure()

    def measure(self):
        """Measure the build that was not measured last."""
        name = ("base", "head")[len(self.measured) % 2]
        self.measured += count_workloads([self.folder / name], self.folder)


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory):
    return Unchanged(tmp_path_factory.mktemp("unchanged"))


@pytest.mark.parametrize("run", range(RUNS))
def test_a_run_on_unchanged_code_passes(unchanged, run):
    unchanged.measure()
    findings = judge(*unchanged.measured[-2:])
    assert findings
    assert all(finding.passes for finding in findings)
    widest = max(findings, key=lambda finding: abs(finding.ratio - 1))
    print(f"run {run}: {len(findings)} workloads, at most {widest.ratio - 1:+.5%} ({widest.name})")
    assert abs(widest.ratio - 1) < REPEATABLE
