"""The gate over recorded sessions: the same bytes in every process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command import spawn

TRACES = Path(os.environ.get("CLAWVM_TRACES", Path(__file__).parents[4] / "shared" / "traces"))
FOLDERS = [folder for name in ("codex", "tau-bench") if (folder := TRACES / name).is_dir()]

pytestmark = pytest.mark.skipif(
    not FOLDERS, reason=f"no recorded sessions in {TRACES} (set CLAWVM_TRACES)"
)


@pytest.mark.parametrize("policy", ["clawvm", "paper"])
def test_passes_and_records_the_same_bytes_whatever_the_hash_seed(
    tmp_path: Path, policy: str
) -> None:
    baseline = tmp_path / "gate.json"
    options = ("--budget", "16k", "--policy", policy, "--baseline", baseline)
    assert spawn("gate", *FOLDERS, *options, "--update", PYTHONHASHSEED="1").code == 0
    first = baseline.read_bytes()
    ran = spawn("gate", *FOLDERS, *options, PYTHONHASHSEED="2")
    assert (ran.code, ran.out.splitlines()[-1][:13]) == (0, "gate: passed,")
    assert "│" not in ran.out
    assert spawn("gate", *FOLDERS, *options, "--update", PYTHONHASHSEED="3").code == 0
    assert baseline.read_bytes() == first
