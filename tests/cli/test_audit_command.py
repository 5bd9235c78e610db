"""`clawvm audit`, `explain` and `diff` on a session's decision trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from audit_logs import assemble, page, session_log
from command import Run, spawn
from typer.testing import CliRunner

from clawvm.audit import AuditLog, verify
from clawvm.cli.app import app


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return session_log(tmp_path / "audit.jsonl")


class TestAudit:
    def test_sums_a_log_up(self, run: Run, log: Path) -> None:
        ran = run("audit", log)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(f"{log}: {verify(log).lines} lines, nothing altered\n")
        for part in (
            "1970-01-01 00:16:40+00:00, 1970-01-01 00:16:56+00:00",
            "4, of them 1 epochs and 0 without room for their floor",
            "3,150 in all, 940 at most, 38.1% kept from the one before",
            "1 refetch",
            "1 compaction",
            "1 of 2 operations, 0 by way of the spool",
            "1 SCOPE_DENIED",
            "1 found",
            verify(log).head,
        ):
            assert part in ran.out

    def test_as_json_has_every_figure(self, run: Run, log: Path) -> None:
        ran = run("audit", log, "--json")
        (line,) = ran.lines
        faults = line.pop("faults")
        assert sum(faults.values()) == faults["refetch"] == 1
        assert line == {
            "files": [str(log)],
            "lines": 17,
            "dropped": 0,
            "head": verify(log).head,
            "after_head": None,
            "first_time": 1_000.0,
            "last_time": 1_016.0,
            "turns": 4,
            "infeasible": 0,
            "epochs": 1,
            "used_tokens": 3_150,
            "peak_tokens": 940,
            "prefix_kept_tokens": 1_200,
            "pages": 3,
            "boundaries": {"compaction": 1},
            "rejections": {"SCOPE_DENIED": 1},
            "recalls": {"found": 1},
            "commits": 1,
            "operations": 2,
            "spooled": 0,
            "lost": 0,
            "reopened": 0,
            "unknown": {},
        }

    def test_takes_a_head_that_was_noted_earlier(self, run: Run, log: Path) -> None:
        head = verify(log).head
        with AuditLog(log) as more:
            more.write("close", 5)
        ran = run("audit", log, "--head", head)
        assert ran.code == 0
        assert [row.split() for row in ran.out.splitlines() if "given head" in row] == [
            ["│", "lines", "after", "the", "given", "head", "│", "1", "│"]
        ]

    def test_fails_where_the_head_is_missing(self, run: Run, log: Path) -> None:
        ran = run("audit", log, "--head", "f" * 64)
        assert ran.code == 1
        assert ran.error.startswith(f"clawvm: {log}: expected a line whose hash is {'f' * 64}")

    @pytest.mark.parametrize("options", [(), ("--json",)])
    def test_fails_on_an_altered_line_and_names_it(
        self, run: Run, log: Path, options: tuple[str, ...]
    ) -> None:
        log.write_bytes(log.read_bytes().replace(b'"used":940', b'"used":140'))
        ran = run("audit", log, *options)
        assert ran.code == 1
        assert ran.error.startswith(f"clawvm: {log}:15: expected the line whose hash is ")

    def test_fails_where_there_is_no_log(self, run: Run, tmp_path: Path) -> None:
        ran = run("audit", tmp_path / "none.jsonl")
        assert ran.code == 1
        assert "expected an audit log, found no such file" in ran.error

    def test_tells_of_what_is_out_of_the_ordinary(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "[red]odd.jsonl"
        with AuditLog(path, rotate_bytes=1_024, keep=1, clock=lambda: 1e30) as log:
            for turn in range(20):
                log.write("archive", turn, page_id="p")
        path.write_bytes(path.read_bytes()[:-3])
        AuditLog(path, clock=lambda: 1e30).close()
        ran = run("audit", path)
        assert ran.code == 0
        assert ran.out.startswith(f"{path}: ")
        assert "lines dropped by rotation" in ran.out
        assert "1e+30 (no date)" in ran.out
        assert "reopened after a crash" in ran.out


class TestExplain:
    def test_says_where_a_page_was_and_why(self, run: Run, log: Path) -> None:
        ran = run("explain", log, "read:a", "--turn", 3)
        assert (ran.code, ran.err) == (0, "")
        text = " ".join(ran.out.split())
        assert text.startswith("read:a (evidence, version 1) was at pointer in turn 3")
        assert "an epoch made room down to 700 tokens" in text

    def test_as_json_has_the_level_beside_the_sentences(self, run: Run, log: Path) -> None:
        (line,) = run("explain", log, "read:a", "--turn", 2, "--json").lines
        assert (line["page_id"], line["turn"], line["level"], line["since"]) == (
            "read:a",
            2,
            "full",
            1,
        )
        assert line["sentences"][0] == (
            "read:a (evidence, version 1) was at full in turn 2, as it had been since turn 1."
        )

    def test_of_a_turn_that_is_not_there_fails(self, run: Run, log: Path) -> None:
        ran = run("explain", log, "read:a", "--turn", 9)
        assert ran.code == 1
        assert ran.error == f"clawvm: audit log {log} has the turns 1 to 4, found 9"

    def test_passes_a_torn_last_line_over_and_says_so(self, run: Run, log: Path) -> None:
        log.write_bytes(log.read_bytes()[:-3])
        ran = run("explain", log, "read:a", "--turn", 3)
        assert ran.code == 0
        assert "a last line of " in ran.err
        assert ran.err.endswith(" bytes is torn and was passed over\n")

    def test_shows_a_page_id_as_it_is(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "audit.jsonl"
        with AuditLog(path) as log:
            page(log, 1, "[red]a:smile:")
            assemble(log, 1, ("[red]a:smile:", "none", "full", 0, 400))
        assert run("explain", path, "[red]a:smile:", "--turn", 1).out.startswith("[red]a:smile: (")


class TestDiff:
    def test_shows_pages_tokens_faults_and_commits(self, run: Run, log: Path) -> None:
        ran = run("diff", log, "--turns", 1, 4)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(
            "turn 1 to 4: 400 of 1,000 to 940 of 1,000 tokens, 3 pages at another level, epochs: 3"
        )
        rows = [row.split() for row in ran.out.splitlines() if row.startswith("│")]
        assert rows[0] == ["│", "read:b", "│", "none", "│", "full", "│", "+500", "│"]
        assert rows[2] == ["│", "read:a", "│", "full", "│", "structured", "│", "-360", "│"]
        for line in (
            "faults: 1",
            "  turn 4: refetch of read:a: it was at pointer",
            "commits: 1",
            "  turn 2: row 1, 2 operations, 900 bytes",
            "rejections: 1",
            "  turn 4: SCOPE_DENIED: text of plan, by model",
            "boundaries: 1",
            "  turn 4: compaction: committed",
        ):
            assert line in ran.out.splitlines()

    def test_as_json_is_one_line(self, run: Run, log: Path) -> None:
        (line,) = run("diff", log, "--turns", 2, 3, "--json").lines
        assert line["changed"] == [
            ["read:c", "none", "full", 0, 400],
            ["read:a", "full", "pointer", 400, 10],
        ]

    def test_shows_the_first_of_many_and_how_many_more(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "audit.jsonl"
        with AuditLog(path) as log:
            assemble(log, 1)
            for number in range(100):
                page(log, 2, f"p{number}")
                log.write("fault", 2, kind="refetch", page_id=f"p{number}", reason="r")
            assemble(log, 2, *((f"p{n}", "none", "full", 0, 400) for n in range(100)))
        ran = run("diff", path, "--turns", 1, 2)
        assert "and 60 pages more (--json has all)" in ran.out
        assert "faults: 100" in ran.out
        assert "and 80 more (--json has all)" in ran.out
        assert "commits: none" in ran.out
        assert len(run("diff", path, "--turns", 1, 2, "--json").lines[0]["faults"]) == 100

    def test_of_turns_in_the_wrong_order_fails(self, run: Run, log: Path) -> None:
        ran = run("diff", log, "--turns", 3, 1)
        assert (ran.code, "the earlier first" in ran.error) == (1, True)


@pytest.mark.parametrize("command", ["audit", "explain", "diff"])
def test_help_names_what_there_is(command: str) -> None:
    assert command in CliRunner().invoke(app, ["--help"]).stdout
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


@pytest.mark.parametrize(
    "arguments", [["explain"], ["explain", "f", "p"], ["diff", "f", "--turns", "1"], ["audit"]]
)
def test_what_is_missing_is_a_wrong_call(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_in_a_process_of_its_own(log: Path) -> None:
    ran = spawn("audit", log, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["lines"] == 17
