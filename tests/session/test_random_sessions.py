"""Random sessions in both formats, driven through every operation, on both back ends at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from session_driver import TURNS, Driver

SESSIONS = 45


@pytest.mark.parametrize("policy", ["clawvm", "paper"])
@pytest.mark.parametrize("block", range(3))
def test_every_promise_holds_and_both_back_ends_agree(on_both, policy, block):
    feasible = 0
    for seed in range(block * SESSIONS, (block + 1) * SESSIONS):
        compiled, reference = on_both(lambda seed=seed: Driver(seed, policy).run())
        assert compiled == reference, f"seed {seed}"
        feasible += len(compiled)
    assert feasible > SESSIONS * TURNS * 0.9


DIGEST = """
import hashlib, sys
sys.path[:0] = sys.argv[1:]
from session_driver import Driver
for seed in range(8):
    for policy in ("clawvm", "paper"):
        print(hashlib.sha256(repr(Driver(seed, policy).run()).encode()).hexdigest())
"""


def test_the_same_session_is_the_same_in_every_process():
    folders = [str(Path(__file__).parents[1] / "support")]
    answers = set()
    for seed in ("0", "4711"):
        ran = subprocess.run(
            [sys.executable, "-c", DIGEST, *folders],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        answers.add(ran.stdout)
    assert len(answers) == 1
