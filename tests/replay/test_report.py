"""What a reader gets: the table of a session, and the prompts in files."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hand_traces import Replayed, Words, call, result, said, system, trace, user, words
from rich.console import Console

from clawvm.pages import PageType
from clawvm.replay import Recording, ReplayResult, replay
from clawvm.replay.availability import SpanTotals
from clawvm.replay.billing import Bill
from clawvm.replay.report import PromptFolder, results_table
from clawvm.session import Prompt, Session

EVENTS = (
    system("be brief"),
    user("go"),
    call("1", "read", {"path": "a"}),
    result("1", words(20)),
    said("Zoë \ud800 said so"),
    user("and then?"),
    said("nothing"),
)


def printed(results: list[ReplayResult]) -> list[list[str]]:
    """The table as a reader sees it, cell by cell."""
    stream = io.StringIO()
    Console(file=stream, width=200).print(results_table(results))
    lines = stream.getvalue().splitlines()
    return [
        [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in lines
    ]


class TestTable:
    RESULT = ReplayResult(
        "a session",
        "lru",
        "compiled",
        "o200k_base",
        32_000,
        turns=4_100,
        pages={"bootstrap": 1, "evidence": 2_000},
        prompt_peak=31_999,
        prompt_total=4_000 * 20_000,
        turns_over_budget=7,
        turns_infeasible=100,
        faults={"refetch": 5, "duplicate-tool": 6},
        spans=SpanTotals(200, 100, 75),
        prefix_tokens_kept=60_000_000,
        bills={"anthropic": Bill(billed_millitokens=700)},
        full_bills={"anthropic": Bill(billed_millitokens=1_000)},
        epochs=8,
        turn_us=[10.0, 20.0, 1_000.0],
    )

    def test_names_the_session_the_budget_the_counter_and_the_pages(self) -> None:
        assert str(results_table([self.RESULT]).title) == (
            "a session: 32,000 tokens (o200k_base), 1 bootstrap, 2000 evidence pages"
        )

    def test_has_a_row_for_each_policy(self) -> None:
        table = results_table([self.RESULT, Replayed("clawvm", 60, *EVENTS).result])
        assert table.row_count == 2

    def test_has_a_column_for_each_figure(self) -> None:
        _title, _top, head, _line, row, _bottom = printed([self.RESULT])
        assert dict(zip(head, row, strict=True)) == {
            "policy": "lru",
            "turns": "4,100",
            "peak": "31,999",
            "mean": "20,000",
            "over": "7",
            "infeasible": "100",
            "refetch": "5",
            "dup. tool": "6",
            "spans available": "50.0%",
            "or one recall": "87.5%",
            "prefix kept": "75.0%",
            "billed": "70.0%",
            "epochs": "8",
            "us/turn": "20",
            "p99": "980",
        }

    def test_a_share_of_nothing_is_a_dash(self) -> None:
        _title, _top, head, _line, row, _bottom = printed([Replayed("clawvm", 3, *EVENTS).result])
        cells = dict(zip(head, row, strict=True))
        assert cells["spans available"] == cells["or one recall"] == cells["prefix kept"] == "-"

    def test_a_bill_without_that_of_the_whole_history_to_compare_is_a_dash(self) -> None:
        _title, _top, head, _line, row, _bottom = printed([Replayed("clawvm", 60, *EVENTS).result])
        assert dict(zip(head, row, strict=True))["billed"] == "-"

    def test_a_name_is_not_read_as_markup(self) -> None:
        odd = Replayed("clawvm", 60, *EVENTS).result
        odd.trace = "[bold]session[/wrong]"
        title, *_ = printed([odd])
        assert title[0].startswith("[bold]session[/wrong]: 60 tokens")


class TestDump:
    def dump(self, folder: Path, policy: str, budget: int, **options: Any) -> list[dict[str, Any]]:
        """Replay with a dump; every line must be what the policy built."""
        built: list[tuple[int, Prompt]] = []
        recording = Recording.of("a session", trace(*EVENTS, **options))
        with PromptFolder(folder).file("a session", policy) as dumped:

            def watch(request: int, prompt: Prompt, session: Session) -> None:
                built.append((request, prompt))
                dumped(request, prompt, session)

            replay(recording, policy, budget, Words(), watch)
        (file,) = folder.iterdir()
        text = file.read_text(encoding="utf-8", errors="surrogatepass")
        lines = [json.loads(line) for line in text.splitlines()]
        assert [(line["request"], line["tokens"]) for line in lines] == [
            (request, prompt.tokens) for request, prompt in built
        ]
        assert [line["messages"] for line in lines] == [prompt.messages for _, prompt in built]
        assert [line.get("system") for line in lines] == [prompt.system for _, prompt in built]
        return lines

    @pytest.mark.parametrize("policy", ["full", "sliding-window", "tool-clearing", "clawvm"])
    def test_a_line_is_what_was_built_for_a_request(self, tmp_path: Path, policy: str) -> None:
        assert [line["request"] for line in self.dump(tmp_path, policy, 60)] == [0, 1, 2]

    def test_anthropic_s_system_text_stands_beside_the_messages(self, tmp_path: Path) -> None:
        session = Session(budget=60, counter=Words(), shape="anthropic")
        session.put("rules", PageType.BOOTSTRAP, "be brief")
        session.add({"role": "user", "content": "go"})
        with PromptFolder(tmp_path).file("a session", "clawvm") as dump:
            dump(0, session.assemble(), session)
        (file,) = tmp_path.iterdir()
        assert json.loads(file.read_text()) == {
            "request": 0,
            "tokens": 11,
            "messages": [{"role": "user", "content": "go"}],
            "system": "be brief",
        }

    def test_a_request_without_a_prompt_has_no_line(self, tmp_path: Path) -> None:
        assert self.dump(tmp_path, "clawvm", 5) == []

    def test_the_file_is_named_after_session_and_policy(self, tmp_path: Path) -> None:
        self.dump(tmp_path / "new" / "folder", "clawvm", 60)
        assert [file.name for file in (tmp_path / "new" / "folder").iterdir()] == [
            "a-session.clawvm.jsonl"
        ]

    @pytest.mark.parametrize("name", ["../../etc/x", "a/b", "..", "a\x00b\n", "C:\\x", "Zoë"])
    def test_no_session_name_leads_out_of_the_folder(self, tmp_path: Path, name: str) -> None:
        with PromptFolder(tmp_path / "dumps").file(name, "full"):
            pass
        (file,) = (tmp_path / "dumps").iterdir()
        assert [path.name for path in tmp_path.iterdir()] == ["dumps"]
        assert file.is_file()
        assert file.name.isascii()

    def test_sessions_do_not_share_a_file(self, tmp_path: Path) -> None:
        prompts = PromptFolder(tmp_path)
        for name in ("a/b", "a-b", "a-b", "A-b"):
            for policy in ("full", "lru"):
                with prompts.file(name, policy):
                    pass
        assert sorted(file.name for file in tmp_path.iterdir()) == sorted(
            f"{name}.{policy}.jsonl"
            for name in ("a-b", "a-b-2", "a-b-3", "A-b-4")
            for policy in ("full", "lru")
        )

    def test_a_very_long_name_is_cut(self, tmp_path: Path) -> None:
        with PromptFolder(tmp_path).file("x" * 400, "full"):
            pass
        assert len(list(tmp_path.iterdir())) == 1
