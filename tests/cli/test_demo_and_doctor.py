"""`clawvm demo` and `clawvm doctor`: what runs here, with nothing to prepare."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from command import Run, spawn

import clawvm
from clawvm.replay.policies import POLICY_NAMES


class TestDemo:
    def test_needs_no_network_and_names_its_counter(self, tmp_path: Path) -> None:
        # No vocabulary to be found, and no way to one.
        unreachable = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
        ran = spawn("demo", TIKTOKEN_CACHE_DIR=str(tmp_path), **unreachable)
        assert (ran.code, ran.err) == (0, "")
        assert "morning-routine: 8,000 tokens (" in ran.out
        for policy in POLICY_NAMES:
            assert f"│ {policy} " in ran.out
        assert "clawvm replay PATH... --budget 32k" in ran.out
        assert list(tmp_path.iterdir()) == []

    def test_tells_of_epochs_and_boundaries(self, run: Run) -> None:
        ran = run("demo")
        assert ran.code == 0
        for part in ("gave way", "compaction", "the reset archived", "in the plan of turn"):
            assert part in ran.out

    def test_as_json_overflows_the_budget_and_only_full_is_over(self, run: Run) -> None:
        ran = run("demo", "--json", "--budget", "8k")
        assert ran.code == 0
        by_policy = {line["policy"]: line for line in ran.lines}
        assert list(by_policy) == list(POLICY_NAMES)
        for policy, figures in by_policy.items():
            assert figures["trace"] == "morning-routine"
            assert (figures["turns_over_budget"] > 0) == (policy == "full")
            assert figures["turns_infeasible"] == 0
            assert figures["tokens"]

    def test_a_tiny_budget_is_reported_and_not_a_failure(self, run: Run) -> None:
        ran = run("demo", "--budget", "10")
        assert ran.code == 0
        ran = run("demo", "--budget", "10", "--json")
        assert {line["turns_infeasible"] == line["turns"] for line in ran.lines[1:]} == {True}


class TestDoctor:
    def test_names_what_runs_and_what_is_installed(self, run: Run) -> None:
        ran = run("doctor")
        assert ran.code == 0
        assert f"clawvm {clawvm.__version__}" in ran.out
        assert platform.python_version() in ran.out
        assert clawvm.backend in ran.out
        for what in ("numpy", "xxhash", "msgspec", "tiktoken", "o200k_base", "replay count with"):
            assert what in ran.out

    def test_says_how_to_get_what_is_missing(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from clawvm.cli import doctor
        from clawvm.errors import TokenizerUnavailable
        from clawvm.tokens import ApproximateCounter

        def no_counter(encoding: str) -> None:
            raise TokenizerUnavailable(f"{encoding} is not at hand; pip install something")

        def no_version(package: str) -> str:
            raise doctor.PackageNotFoundError(package)

        monkeypatch.setattr(doctor, "version", no_version)
        monkeypatch.setattr(doctor, "counter", no_counter)
        monkeypatch.setattr(doctor, "best_counter", ApproximateCounter)
        monkeypatch.setattr(doctor, "backend", "reference")
        out = " ".join(run("doctor").out.replace("│", " ").split())
        assert "missing; pip install numpy" in out
        assert "missing; pip install 'clawvm[fast-tokens]'" in out
        assert "not at hand: o200k_base is not at hand; pip install something" in out
        assert "approximate (approximate)" in out
        assert "reinstall clawvm with a C compiler at hand and without CLAWVM_NO_EXTENSIONS" in out
