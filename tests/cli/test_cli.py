"""The `clawvm` command as its users meet it: output, notes, exit codes, errors on one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import PROGRAM, Run, environment, spawn
from hand_traces import call, result, said, trace, user, words
from typer.testing import CliRunner

import clawvm
from clawvm.cli.app import app
from clawvm.cli.console import parse_budget
from clawvm.errors import BudgetInvalid
from clawvm.replay.policies import POLICY_NAMES
from clawvm.replay.trace import encode_line, write_trace

FAULTS = [
    "refetch",
    "duplicate-tool",
    "pinned-invariant-miss",
    "post-compaction-bootstrap",
    "silent-recall",
    "flush-miss",
    "duplicate-signature",
]
NO_SPANS = {"spans": 0, "available": 0, "one_recall_away": 0, "gone": 0}
AGES = dict.fromkeys(("0-8k", "8-16k", "16-32k", "32-64k", "64k+"), NO_SPANS)

EVENTS = (
    user("what is in a?"),
    call("1", "read", {"path": "a"}),
    result("1", words(40)),
    said("forty words"),
    user("and now?"),
    said("still forty"),
)
SESSION_LINES = [encode_line(event) for event in trace(*EVENTS).events]
HEADER_LINE = encode_line(trace().header)


def write(path: Path, *lines: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
    return path


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return write(tmp_path / "one.jsonl", HEADER_LINE, *SESSION_LINES)


class TestBudget:
    @pytest.mark.parametrize(
        ("text", "tokens"),
        [("32k", 32_000), ("32K", 32_000), ("1m", 1_000_000), ("7", 7), (" 128000 ", 128_000)],
    )
    def test_is_read_in_tokens_thousands_or_millions(self, text: str, tokens: int) -> None:
        assert parse_budget(text) == tokens

    @pytest.mark.parametrize(
        "text", ["0", "0k", "-5", "abc", "", "1.5k", "32 k", "1g", "k", "²", "4294967295", "9" * 30]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(BudgetInvalid, match=r"above 0, like 32k or 128000; found"):
            parse_budget(text)

    @pytest.mark.parametrize("text", ["0", "-5", "abc"])
    @pytest.mark.parametrize("command", ["demo", "replay"])
    def test_a_wrong_one_is_a_wrong_call(
        self, run: Run, session: Path, command: str, text: str
    ) -> None:
        paths = [session] if command == "replay" else []
        ran = run(command, *paths, "--budget", text)
        assert ran.code == 2
        assert ran.error.startswith("clawvm: a budget is a whole number of tokens above 0")
        assert repr(text) in ran.error


class TestReplay:
    def test_prints_a_table_with_a_row_for_each_policy(self, run: Run, session: Path) -> None:
        ran = run("replay", session)
        assert ran.code == 0
        assert ran.err == ""
        assert ran.out.startswith("one: 32,000 tokens (")
        for policy in POLICY_NAMES:
            assert f"│ {policy} " in ran.out

    def test_prints_an_object_a_line_as_json(self, run: Run, session: Path) -> None:
        ran = run("replay", session, "--json", "--tokens", "approximate", "--budget", "1k")
        assert ran.code == 0
        assert [line["policy"] for line in ran.lines] == list(POLICY_NAMES)
        for line in ran.lines:
            policy, digest, timing = line.pop("policy"), line.pop("plan_digest"), line.pop("timing")
            assert policy in POLICY_NAMES
            assert len(digest) == 32
            assert list(timing) == ["median_us", "p99_us"]
            peak = line["prompt_tokens"].pop("peak")
            assert line["prompt_tokens"].pop("mean") <= peak
            assert line["prompt_tokens"].pop("total") <= 3 * peak
            assert line.pop("prefix_tokens_kept") < 3 * peak
            assert list(line.pop("bills")) == ["anthropic", "openai"]
            shares = line.pop("billed_share_of_full")
            assert 0 < shares["anthropic"] == shares["openai"] <= 1  # too short to be cached
            assert line.pop("churn") == round(line.pop("moves") / 3, 3)
            assert (line.pop("epochs") == 0) or policy == "paper"
            assert line == {
                "trace": "one",
                "backend": clawvm.backend,
                "tokens": "approximate",
                "budget_tokens": 1_000,
                "turns": 3,
                "pages": {"conversation": 3, "evidence": 1},
                "prompt_tokens": {},
                "turns_over_budget": 0,
                "turns_infeasible": 0,
                "faults": dict.fromkeys(FAULTS, 0),
                "span_availability": {**NO_SPANS, "by_type": {}, "by_kind": {}, "by_age": AGES},
                "repairs": 0,
                "hits": 0,
                "thrash_index": 0.0,
            }

    def test_runs_the_policies_that_are_asked_for_each_once(self, run: Run, session: Path) -> None:
        chosen = ("--policy", "lru", "--policy", "full", "--policy", "lru")
        ran = run("replay", session, "--json", *chosen)
        assert [line["policy"] for line in ran.lines] == ["lru", "full"]

    def test_looks_through_folders_in_the_order_of_names(self, run: Run, tmp_path: Path) -> None:
        for name in ("b/2.jsonl", "a/3.jsonl", "b/1.jsonl", ".hidden/0.jsonl"):
            write(tmp_path / name, HEADER_LINE, *SESSION_LINES)
        ran = run("replay", tmp_path, "--json", "--policy", "full")
        assert [line["trace"] for line in ran.lines] == ["3", "1", "2"]
        assert ran.err == ""

    def test_counts_a_file_that_is_named_twice_once(self, run: Run, session: Path) -> None:
        ran = run("replay", session, session, session.parent, "--json", "--policy", "full")
        assert len(ran.lines) == 1

    def test_replays_every_session_of_a_file(self, run: Run, tmp_path: Path) -> None:
        with (tmp_path / "two.jsonl").open("wb") as stream:
            write_trace(trace(*EVENTS), stream)
            write_trace(trace(*EVENTS[:4]), stream)
        ran = run("replay", tmp_path / "two.jsonl", "--json", "--policy", "full")
        assert [line["turns"] for line in ran.lines] == [3, 2]

    def test_is_the_same_in_every_process(self, session: Path) -> None:
        def figures(seed: str) -> list[dict[str, Any]]:
            lines = spawn("replay", session, "--json", PYTHONHASHSEED=seed).lines
            return [line | {"timing": None} for line in lines]

        assert figures("1") == figures("2")


class TestDumpPrompts:
    def test_writes_a_file_for_each_replay(self, run: Run, session: Path, tmp_path: Path) -> None:
        chosen = ("--policy", "full", "--policy", "clawvm")
        ran = run("replay", session, "--dump-prompts", tmp_path / "new" / "dumps", *chosen)
        assert ran.code == 0
        dumps = tmp_path / "new" / "dumps"
        assert sorted(file.name for file in dumps.iterdir()) == [
            "one.clawvm.jsonl",
            "one.full.jsonl",
        ]
        lines = (dumps / "one.full.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["request"] for line in lines] == [0, 1, 2]
        assert json.loads(lines[0])["messages"] == [{"role": "user", "content": "what is in a?"}]

    def test_sessions_of_one_name_do_not_overwrite_each_other(
        self, run: Run, tmp_path: Path
    ) -> None:
        for folder in ("a", "b"):
            write(tmp_path / "in" / folder / "one.jsonl", HEADER_LINE, *SESSION_LINES)
        run("replay", tmp_path / "in", "--policy", "lru", "--dump-prompts", tmp_path / "out")
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
            "one-2.lru.jsonl",
            "one.lru.jsonl",
        ]

    def test_a_file_in_its_place_is_an_error(self, run: Run, session: Path) -> None:
        ran = run("replay", session, "--dump-prompts", session)
        assert ran.code == 1
        assert ran.error == f"clawvm: {session}: File exists"


class TestWhatIsSkipped:
    """In a folder, what cannot be read is noted on stderr and the rest is replayed."""

    def test_a_file_of_no_known_format(self, run: Run, session: Path) -> None:
        write(session.parent / "package.json", b'{"name": "x"}')
        ran = run("replay", session.parent, "--json", "--policy", "full")
        assert (ran.code, len(ran.lines)) == (0, 1)
        assert ran.err.startswith(f"skipped {session.parent / 'package.json'}: of no known trace")
        assert len(ran.err.splitlines()) == 1

    def test_a_trace_of_a_newer_version(self, run: Run, session: Path) -> None:
        newer = HEADER_LINE.replace(b'"version":1', b'"version":99')
        write(session.parent / "newer.jsonl", newer, *SESSION_LINES)
        ran = run("replay", session.parent, "--json", "--policy", "full")
        assert (ran.code, len(ran.lines)) == (0, 1)
        assert "newer.jsonl:1: this trace is of version 99" in ran.err

    def test_a_session_without_a_request(self, run: Run, session: Path) -> None:
        write(session.parent / "silent.jsonl", HEADER_LINE, SESSION_LINES[0])
        ran = run("replay", session.parent, "--json", "--policy", "full")
        assert (ran.code, len(ran.lines)) == (0, 1)
        assert ran.err == "skipped silent: no request in it\n"

    def test_damaged_lines_are_counted_with_their_numbers(self, run: Run, tmp_path: Path) -> None:
        cut = write(tmp_path / "cut.jsonl", HEADER_LINE, *SESSION_LINES, SESSION_LINES[0][:20])
        ran = run("replay", cut, "--json", "--policy", "full")
        assert (ran.code, ran.lines[0]["turns"]) == (0, 3)
        assert ran.err.startswith("cut: 8 lines read, 6 events\n  damaged: ")
        assert "1 (line 8)" in ran.err


class TestBadInput:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "the file is empty"),
            (b"\n\n", "the file is empty"),
            (b"hello\nworld\n", "not JSON"),
            (b'{"format":"clawvm-tr', "not JSON"),
            (bytes(range(128, 256)) * 20, "not JSON"),
            (b"\0" * 5_000, "not JSON"),
            (b"\x1f\x8b\x08\x00rest", "found gzip"),
            (b"\xff\xfe{\x00", "found UTF-16"),
            (b'{"name": "x"}', "of no known trace format"),
            (b"[]", "of no known trace format"),
            (b"[" * 100_000, "nested"),
        ],
    )
    def test_a_file_that_holds_no_session(
        self, run: Run, tmp_path: Path, content: bytes, reason: str
    ) -> None:
        path = write(tmp_path / "odd.jsonl", content)
        ran = run("replay", path)
        assert ran.code == 1
        assert ran.error.startswith(f"clawvm: {path}:")
        assert reason in ran.error

    def test_a_path_that_does_not_exist(self, run: Run, tmp_path: Path) -> None:
        ran = run("replay", tmp_path / "missing.jsonl")
        assert ran.code == 1
        assert ran.error == (
            f"clawvm: {tmp_path / 'missing.jsonl'}: cannot be read (No such file or directory)"
        )

    def test_a_path_is_told_as_it_is(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "[red]a:smile:.txt"
        path.touch()
        done = run("replay", tmp_path)
        assert done.err.startswith(f"skipped {path}: the file is empty")

    def test_a_folder_without_traces(self, run: Run, tmp_path: Path) -> None:
        ran = run("replay", tmp_path)
        assert ran.code == 1
        assert ran.error == f"clawvm: no recorded session in {tmp_path}"

    def test_a_session_that_was_never_answered(self, run: Run, tmp_path: Path) -> None:
        path = write(tmp_path / "silent.jsonl", HEADER_LINE, SESSION_LINES[0])
        ran = run("replay", path)
        assert ran.code == 1
        assert ran.err.splitlines()[-1] == f"clawvm: no request in any session of {path}"

    def test_a_line_of_megabytes_and_nul_bytes(self, run: Run, tmp_path: Path) -> None:
        texts = ["word " * 600_000, "a\0b"]
        lines = [encode_line(user(text)) for text in texts]
        path = write(tmp_path / "big.jsonl", HEADER_LINE, *lines, encode_line(said("hm")))
        ran = run("replay", path, "--json", "--tokens", "approximate", "--policy", "clawvm")
        assert ran.code == 0
        (figures,) = ran.lines
        assert (figures["turns"], figures["turns_infeasible"]) == (1, 0)
        assert figures["prompt_tokens"]["peak"] <= 32_000

    def test_lone_surrogates(self, run: Run, tmp_path: Path) -> None:
        line = b'{"kind":"message","role":"user","text":"a \\ud800 b"}\n'
        path = write(tmp_path / "odd.jsonl", HEADER_LINE, line, *SESSION_LINES)
        ran = run("replay", path, "--json", "--dump-prompts", tmp_path / "dumps")
        assert ran.code == 0
        assert "lone surrogates" in ran.err

    @pytest.mark.skipif(sys.platform != "linux", reason="file names are text there")
    def test_a_file_name_that_is_no_text(self, tmp_path: Path) -> None:
        path = write(
            Path(os.fsdecode(bytes(tmp_path) + b"/\xff.jsonl")), HEADER_LINE, *SESSION_LINES
        )
        for options in ((), ("--json",), ("--dump-prompts", tmp_path / "dumps")):
            ran = spawn("replay", path, "--policy", "full", *options)
            assert (ran.code, ran.err) == (0, "")
            assert "\N{REPLACEMENT CHARACTER}" in ran.out
        path.unlink()
        assert spawn("replay", path).code == 1


class TestWrongCalls:
    def test_an_unknown_policy(self, run: Run, session: Path) -> None:
        ran = run("replay", session, "--policy", "fifo")
        assert ran.code == 2
        assert ran.error == (
            "clawvm: no policy is called 'fifo'; there are full, sliding-window, tool-clearing, "
            "lru, paper, clawvm"
        )

    def test_an_unknown_encoding(self, run: Run, session: Path) -> None:
        ran = run("replay", session, "--tokens", "no-such-model")
        assert ran.code == 1
        assert "'no-such-model'" in ran.error
        assert "approximate" in ran.error

    @pytest.mark.parametrize(
        "arguments", [["replay"], ["replay", "x", "--no-such-option"], ["no-such-command"]]
    )
    def test_what_the_command_line_does_not_know(self, arguments: list[str]) -> None:
        ran = CliRunner().invoke(app, arguments)
        assert ran.exit_code == 2
        assert "Error: " in ran.stderr

    @pytest.mark.parametrize("command", ["demo", "replay", "doctor"])
    def test_help_names_what_there_is(self, command: str) -> None:
        assert command in CliRunner().invoke(app, ["--help"]).stdout
        ran = CliRunner().invoke(app, [command, "--help"])
        assert ran.exit_code == 0
        assert f"Usage: clawvm {command}" in ran.stdout.replace("root", "clawvm")


class TestProcess:
    def test_errors_are_one_line_and_no_traceback(self, tmp_path: Path) -> None:
        ran = spawn("replay", tmp_path / "missing")
        assert ran.code == 1
        assert ran.error.startswith("clawvm: ")

    @pytest.mark.parametrize("options", [(), ("--json",)])
    def test_a_reader_that_goes_away_ends_it_quietly(
        self, tmp_path: Path, options: tuple[str, ...]
    ) -> None:
        for number in range(200):
            write(tmp_path / f"{number}.jsonl", HEADER_LINE, *SESSION_LINES)
        command = [*PROGRAM, "replay", str(tmp_path), *options]
        with subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.read(1)
            process.stdout.close()
            errors = process.stderr.read()
        assert errors == b""
        assert process.returncode == 1
