"""Processes killed at every step, and at random times: nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import kills
import pytest
from command import environment
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
    made: Counter[str]
    ended: int
    losses: list[str]

    def __str__(self) -> str:
        return (
            f"{self.made.total()} kills ({self.made['']} at random times) in the lives of "
            f"{self.ended} sessions and projects: {len(self.losses)} losses"
        )


def run(url: str, folder: Path, runs: list[Run]) -> Kills:
    """Run the programs beside each other, and add up what they print."""
    programs = []
    for kind, how, number in runs:
        place = folder / f"{kind}-{how}"
        place.mkdir()
        arguments = (url, place, kind, how, number, f"{kind} {how}")
        command = [sys.executable, kills.__file__, *map(str, arguments)]
        programs.append(
            subprocess.Popen(
                command,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    found = Kills(Counter(), 0, [])
    for program in programs:
        out, errors = program.communicate(timeout=250)
        assert (program.returncode, errors) == (0, "")
        lines = [json.loads(line) for line in out.splitlines()]
        found.made.update(line["at"] for line in lines if "at" in line)
        found.losses.extend(line["loss"] for line in lines if "loss" in line)
        found = found._replace(ended=found.ended + sum("ended" in line for line in lines))
    return found


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, figure: Callable[[str], None]) -> Kills:
    found = run("", tmp_path_factory.mktemp("kills"), SQLITE)
    figure(f"SQLite: {found}")
    return found


@pytest.fixture(scope="module")
def on_postgres(
    postgres_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
    figure: Callable[[str], None],
) -> Kills:
    postgres_server.execute("CREATE SCHEMA kills")
    url = postgres_server.url(options="-csearch_path=kills")
    found = run(url, tmp_path_factory.mktemp("pgkills"), POSTGRES)
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
