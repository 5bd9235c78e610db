"""Whatever is done to the lines of a log is found, and named."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from audit_logs import session_log

from clawvm.audit import verify
from clawvm.errors import AuditInvalid

HASH_CHARS = 64


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    path = session_log(tmp_path_factory.mktemp("log") / "audit.jsonl")
    return path.read_bytes().splitlines(keepends=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def found(path: Path, *lines: bytes, head: str | None = None) -> AuditInvalid:
    """Return what the check of a file with these lines finds."""
    path.write_bytes(b"".join(lines))
    with pytest.raises(AuditInvalid) as caught:
        verify(path, head=head)
    assert caught.value.file == str(path)
    assert str(path) in str(caught.value)
    assert caught.value.expected in str(caught.value)
    assert caught.value.found in str(caught.value)
    return caught.value


def forged(line: bytes, **changes: object) -> bytes:
    """Return a line that says something else, with the hash that it should have then."""
    record = json.loads(line)
    end = {"prev": record.pop("prev")}
    del record["hash"]
    return sealed(json.dumps(record | end | changes, separators=(",", ":")).encode() + b"\n")


def sealed(line: bytes) -> bytes:
    """Return a line with the hash that it should have."""
    body = line.rsplit(b',"hash":"')[0].removesuffix(b"}\n")
    return body + f',"hash":"{hashlib.sha256(body).hexdigest()}"}}\n'.encode()


def test_a_log_as_it_was_written_is_in_order(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines))
    assert verify(path).lines == len(lines)


def test_every_removed_line(path: Path, lines: list[bytes]) -> None:
    for number in range(len(lines) - 1):
        error = found(path, *lines[:number], *lines[number + 1 :])
        assert error.line == number + 1
        assert f"number {number + 2}" in error.found


def test_every_repeated_line(path: Path, lines: list[bytes]) -> None:
    for number in range(len(lines)):
        error = found(path, *lines[: number + 1], *lines[number:])
        assert error.line == number + 2


def test_every_two_lines_that_changed_places(path: Path, lines: list[bytes]) -> None:
    for first in range(len(lines)):
        for second in range(first + 1, len(lines)):
            moved = list(lines)
            moved[first], moved[second] = lines[second], lines[first]
            assert found(path, *moved).line == first + 1


def test_every_altered_byte(path: Path, lines: list[bytes]) -> None:
    data = b"".join(lines)
    ends = [number for number, line in enumerate(lines, 1) for _ in line]
    for place, byte in enumerate(data):
        for other in (byte ^ 1, 0x0A if byte != 0x0A else 0x20):
            error = found(path, data[:place], bytes([other]), data[place + 1 :])
            assert error.line == ends[place]


def test_every_end_that_was_cut_inside_a_line(path: Path, lines: list[bytes]) -> None:
    data = b"".join(lines)
    ends = [number for number, line in enumerate(lines, 1) for _ in line]
    for length in range(1, len(data)):
        if data[length - 1 : length] != b"\n":
            error = found(path, data[:length])
            assert (error.line, "without an end" in error.found) == (ends[length - 1], True)


def test_an_end_that_was_cut_between_lines_needs_the_head(path: Path, lines: list[bytes]) -> None:
    head = json.loads(lines[-1])["hash"]
    for number in range(1, len(lines)):
        path.write_bytes(b"".join(lines[:number]))
        assert verify(path).lines == number
        assert found(path, *lines[:number], head=head).expected == f"a line whose hash is {head}"


def test_a_head_from_before_the_last_line_is_enough(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines))
    for number, line in enumerate(lines, 1):
        head = json.loads(line)["hash"]
        assert verify(path, head=head).after_head == len(lines) - number


def test_an_inserted_line_though_its_own_hash_is_right(path: Path, lines: list[bytes]) -> None:
    for number in range(1, len(lines)):
        line = forged(lines[number], turn=99)
        error = found(path, *lines[:number], line, *lines[number:])
        assert error.line == number + 2


def test_an_altered_line_though_its_own_hash_is_right(path: Path, lines: list[bytes]) -> None:
    for number in range(len(lines) - 1):
        line = forged(lines[number], time=5.0)
        error = found(path, *lines[:number], line, *lines[number + 1 :])
        assert error.line == number + 2
        assert json.loads(line)["hash"] in error.expected


def test_a_chain_made_anew_needs_the_head(path: Path, lines: list[bytes]) -> None:
    head = json.loads(lines[-1])["hash"]
    made: list[bytes] = []
    for line in lines:
        before = {"prev": json.loads(made[-1])["hash"]} if made else {}
        made.append(forged(line, time=7.0, **before))
    path.write_bytes(b"".join(made))
    assert verify(path).lines == len(lines)
    assert found(path, *made, head=head).line == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"turn": "x"}, "a line with 'turn'"),
        ({"n": True}, "a line with 'n'"),
        ({"time": None}, "a line with 'time'"),
        ({"kind": 7}, "the fields of an event 'fault'"),
        ({"event": "assemble"}, "the fields of an event 'assemble'"),
        ({"event": "begun", "format": 1}, "what happened next"),
        ({"event": "rotated", "format": 1, "dropped": 0}, "what happened next"),
    ],
)
def test_a_line_that_says_what_none_says(
    path: Path, lines: list[bytes], change: dict[str, object], expected: str
) -> None:
    number = next(i for i, line in enumerate(lines) if b'"event":"fault"' in line)
    error = found(path, *lines[:number], forged(lines[number], **change))
    assert (error.line, error.expected) == (number + 1, expected)


@pytest.mark.parametrize("data", [b"[1]", b'"x"', b"{", b"\xff", b'{"n":1e999,' + b"[" * 5_000])
def test_a_line_with_a_right_hash_that_is_no_object(path: Path, data: bytes) -> None:
    line = data + f',"hash":"{hashlib.sha256(data).hexdigest()}"}}\n'.encode()
    assert found(path, line).line == 1


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n", b"\0" * 5_000, b"x" * 100_000 + b"\n"])
def test_a_file_of_something_else(path: Path, data: bytes) -> None:
    assert found(path, data).line in (0, 1)


def test_no_file_at_all(path: Path) -> None:
    with pytest.raises(AuditInvalid, match="expected an audit log, found no such file"):
        verify(path)


def test_a_log_of_a_newer_version_is_refused_with_both_numbers(
    path: Path, lines: list[bytes]
) -> None:
    newer = sealed(lines[0].replace(b'"format":1', b'"format":2'))
    error = found(path, newer)
    assert ("version 1" in error.expected, "version 2" in error.found) == (True, True)


def test_an_event_of_a_newer_version_is_counted(path: Path, lines: list[bytes]) -> None:
    line = forged(lines[-1], event="dream", deep=[1, {"a": None}])
    path.write_bytes(b"".join([*lines[:-1], line]))
    assert verify(path).unknown == {"dream": 1}
