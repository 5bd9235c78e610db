"""The baseline file: readable differences, and damage that is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clawvm.errors import BaselineInvalid
from clawvm.replay.gate import (
    Baseline,
    MadeWith,
    SessionRecord,
    read_baseline,
    write_baseline,
)

MADE_WITH = MadeWith("0.1.0", "compiled", "clawvm", 32_000, "o200k_base")
SESSIONS = [
    SessionRecord(f"{name}.jsonl", name, "ab" * 32, 3, 2, {"faults.refetch": 0, "work.steps": 7})
    for name in ("first", "zweite Größe")
]
BASELINE = Baseline(MADE_WITH, {"work": "5%"}, SESSIONS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_baseline(tmp_path / "gate.json", BASELINE)
    return tmp_path / "gate.json"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_what_was_written_is_read(path: Path) -> None:
    assert read_baseline(path) == BASELINE


def test_it_is_json_with_a_line_for_each_session(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert json.loads("".join(lines))["version"] == 1
    assert [json.loads(line.rstrip(","))["session"] for line in lines[4:6]] == [
        "first",
        "zweite Größe",
    ]


def test_a_changed_figure_changes_one_line(path: Path, tmp_path: Path) -> None:
    better = SessionRecord("first.jsonl", "first", "ab" * 32, 3, 2, {"work.steps": 6})
    write_baseline(
        tmp_path / "new.json", Baseline(MADE_WITH, {"work": "5%"}, [better, SESSIONS[1]])
    )
    old, new = path.read_bytes(), (tmp_path / "new.json").read_bytes()
    pairs = zip(old.splitlines(), new.splitlines(), strict=True)
    assert sum(before != after for before, after in pairs) == 1


def test_nothing_but_the_file_is_left_in_the_folder(path: Path) -> None:
    write_baseline(path, BASELINE)
    assert list(path.parent.iterdir()) == [path]


def test_a_newer_format_is_refused_with_the_way_out(path: Path) -> None:
    edit(path, '"version":1', '"version":2,"more":{}')
    with pytest.raises(BaselineInvalid, match=r"version 2, clawvm .* reads up to 1; install the"):
        read_baseline(path)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('{"format"', '<<<<<<< HEAD\n{"format"', "is no baseline"),
        ('"clawvm-gate"', '"other"', "expected format 'clawvm-gate' in version 1, found 'other'"),
        ('"version":1', '"version":0', "found 'clawvm-gate' in version 0"),
        ('"tolerances"', '"tolerance"', "is no baseline .*tolerance"),
        ('"work.steps":7', '"work.steps":7.5', "is no baseline .*int"),
        ('{"work":"5%"}', '{"wrok":"5%"}', "no figure and no group of figures is called so"),
        ("zweite Größe", "first", "first of first.jsonl is recorded twice"),
        ("ö", "\udcff", "is no baseline"),
    ],
)
def test_damage_is_named(path: Path, old: str, new: str, reason: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_bytes(text.replace(old, new).encode("utf-8", "surrogateescape"))
    with pytest.raises(BaselineInvalid, match=reason) as caught:
        read_baseline(path)
    assert str(path) in str(caught.value)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BaselineInvalid, match=r"cannot be read \(.*\); expected a baseline file"):
        read_baseline(tmp_path)
