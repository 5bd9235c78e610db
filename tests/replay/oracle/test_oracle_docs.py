"""The program in ``docs/oracle.md`` runs, and the page names every function it speaks of."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from hand_traces import TOOLS, trace

import clawvm
from clawvm.replay import oracle
from clawvm.replay.trace import write_trace

PAGE = (Path(__file__).parents[3] / "docs" / "oracle.md").read_text(encoding="utf-8")


def test_the_program_prints_the_gap_and_both_bounds(tmp_path: Path) -> None:
    with (tmp_path / "session.jsonl").open("wb") as stream:
        write_trace(trace(*TOOLS), stream)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(clawvm.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    gaps, most, least = done.stdout.splitlines()
    assert gaps.startswith("GapSummary(plans=0,")  # everything fits: nothing was selected
    assert most == "AvailabilityBound(spans=0, available=0, whole_pages=0, proven=True)"
    assert int(least) > 0


def test_every_bound_has_a_row() -> None:
    for name in ("turn_gaps", "least_misses", "availability_bound", "billed_bound"):
        assert name in oracle.__all__
        assert re.search(rf"^\|.*`{name}` \|$", PAGE, re.MULTILINE)
