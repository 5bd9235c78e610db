"""The local spool: rows on disk in order, torn tails cut, damage told, nothing dropped."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clawvm.errors import SpoolFull, StoreCorrupt, StoreFailed, StoreInvalid
from clawvm.pages import Scope
from clawvm.stores import Append, Space, spool_file, system
from clawvm.stores.codec import Lz4Codec
from clawvm.stores.spool import SpaceSpool, Spool, stem_of
from clawvm.stores.spool_file import read_file
from clawvm.stores.spool_frames import frame_of, header_of

SPACE = Space("acme", Scope.SESSION, "s1")
CODEC = Lz4Codec()
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="needs signals and modes of POSIX")


def row(seq: int, space: Space = SPACE) -> Append:
    return Append(space, seq, b"record %d" % seq, [b"content " * seq, b""], 7)


def reopened(own: SpaceSpool, spool: Spool) -> SpaceSpool:
    own.close()
    return spool.of(own.space)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def filled(spool: Spool) -> SpaceSpool:
    own = spool.of(SPACE)
    for seq in (4, 5, 6):
        own.write(row(seq))
    return own


def only_file(spool: Spool, suffix: str = ".spool") -> Path:
    (path,) = (path for path in spool.folder.iterdir() if path.suffix == suffix)
    return path


def test_rows_come_back_in_order(filled: SpaceSpool, spool: Spool) -> None:
    assert list(filled.rows()) == [row(4), row(5), row(6)]
    assert list(reopened(filled, spool).rows()) == [row(4), row(5), row(6)]


def test_a_spool_that_is_not_needed_leaves_no_trace(spool: Spool) -> None:
    assert len(spool.of(SPACE)) == 0
    assert not spool.folder.exists()


def test_rows_can_be_added_after_reopening(filled: SpaceSpool, spool: Spool) -> None:
    again = reopened(filled, spool)
    again.write(row(7))
    assert [row.seq for row in reopened(again, spool).rows()] == [4, 5, 6, 7]


def test_the_file_goes_with_the_last_row(filled: SpaceSpool, spool: Spool) -> None:
    for left in (2, 1, 0):
        filled.drop()
        assert len(filled) == left
    assert list(spool.folder.iterdir()) == []


def test_rows_that_were_dropped_come_back_if_the_file_did_not_go(
    filled: SpaceSpool, spool: Spool
) -> None:
    filled.drop()
    assert [row.seq for row in filled.rows()] == [5, 6]
    assert [row.seq for row in reopened(filled, spool).rows()] == [4, 5, 6]


def test_the_bound_holds_and_nothing_is_lost(tmp_path: Path) -> None:
    frame = len(frame_of(row(1), CODEC))
    spool = Spool(tmp_path, len(header_of(SPACE, CODEC)) + 2 * frame)
    own = spool.of(SPACE)
    own.write(row(1))
    own.write(row(1))
    with pytest.raises(SpoolFull, match=r"row 1 needs \d+ bytes"):
        own.write(row(1))
    assert len(reopened(own, spool)) == 2


def test_the_room_of_dropped_rows_is_used_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, len(header_of(SPACE, CODEC)) + 2 * len(frame_of(row(9), CODEC)))
    own = spool.of(SPACE)
    own.write(row(8))
    own.write(row(9))
    own.drop()
    own.write(row(7))
    assert list(own.rows()) == [row(9), row(7)]
    assert list(reopened(own, spool).rows()) == [row(9), row(7)]
    assert [path.suffix for path in tmp_path.iterdir()] == [".spool"]


def test_every_torn_tail_is_cut(filled: SpaceSpool, spool: Spool) -> None:
    filled.close()
    path = only_file(spool)
    whole = path.read_bytes()
    last = len(whole) - len(frame_of(row(6), CODEC))
    for size in range(last, len(whole)):
        path.write_bytes(whole[:size])
        own = spool.of(SPACE)
        assert list(own.rows()) == [row(4), row(5)]
        own.write(row(9))
        own.close()
        assert [row.seq for row in read_file(path, CODEC)[1]] == [4, 5, 9]


def test_a_tail_of_zeros_is_cut(filled: SpaceSpool, spool: Spool) -> None:
    filled.close()
    path = only_file(spool)
    path.write_bytes(path.read_bytes() + bytes(5000))
    assert len(spool.of(SPACE)) == 3


def test_a_file_whose_first_row_is_torn_goes(spool: Spool) -> None:
    own = spool.of(SPACE)
    own.write(row(1))
    own.close()
    path = only_file(spool)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert len(spool.of(SPACE)) == 0
        assert not path.exists()


def test_damage_before_an_acknowledged_row_is_told(filled: SpaceSpool, spool: Spool) -> None:
    filled.close()
    path = only_file(spool)
    whole = path.read_bytes()
    last = len(whole) - len(frame_of(row(6), CODEC))
    for place in range(0, last, 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises((StoreCorrupt, StoreInvalid), match=path.name):
            spool.of(SPACE)
        assert path.stat().st_size == len(whole)


def test_damage_while_the_spool_is_open_is_told(filled: SpaceSpool, spool: Spool) -> None:
    path = only_file(spool)
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(len(whole) - 1)
        file.write(bytes([whole[-1] ^ 1]))
    with pytest.raises(StoreCorrupt, match="does not match its checksum"):
        list(filled.rows())


def test_a_file_of_a_newer_version_is_refused(spool: Spool) -> None:
    own = spool.of(SPACE)
    own.write(row(1))
    own.close()
    path = only_file(spool)
    data = bytearray(path.read_bytes())
    data[8] = 2
    path.write_bytes(data)
    with pytest.raises(StoreInvalid, match="version 2, expected 1"):
        spool.of(SPACE)


def test_the_spool_of_another_space_is_refused(spool: Spool) -> None:
    own = spool.of(SPACE)
    own.write(row(1))
    own.close()
    other = Space("acme", Scope.SESSION, "s2")
    only_file(spool).rename(spool.folder / f"{stem_of(other)}.0.spool")
    with pytest.raises(StoreInvalid, match="is the spool of session 's1'"):
        spool.of(other)


def test_spaces_do_not_see_each_others_rows(spool: Spool) -> None:
    names = ["a", "A", "a/b", "..", "", "ä" * 300, "a\0b", "a.spool", "\ud800", "con"]
    spaces = [
        Space(tenant, scope, name) for tenant in ("t", "T") for scope in Scope for name in names
    ]
    assert len({stem_of(space).lower() for space in spaces}) == len(spaces)
    for number, space in enumerate(spaces):
        spool.of(space).write(row(number + 1, space))
    found = sorted(path.name for path in spool.folder.iterdir())
    assert len(found) == len(spaces)
    assert all(name.isascii() and len(name) < 100 and "/" not in name for name in found)


def test_what_is_encrypted_in_the_store_is_encrypted_in_the_spool(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    from clawvm.stores.encryption import AesGcmCodec

    spool = Spool(tmp_path, codec=AesGcmCodec(bytes(range(32))))
    own = spool.of(SPACE)
    own.write(row(1))
    assert b"content" not in only_file(spool).read_bytes()
    own.close()
    with pytest.raises(StoreInvalid, match="written with the codec 'aes-gcm"):
        Spool(tmp_path).of(SPACE)
    with pytest.raises(StoreCorrupt, match="another key"):
        Spool(tmp_path, codec=AesGcmCodec(bytes(32))).of(SPACE)
    assert list(spool.of(SPACE).rows()) == [row(1)]


def test_a_file_that_is_in_use_is_left_alone(filled: SpaceSpool, spool: Spool) -> None:
    second = spool.of(SPACE)
    assert len(second) == 0
    second.write(row(8))
    assert len(list(spool.folder.iterdir())) == 2
    filled.close()
    second.close()
    assert [row.seq for row in spool.of(SPACE).rows()] == [4, 5, 6, 8]


@POSIX_ONLY
def test_a_new_file_that_another_process_takes_for_a_leftover_is_made_again(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = spool.of(SPACE)
    looks = iter([True])

    def lock_file(fd: int) -> bool:
        if next(looks, False):
            assert len(spool.of(SPACE)) == 0  # it looks, finds nothing whole and removes it
            assert list(spool.folder.iterdir()) == []
        return system.lock_file(fd)

    monkeypatch.setattr(spool_file, "lock_file", lock_file)
    own.write(row(4))
    assert list(reopened(own, spool).rows()) == [row(4)]


@POSIX_ONLY
def test_a_leftover_is_removed_before_it_is_unlocked(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.folder.mkdir()
    path = spool.folder / f"{stem_of(SPACE)}.0000.spool"
    path.write_bytes(header_of(SPACE, CODEC))
    writer = os.open(path, os.O_RDWR)  # whose file it is, and who has not locked it yet
    unlink, locked = Path.unlink, []

    def watched(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".spool":
            locked.append(system.lock_file(writer))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    assert len(spool.of(SPACE)) == 0
    assert locked == [False]
    os.close(writer)


def test_refused_rows_are_kept_apart_and_listed(filled: SpaceSpool, spool: Spool) -> None:
    filled.drop()
    (path,) = filled.refuse()
    assert len(filled) == 0
    assert len(spool.of(SPACE)) == 0
    (refused,) = spool.refused()
    assert (refused.space, refused.path, refused.rows) == (SPACE, path, 2)
    assert read_file(path, CODEC) == (SPACE, [row(5), row(6)], 0)


def test_a_row_that_refers_to_contents_by_id_is_refused(spool: Spool) -> None:
    with pytest.raises(StoreFailed, match="bring them along"):
        spool.of(SPACE).write(Append(SPACE, 1, b"", [3]))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_fails_leaves_the_rows_before(
    filled: SpaceSpool, spool: Spool, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    def failing(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, failing)
    with pytest.raises(SpoolFull if number == errno.ENOSPC else StoreFailed):
        filled.write(row(7))
    monkeypatch.undo()
    filled.write(row(8))
    assert [row.seq for row in reopened(filled, spool).rows()] == [4, 5, 6, 8]


def test_a_disk_that_fails_at_the_first_row_leaves_no_file(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    own = spool.of(SPACE)
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(SpoolFull):
        own.write(row(1))
    monkeypatch.undo()
    assert not spool.folder.exists()
    own.write(row(1))
    assert len(own) == 1


@POSIX_ONLY
def test_a_real_limit_of_file_size_is_a_full_spool(tmp_path: Path) -> None:
    program = f"""
