"""What ``docs/audit.md`` says is so: its checking program, its events, its example."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from audit_logs import session_log, ticking, write_session
from command import environment

from clawvm.audit import AuditLog, verify
from clawvm.audit.events import EVENTS, FIELDS
from clawvm.audit.files import log_files

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"


def programs() -> list[str]:
    parts = PAGE.read_text(encoding="utf-8").split("```python\n")[1:]
    return [part.split("```")[0] for part in parts]


def run(program: str, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("keep", [8, 1])
def test_the_checking_program_comes_to_the_same_head(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "audit.jsonl"
    with AuditLog(path, rotate_bytes=2_000, keep=keep, clock=ticking()) as log:
        write_session(log)
    checked = run(programs()[0], tmp_path, *log_files(path))
    summary = verify(path)
    assert (checked.stdout.split(), checked.stderr) == ([str(summary.lines), summary.head], "")
    assert len(summary.files) == min(keep + 1, 3)


def test_the_checking_program_finds_every_altered_line(tmp_path: Path) -> None:
    path = session_log(tmp_path / "audit.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    for number in (0, 7, len(lines) - 1):
        altered = lines[number].replace(b'"turn":', b'"turn":1')
        path.write_bytes(b"".join([*lines[:number], altered, *lines[number + 1 :]]))
        assert "AssertionError" in run(programs()[0], tmp_path, path).stderr


def test_the_checking_program_finds_a_removed_line(tmp_path: Path) -> None:
    path = session_log(tmp_path / "audit.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5] + lines[6:]))
    assert "AssertionError" in run(programs()[0], tmp_path, path).stderr


def test_it_has_every_event_with_its_fields_in_order() -> None:
    found: dict[str, list[str]] = {}
    event = ""
    for row in re.findall(r"^\|([^|]*)\|([^|]*)\|[^|]*\|[^|]*\|$", PAGE.read_text("utf-8"), re.M):
        names = re.findall(r"`(\w+)`", row[0])
        if names and names[0] in EVENTS:
            event = names[0]
            found[event] = []
        elif names or not event:
            continue
        found[event] += re.findall(r"`(\w+)`", row[1])
    assert {name: tuple(fields) for name, fields in found.items()} == FIELDS


def test_its_example_runs(tmp_path: Path) -> None:
    ran = run(programs()[1], tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split()[:2] == ["2", verify(tmp_path / "session.audit.jsonl").head]
