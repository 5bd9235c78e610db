"""Processes that write one project at once: each operation once, and everybody told the truth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from journals import open_project
from operations import PROJECT
from store_harness import Place

from clawvm.writeback.heads import Head

SUPPORT = Path(__file__).parents[1] / "support"
WRITERS = 4
COMMITS = 40

WRITER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from journals import open_project
from operations import operation
from clawvm.pages import Scope
from clawvm.stores.open import open_store
from clawvm.writeback import OpKind
url, name, commits = sys.argv[2], sys.argv[3], int(sys.argv[4])
journal = open_project(open_store(url, timeout=30.0))
print("ready", flush=True)
sys.stdin.readline()
told = []
for number in range(commits):
    seen = journal.head("shared").version
    mark = f"{name}-{number}"
    for op in (
        operation(OpKind.APPEND, mark, page_id="log", scope=Scope.PROJECT),
        operation(OpKind.MERGE, {mark: number}, field="index", scope=Scope.PROJECT),
        operation(value=mark, page_id="shared", scope=Scope.PROJECT, expected_version=seen),
    ):
        journal.stage(op)
    receipt = journal.commit("turn", turn=number)
    told.append([
        receipt.seq,
        [entry.operation.page_id for entry in receipt.committed],
        [[entry.operation.page_id, entry.code] for entry in receipt.rejected],
    ])
print(json.dumps(told))
"""


def test_every_acknowledged_operation_is_there_once_and_every_refused_one_was_told(
    place: Place,
) -> None:
    if not place.shared:
        pytest.skip("no second process can open it")
    store = place.open()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(SUPPORT), place.url, f"w{number}", str(COMMITS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    told = [json.loads(writer.communicate(timeout=120)[0]) for writer in writers]

    journal = open_project(store)
    rows = {row.transaction.seq: row.transaction for row in journal.rows()}
    assert list(rows) == list(range(1, WRITERS * COMMITS + 1))
    for number, commits in enumerate(told):
        for turn, (seq, committed, rejected) in enumerate(commits):
            row = rows[seq]
            assert row.turn == turn
            assert row.committed[0].operation.value == f"w{number}-{turn}"
            assert [entry.operation.page_id for entry in row.committed] == committed
            assert [[entry.operation.page_id, entry.code] for entry in row.rejected] == rejected
            assert committed[:2] == ["log", "page"]
            assert rejected in ([], [["shared", "DESTRUCTIVE_OP"]])
    marks = sorted(f"w{number}-{turn}" for number in range(WRITERS) for turn in range(COMMITS))
    assert sorted(str(journal.head("log").value).split("\n")) == marks
    assert sorted(journal.head("page", "index").value or {}) == marks  # type: ignore[arg-type]
    sets = [row.committed[2].operation.value for row in rows.values() if len(row.committed) == 3]
    assert journal.head("shared") == Head(len(sets), sets[-1])
    refused = sum(len(row.rejected) for row in rows.values())
    assert len(sets) + refused == WRITERS * COMMITS
    assert store.check() == []
    assert store.load(PROJECT).last_seq == WRITERS * COMMITS
    store.close()
