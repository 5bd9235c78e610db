"""Writing a decision trace: the form of a line, the buffer, one writer, opening again."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, get_overloads

import pytest
from audit_logs import session_log, ticking, write_session
from command import environment

from clawvm.audit import AuditLog, verify
from clawvm.audit import events as event_types
from clawvm.audit.events import EVENTS, FIELDS, LEVEL_NAMES, OWN_EVENTS
from clawvm.audit.log import DEFERRED_MAX
from clawvm.audit.reader import NO_LINE
from clawvm.errors import AuditEventInvalid, AuditInvalid, AuditUnavailable, LimitExceeded
from clawvm.pages import Fidelity


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


class TestLine:
    def test_has_its_keys_in_a_fixed_order(self, path: Path) -> None:
        with AuditLog(path, clock=lambda: 1.5) as log:
            log.write("fault", 3, reason="r", page_id="p", kind="refetch")
        assert (
            path.read_bytes()
            .splitlines()[1]
            .startswith(
                b'{"n":2,"event":"fault","turn":3,"time":1.5,"kind":"refetch","page_id":"p",'
                b'"reason":"r","prev":"'
            )
        )

    def test_carries_the_hash_of_itself_and_of_the_line_before(self, path: Path) -> None:
        session_log(path)
        before = NO_LINE
        for line in path.read_bytes().splitlines(keepends=True):
            body, _, end = line.partition(b',"hash":"')
            assert json.loads(line)["prev"] == before
            before = hashlib.sha256(body).hexdigest()
            assert end == f'{before}"}}\n'.encode()

    def test_is_numbered_from_1_and_the_first_tells_the_format(self, path: Path) -> None:
        session_log(path)
        lines = records(path)
        assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
        assert (lines[0]["event"], lines[0]["format"]) == ("begun", 1)

    def test_is_the_same_for_the_same_events(self, tmp_path: Path) -> None:
        first, second = (session_log(tmp_path / name) for name in ("a.jsonl", "b.jsonl"))
        assert first.read_bytes() == second.read_bytes()

    def test_takes_texts_and_numbers_of_every_kind(self, path: Path) -> None:
        ids = ['naïve 文件\n\0"\\', "lone \ud800", "x" * 100_000]
        with AuditLog(path) as log:
            for page_id in ids:
                log.write("fault", 1, kind="refetch", page_id=page_id, reason="")
            log.write("commit", 1, seq=2**70, operations=1, bytes=0, spooled=False)
        lines = records(path)
        assert [line["page_id"] for line in lines[1:4]] == ids
        assert lines[4]["seq"] == 2**70
        assert verify(path).faults["refetch"] == 3

    def test_writes_enumerations_by_value(self, path: Path) -> None:
        kind = StrEnum("Kind", {"REFETCH": "refetch"})
        number = IntEnum("Number", {"SEVEN": 7})
        with AuditLog(path) as log:
            log.write("fault", number.SEVEN, kind=kind.REFETCH, page_id="p", reason="")
        assert (records(path)[1]["turn"], records(path)[1]["kind"]) == (7, "refetch")

    def test_has_the_time_of_the_computer_unless_another_clock_is_given(self, path: Path) -> None:
        AuditLog(path).close()
        mended_at = path.stat().st_mtime
        assert abs(records(path)[0]["time"] - mended_at) < 3600


class TestEvents:
    def test_every_one_that_a_session_writes_is_known_to_type_checkers(self) -> None:
        named = [
            overload.__annotations__["event"].removeprefix("Literal['").removesuffix("']")
            for overload in get_overloads(AuditLog.write)
        ]
        assert named == [name for name in EVENTS if name not in OWN_EVENTS]

    def test_every_one_is_exported_with_its_fields(self) -> None:
        assert {kind.__name__ for kind in EVENTS.values()} <= set(event_types.__all__)
        assert FIELDS["fault"] == ("kind", "page_id", "reason")

    def test_levels_are_named_by_fidelity(self) -> None:
        assert tuple(level.name.lower() for level in Fidelity) == LEVEL_NAMES

    @pytest.mark.parametrize("event", ["", "Fault", "begun", "rotated", "lost", "reopened"])
    def test_a_name_that_is_none_is_refused(self, path: Path, event: Any) -> None:
        with AuditLog(path) as log, pytest.raises(AuditEventInvalid, match=f"found {event!r}"):
            log.write(event, 1)
        assert verify(path).lines == 1

    @pytest.mark.parametrize("fields", [{}, {"kind": "x"}, {"page_id": "p", "pages": 1}])
    def test_other_fields_than_its_own_are_refused(self, path: Path, fields: Any) -> None:
        with AuditLog(path) as log, pytest.raises(AuditEventInvalid, match="has the fields page_"):
            log.write("archive", 1, **fields)
        assert verify(path).lines == 1

    def test_a_field_that_json_cannot_say_is_refused(self, path: Path) -> None:
        fields: Any = {"page_id": object()}
        with AuditLog(path) as log:
            with pytest.raises(AuditEventInvalid, match="'archive'"):
                log.write("archive", 1, **fields)
            log.write("archive", 1, page_id="p")
        assert verify(path).lines == 2


class TestDeferred:
    """Lines that are put together when they are written."""

    def test_stand_where_and_when_they_were_deferred(self, path: Path) -> None:
        with AuditLog(path, clock=ticking()) as log, AuditLog(f"{path}2", clock=ticking()) as eager:
            for number in range(3):
                log.defer("archive", number, lambda n: {"page_id": f"p{n}"}, number)
                log.write("recall", number, page_id="q", outcome="found")
                eager.write("archive", number, page_id=f"p{number}")
                eager.write("recall", number, page_id="q", outcome="found")
            log.defer("close", 4, dict)
            eager.write("close", 4)
            assert (log.lines, log.head) == (eager.lines, eager.head)
        assert path.read_bytes() == Path(f"{path}2").read_bytes()

    def test_are_put_together_at_a_flush(self, path: Path) -> None:
        made: list[int] = []

        def fields(number: int) -> dict[str, str]:
            made.append(number)
            return {"page_id": "p"}

        with AuditLog(path) as log:
            log.defer("archive", 1, fields, 1)
            log.defer("archive", 1, fields, 2)
            assert (made, len(records(path))) == ([], 1)
            assert log.flush() is True
            assert (made, len(records(path))) == ([1, 2], 3)

    def test_are_written_when_there_are_many(self, path: Path) -> None:
        with AuditLog(path) as log:
            for number in range(DEFERRED_MAX):
                assert len(records(path)) == 1
                log.defer("archive", number, dict, (("page_id", "p"),))
            assert len(records(path)) == 1 + DEFERRED_MAX

    def test_one_that_cannot_be_made_does_not_take_others_along(self, path: Path) -> None:
        with AuditLog(path) as log:
            log.defer("archive", 1, dict, (("page_id", "before"),))
            log.defer("archive", 2, dict, (("page_id", object()),))
            log.defer("archive", 3, dict, (("page_id", "after"),))
            with pytest.raises(AuditEventInvalid, match="fields that JSON can say"):
                log.flush()
            log.flush()
        assert [line.get("page_id") for line in records(path)] == [None, "before", "after"]

    def test_are_written_by_close_and_refused_after_it(self, path: Path) -> None:
        log = AuditLog(path)
        log.defer("close", 1, dict)
        log.close()
        with pytest.raises(AuditUnavailable, match="is closed"):
            log.defer("close", 1, dict)
        assert [line["event"] for line in records(path)] == ["begun", "close"]


class TestBuffer:
    def test_holds_lines_until_a_flush(self, path: Path) -> None:
        with AuditLog(path) as log:
            log.write("close", 1)
            assert (len(records(path)), log.lines) == (1, 2)
            assert log.flush() is True
            assert len(records(path)) == 2

    def test_is_written_by_itself_when_it_has_grown(self, path: Path) -> None:
        with AuditLog(path) as log:
            while len(records(path)) == 1:
                assert log.lines < 10_000
                log.write("archive", 1, page_id="x" * 1_000)
            assert len(records(path)) == log.lines

    def test_is_written_by_close(self, path: Path) -> None:
        log = AuditLog(path)
        log.write("close", 1)
        log.close()
        log.close()
        assert (len(records(path)), log.lost) == (2, 0)

    def test_takes_nothing_after_close(self, path: Path) -> None:
        log = AuditLog(path)
        log.close()
        with pytest.raises(AuditUnavailable, match="is closed"):
            log.write("close", 1)
        with pytest.raises(AuditUnavailable, match="is closed"):
            log.flush()

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")
    def test_goes_to_a_file_that_only_its_owner_may_read(self, path: Path) -> None:
        session_log(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


class TestOpening:
    def test_again_continues_the_chain(self, path: Path) -> None:
        before = verify(session_log(path))
        head = before.head
        with AuditLog(path) as log:
            assert (log.head, log.lines) == (head, before.lines)
            log.write("close", 9)
        assert records(path)[-1]["prev"] == head
        assert verify(path, head=head).after_head == 1

    def test_again_changes_nothing_by_itself(self, path: Path) -> None:
        before = session_log(path).read_bytes()
        AuditLog(path).close()
        assert path.read_bytes() == before

    def test_a_log_whose_last_line_was_altered_is_refused(self, path: Path) -> None:
        data = session_log(path).read_bytes()
        path.write_bytes(data[:-100] + b"x" + data[-99:])
        with pytest.raises(AuditInvalid, match="at its end"):
            AuditLog(path)
        assert os.listdir(path.parent) == ["audit.jsonl"]

    @pytest.mark.parametrize("text", ["a diary\n", "a diary"])
    def test_a_file_of_something_else_is_refused(self, path: Path, text: str) -> None:
        path.write_text(text)
        with pytest.raises(AuditInvalid, match="expected at its end a"):
            AuditLog(path)
        assert path.read_text() == text
        assert os.listdir(path.parent) == ["audit.jsonl"]

    @pytest.mark.parametrize("name", ["missing/audit.jsonl", "."])
    def test_where_no_file_can_be_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(AuditUnavailable, match="cannot be opened"):
            AuditLog(tmp_path / name)

    @pytest.mark.parametrize("options", [{"keep": 0}, {"rotate_bytes": 1_023}])
    def test_with_too_small_a_limit_is_refused(self, path: Path, options: Any) -> None:
        with pytest.raises(LimitExceeded, match="at least"):
            AuditLog(path, **options)
        assert not path.exists()


class TestTwoWriters:
    def test_of_one_process_exclude_each_other(self, path: Path) -> None:
        with AuditLog(path) as log:
            with pytest.raises(AuditUnavailable, match="open for writing elsewhere"):
                AuditLog(path)
            log.write("close", 1)
        assert verify(path).lines == 2
        AuditLog(path).close()

    def test_of_two_processes_exclude_each_other(self, path: Path) -> None:
        program = f"from clawvm.audit import AuditLog; AuditLog({str(path)!r})"
        with AuditLog(path):
            refused = subprocess.run(
                [sys.executable, "-c", program], env=environment(), capture_output=True
            )
        assert b"AuditUnavailable" in refused.stderr
        subprocess.run([sys.executable, "-c", program], env=environment(), check=True)

    def test_take_turns_without_a_gap(self, path: Path) -> None:
        program = (
            "from clawvm.audit import AuditLog\n"
            "from clawvm.errors import AuditUnavailable\n"
            "written = 0\n"
            "while written < 50:\n"
            "    try:\n"
            f"        with AuditLog({str(path)!r}) as log: log.write('close', 1)\n"
            "        written += 1\n"
            "    except AuditUnavailable as error:\n"
            "        assert 'elsewhere' in str(error), error\n"
        )
        racers = [
            subprocess.Popen([sys.executable, "-c", program], env=environment()) for _ in range(3)
        ]
        assert [racer.wait(timeout=60) for racer in racers] == [0, 0, 0]
        assert verify(path).lines == 151
        assert os.listdir(path.parent) == ["audit.jsonl"]

    def test_leave_a_reader_alone(self, path: Path) -> None:
        with AuditLog(path, clock=ticking()) as log:
            write_session(log)
            log.flush()
            assert verify(path).head == log.head
