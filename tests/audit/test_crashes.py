"""After a crash at any instant the log is in order, and what was flushed is there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import audit_kills
import pytest
from audit_logs import session_log, ticking
from command import environment

from clawvm.audit import AuditLog, History, verify
from clawvm.audit.files import log_files
from clawvm.errors import AuditInvalid

forks = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork and no SIGKILL")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def killed(how: str, folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, audit_kills.__file__, how, str(folder)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@forks
def test_killed_at_every_step(tmp_path: Path) -> None:
    kills = killed("steps", tmp_path)
    print(f"{len(kills)} kills: {Counter(kill['at'] for kill in kills)}")
    steps = {"write", "written", "rotate", "shifted", "opened", "delete", "torn", "cut"}
    assert {kill["at"] for kill in kills} == {f"audit.{step}" for step in steps}
    for kill in kills:
        # At most one line more than was told, and the lines that opening and closing add.
        assert kill["flushed"] + 1 <= kill["there"] <= kill["flushed"] + 5, kill


@forks
def test_killed_at_random_times(tmp_path: Path) -> None:
    kills = killed("times", tmp_path)
    print(f"{len(kills)} kills, {kills[-1]['there']} lines")
    assert len(kills) == 40
    assert all(kill["flushed"] < kill["there"] for kill in kills)


def test_a_torn_last_line_is_cut_off_kept_and_noted(path: Path, tmp_path: Path) -> None:
    whole = session_log(tmp_path / "whole.jsonl").read_bytes()
    begin_of_last = whole[:-1].rindex(b"\n") + 1
    for length in range(begin_of_last + 1, len(whole)):
        for file in tmp_path.glob("audit.*"):
            file.unlink()
        path.write_bytes(whole[:length])
        AuditLog(path, clock=ticking()).close()
        torn = whole[begin_of_last:length]
        data = path.read_bytes()
        assert data.startswith(whole[:begin_of_last])
        (note,) = map(json.loads, data[begin_of_last:].splitlines())
        assert (note["event"], note["turn"], note["torn_bytes"]) == ("reopened", 4, len(torn))
        assert (tmp_path / "audit.jsonl.torn").read_bytes() == torn + b"\n"
        assert verify(path).reopened == 1


def test_torn_lines_of_several_crashes_are_all_kept(path: Path) -> None:
    for _ in range(2):
        path.write_bytes(session_log(path).read_bytes()[:-5])
        AuditLog(path).close()
    assert verify(path).reopened == 2
    assert len((path.parent / "audit.jsonl.torn").read_bytes().splitlines()) == 2


def test_a_log_of_nothing_but_a_torn_line_begins_anew(path: Path) -> None:
    path.write_bytes(b'{"n":1,"eve')
    AuditLog(path).close()
    assert [json.loads(line)["event"] for line in path.read_bytes().splitlines()] == [
        "begun",
        "reopened",
    ]
    assert verify(path).lines == 2


@pytest.mark.parametrize("left", [None, b"", b'{"n":20,"event":"rot', b"\0" * 4096])
def test_a_rotation_that_was_cut_off_is_finished(path: Path, left: bytes | None) -> None:
    session_log(path).rename(path.with_name("audit.jsonl.1"))
    before = verify(path).lines
    if left is not None:
        path.write_bytes(left)
    AuditLog(path).close()
    assert verify(path).lines == before + 1 + bool(left)
    assert json.loads(path.read_bytes().splitlines()[0])["event"] == "rotated"


def test_a_torn_end_of_a_rotated_file_is_cut_off_too(path: Path) -> None:
    cut = session_log(path).read_bytes()[:-30]
    path.unlink()
    path.with_name("audit.jsonl.1").write_bytes(cut)
    AuditLog(path).close()
    assert verify(path).reopened == 1
    assert len(log_files(path)) == 2


def test_a_torn_last_line_is_passed_over_by_history_and_named_by_verify(path: Path) -> None:
    path.write_bytes(session_log(path).read_bytes()[:-5])
    assert History.read(path).torn_bytes > 0
    with pytest.raises(AuditInvalid, match="as a crash leaves them"):
        verify(path)