import os, resource, signal
from pathlib import Path
from clawvm.errors import SpoolFull
from clawvm.pages import Scope
from clawvm.stores import Append, Space
from clawvm.stores.spool import Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
own = Spool({str(tmp_path)!r}).of(Space("acme", Scope.SESSION, "s1"))
seq = 0
try:
    while True:
        own.write(Append(own.space, seq + 1, os.urandom(3000)))
        seq += 1
except SpoolFull:
    print(seq, len(own))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["3", "3"]
    assert [row.seq for row in Spool(tmp_path).of(SPACE).rows()] == [1, 2, 3]


@POSIX_ONLY
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        (tmp_path / "spool").write_text("a file where the folder should be")
    else:
        (tmp_path / "spool").mkdir(mode=0o500)
    with pytest.raises(StoreFailed, match="spool"):
        Spool(tmp_path / "spool").of(SPACE).write(row(1))


KILLED_WRITER = """
import os, signal, sys
from clawvm import crash_points
from clawvm.pages import Scope
from clawvm.stores import Append, Space
from clawvm.stores.spool import Spool
folder, point, number = sys.argv[1:]
left = int(number)
def hook(name):
    global left
    if name == point:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
own = Spool(folder).of(Space("acme", Scope.SESSION, "s1"))
for seq in (1, 2, 3):
    crash_points.hook = hook
    own.write(Append(own.space, seq, b"record", [b"x" * 5000]))
    print("written", seq, flush=True)
for seq in (1, 2, 3):
    print("dropping", seq, flush=True)
    own.drop()
"""


@POSIX_ONLY
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("point", ["spool.write", "spool.synced", "spool.drained", "spool.removed"])
def test_a_killed_writer_leaves_what_it_acknowledged(
    tmp_path: Path, point: str, number: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WRITER, str(tmp_path), point, str(number)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = done.stdout.split("\n")
    written = [int(line.split()[1]) for line in lines if line.startswith("written")]
    found = [row.seq for row in Spool(tmp_path).of(SPACE).rows()]
    if "dropping 3" in lines:
        assert found in ([], [1, 2, 3])
        assert done.returncode == (0 if number > 1 else -signal.SIGKILL)
    else:
        assert done.returncode == -signal.SIGKILL
        assert found in (written, [*written, len(written) + 1])
