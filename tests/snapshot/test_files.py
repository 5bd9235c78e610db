"""Snapshot files: old or new after every failure and every kill, and nothing left lying about."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from snapshot_states import SmallSession, busy_session, tiny_session

from clawvm import crash_points
from clawvm.errors import SnapshotInvalid, StoreFailed
from clawvm.snapshot import Kind, apply, encode, load, load_delta, save, save_delta

SUPPORT = Path(__file__).parents[1] / "support"
POINTS = ["snapshot.written", "snapshot.synced", "snapshot.replaced", "snapshot.done"]


def test_a_saved_session_is_loaded(core, tmp_path):
    session = busy_session(core)
    digest = save(tmp_path / "s.clawvm", session.whole())
    loaded = load(str(tmp_path / "s.clawvm"))
    assert (loaded.kind, loaded.delta, loaded.digest) == (Kind.SNAPSHOT, session.whole(), digest)


def test_a_chain_of_saved_deltas_is_loaded(core, tmp_path):
    session = SmallSession(core)
    session.add()
    digest = save(tmp_path / "base", session.whole())
    session.settle()
    for number in range(3):
        session.add()
        session.change(0)
        digest = save_delta(tmp_path / f"delta {number}", session.settle(), digest)
    loaded = load(tmp_path / "base")
    state, digest = loaded.delta, loaded.digest
    for number in range(3):
        loaded = load_delta(tmp_path / f"delta {number}", digest)
        state, digest = apply(state, loaded.delta), loaded.digest
    assert state == session.whole()


def test_a_delta_on_another_base_is_refused(tmp_path):
    session = tiny_session()
    save_delta(tmp_path / "delta", session.settle(), b"a" * 16)
    with pytest.raises(SnapshotInvalid, match=f"a delta on state {'61' * 16} was to be applied"):
        load_delta(tmp_path / "delta", b"b" * 16)


def test_a_file_of_another_kind_is_refused_by_name(tmp_path):
    save(tmp_path / "whole", tiny_session().whole())
    save_delta(tmp_path / "delta", tiny_session().settle(), bytes(16))
    with pytest.raises(SnapshotInvalid, match="whole: expected a delta, found a snapshot"):
        load_delta(tmp_path / "whole", bytes(16))
    with pytest.raises(SnapshotInvalid, match="delta: expected a snapshot, found a delta"):
        load(tmp_path / "delta")


def test_a_damaged_file_is_refused_by_name(tmp_path):
    path = tmp_path / "broken.clawvm"
    path.write_bytes(encode(Kind.SNAPSHOT, tiny_session().whole()).data[:-1])
    with pytest.raises(SnapshotInvalid, match=r"broken\.clawvm: .* it was cut off"):
        load(path)


def test_a_file_that_is_not_there_cannot_be_read(tmp_path):
    with pytest.raises(StoreFailed, match=r"gone cannot be read: .*No such file"):
        load(tmp_path / "gone")


def test_a_huge_file_is_refused_without_being_read(tmp_path):
    path = tmp_path / "huge"
    path.write_bytes(encode(Kind.SNAPSHOT, tiny_session().whole()).data)
    os.truncate(path, 5 << 30)
    with pytest.raises(SnapshotInvalid, match="and has 5368709120"):
        load(path)


def test_saving_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "s"
    save(path, tiny_session().whole())
    save(path, busy_session().whole())
    assert load(path).delta == busy_session().whole()
    assert os.listdir(tmp_path) == ["s"]


def test_a_saved_file_has_the_permissions_of_any_other_new_file(tmp_path):
    (tmp_path / "other").write_text("")
    save(tmp_path / "s", tiny_session().whole())
    modes = {name: stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("other", "s")}
    assert modes["s"] == modes["other"]


def test_a_state_that_does_not_hold_together_leaves_the_old_file(tmp_path):
    path = tmp_path / "s"
    save(path, tiny_session().whole())
    state = busy_session().whole()
    state.pages = {}
    with pytest.raises(SnapshotInvalid):
        save(path, state)
    assert load(path).delta == tiny_session().whole()


def failing(call, after: int, code: int):
    """A system call that fails with `code` at its call number `after`."""
    calls = iter(range(1_000_000))

    def fail(*arguments, **options):
        if next(calls) >= after:
            raise OSError(code, os.strerror(code))
        return call(*arguments, **options)

    return fail


FAILURES = [
    ("write", 0, errno.ENOSPC),
    ("write", 1, errno.ENOSPC),
    ("fsync", 0, errno.EIO),
    ("replace", 0, errno.EACCES),
]


@pytest.mark.parametrize(("call", "after", "code"), FAILURES)
def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, call, after, code):
    path = tmp_path / "s"
    save(path, tiny_session().whole())
    real_write = os.write
    with monkeypatch.context() as patch:
        # A disk takes what it has room for: the file is written in pieces.
        patch.setattr(os, "write", lambda file, data: real_write(file, data[:100]))
        patch.setattr(os, call, failing(getattr(os, call), after, code))
        with pytest.raises(StoreFailed, match="s cannot be written") as caught:
            save(path, busy_session().whole())
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == code
    assert load(path).delta == tiny_session().whole()
    assert os.listdir(tmp_path) == ["s"]


def test_a_write_that_takes_a_part_at_a_time_is_finished(tmp_path, monkeypatch):
    real_write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: real_write(file, data[:7]))
        save(tmp_path / "s", tiny_session().whole())
    assert load(tmp_path / "s").delta == tiny_session().whole()


def test_a_folder_that_cannot_be_synced_is_told_and_the_file_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "s"
    save(path, tiny_session().whole())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(os.fsync, 1, errno.EIO))
        with pytest.raises(StoreFailed, match="cannot be written"):
            save(path, busy_session().whole())
    assert load(path).delta == busy_session().whole()
    assert os.listdir(tmp_path) == ["s"]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StoreFailed, match=r"s cannot be written: .*No such file"):
        save(tmp_path / "gone" / "s", tiny_session().whole())


def test_an_interrupted_save_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(name: str) -> None:
        if name == "snapshot.written":
            raise KeyboardInterrupt

    monkeypatch.setattr(crash_points, "hook", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "s", tiny_session().whole())
    assert os.listdir(tmp_path) == []


def test_every_crash_point_is_reached_once_in_order(tmp_path, monkeypatch):
    reached: list[str] = []
    monkeypatch.setattr(crash_points, "hook", reached.append)
    save(tmp_path / "s", tiny_session().whole())
    assert reached == POINTS


PROGRAM = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from snapshot_states import busy_session
from clawvm import crash_points
from clawvm.snapshot import save

def kill(name):
    if name == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

crash_points.hook = kill
save(sys.argv[2], busy_session().whole())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no process can be killed so here")
@pytest.mark.parametrize("point", POINTS)
def test_a_process_killed_at_any_point_leaves_the_old_file_or_the_new_one(tmp_path, point):
    path = tmp_path / "s"
    save(path, tiny_session().whole())
    package = Path(crash_points.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, str(SUPPORT), str(path), point],
        env={**os.environ, "PYTHONPATH": str(package)},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    replaced = POINTS.index(point) >= POINTS.index("snapshot.replaced")
    expected = busy_session() if replaced else tiny_session()
    assert load(path).delta == expected.whole()
    left = [name for name in os.listdir(tmp_path) if name != "s"]
    assert len(left) == (0 if replaced else 1)
    save(path, busy_session().whole())
    assert load(path).delta == busy_session().whole()
