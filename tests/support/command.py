"""The `clawvm` command run in a process of its own, and what a run of it gave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import clawvm

PROGRAM = (sys.executable, "-c", "from clawvm.cli import main; main()")


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> str:
        """The only line on stderr of a command that printed nothing else."""
        assert self.out == ""
        assert self.err.endswith("\n")
        (line,) = self.err.splitlines()
        return line


Run = Callable[..., Ran]

#: Python for a program that forks. Ours has a thread that numpy's library keeps, and which no child
#: needs; newer Pythons warn of any.
FORKING = (sys.executable, "-W", "ignore:This process:DeprecationWarning")


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(clawvm.__file__).parents[1]), **more}


def spawn(*arguments: object, **variables: str) -> Ran:
    """Run the command in a process of its own."""
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        env=environment(**variables),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return Ran(done.returncode, done.stdout, done.stderr)
