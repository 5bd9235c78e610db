"""Processes killed at every step, and at random times: nothing that was acknowledged is lost."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import kills
import pytest
from command import FORKING, environment
from killing import crash_point_names
from postgres import Server

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="there is no fork and no SIGKILL on Windows"
)

#: What is written, where it is killed, and how often; all at the same time.
Run = tuple[str, str, int]
SQLITE: list[Run] = [
    ("story", "steps", 190),
    ("story", "times", 170),
    ("project", "steps", 90),
    ("project", "times", 60),
]
POSTGRES: list[Run] = [
    ("story", "steps", 60),
    ("story", "times", 30),
    ("project", "steps", 25),
    ("project", "times", 10),
]


class Kills(NamedTuple):
    """By crash point how often processes were killed there, at random times under no name."""

    made: Counter[str]
    ended: Counter[str]
    losses: list[str]

    def __str__(self) -> str:
        return (
            f"{self.made.total()} kills, {self.made['']} of them at random times, in the lives of "
            f"{self.ended['story']} sessions and {self.ended['project']} projects: "
            f"{len(self.losses)} losses"
        )


def run(runs: list[Run], folder: Path, url: str = "") -> Kills:
    """Run the programs beside each other, and add up what they print."""
    with contextlib.ExitStack() as stack:
        programs = []
        for kind, how, number in runs:
            # A process that is killed leaves to the system what it has written, on whatever disk:
            # only at random times can it be killed while it waits for one.
            place = Path(stack.enter_context(in_memory(folder))) if how == "steps" else folder
            place = place / f"{kind}-{how}"
            place.mkdir()
            arguments = (url, place, kind, how, number, f"{kind} {how}")
            command = [*FORKING, kills.__file__, *map(str, arguments)]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            programs.append(subprocess.Popen(command, env=environment(), text=True, **pipes))
        found = Kills(Counter(), Counter(), [])
        for program in programs:
            out, errors = program.communicate(timeout=250)
            assert (program.returncode, errors) == (0, "")
            for line in map(json.loads, out.splitlines()):
                if "at" in line:
                    found.made[line["at"]] += 1
                elif "ended" in line:
                    found.ended[line["ended"]] += 1
                else:
                    found.losses.append(line["loss"])
    return found


def in_memory(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder in memory, where the system has one, else one in `folder`."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(
        prefix="clawvm-kills-", dir=memory if os.access(memory, os.W_OK) else folder
    )


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, figure: Callable[[str], None]) -> Kills:
    found = run(SQLITE, tmp_path_factory.mktemp("kills"))
    figure(f"SQLite: {found}")
    return found


@pytest.fixture(scope="module")
def on_postgres(
    postgres_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
    figure: Callable[[str], None],
) -> Kills:
    found = run(POSTGRES, tmp_path_factory.mktemp("kills"), postgres_server.url())
    figure(f"PostgreSQL: {found}")
    return found


def test_nothing_is_lost_by_kills_on_sqlite(on_sqlite: Kills) -> None:
    assert on_sqlite.losses == []
    assert on_sqlite.made.total() >= 500


def test_nothing_is_lost_by_kills_on_postgresql(on_postgres: Kills) -> None:
    assert on_postgres.losses == []
    assert on_postgres.made.total() >= 100


def test_processes_were_killed_at_every_point_in_the_code(on_sqlite: Kills) -> None:
    assert sorted(on_sqlite.made.keys() - {""}) == crash_point_names()
