"""The timeline says of every page at every request what the session said at the time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hand_traces import CHAT, TOOLS, Words, call, result, said, system, trace, user, words

from clawvm.errors import TraceInvalid
from clawvm.faults import FaultKind
from clawvm.replay import Recording, replay
from clawvm.replay.importers import open_sessions, trace_files
from clawvm.replay.policies import POLICY_NAMES
from clawvm.replay.timeline import PageLine, Timeline, TimelineRecorder, read_timeline
from clawvm.replay.trace import Clear, Compaction, Event, Reset
from clawvm.session import Prompt, Session
from clawvm.tokens import best_counter

TIGHT = 60
RESET: tuple[Event, ...] = (system("be brief"), *CHAT, Reset(), *TOOLS)


class Recorded:
    """A recorder, and what the session itself said of every page at every request."""

    def __init__(self, policy: str, budget: int, *events: Event) -> None:
        self.recording = Recording.of("by hand", trace(*events))
        self.recorder = TimelineRecorder(self.recording, policy, budget)
        self.said: dict[tuple[int, str], tuple[int, int]] = {}
        self.result = replay(self.recording, policy, budget, Words(), self._watch)

    def _watch(self, request: int, prompt: Prompt, session: Session) -> None:
        self.recorder(request, prompt, session)
        for page in session.pages():
            level = session.level(page.id)
            self.said[request, page.id] = int(level), page.tokens(level)

    @property
    def timeline(self) -> Timeline:
        return self.recorder.timeline


def level_at(page: PageLine, request: int) -> tuple[int, int]:
    """Level and tokens that the runs tell of."""
    at = (0, 0)
    if 0 <= page.gone <= request:
        return at
    for run in page.runs:
        if run.start <= request:
            at = run.level, run.tokens
    return at


@pytest.mark.parametrize("policy", POLICY_NAMES)
@pytest.mark.parametrize("events", [CHAT, TOOLS, RESET], ids=["chat", "tools", "reset"])
def test_runs_say_what_the_session_said(policy: str, events: tuple[Event, ...]) -> None:
    recorded = Recorded(policy, TIGHT, *events)
    told = {
        (request, page.id): level_at(page, request)
        for page in recorded.timeline.pages
        for request, used in enumerate(recorded.timeline.used)
        if used is not None and page.born <= request and not 0 <= page.gone <= request
    }
    assert told == recorded.said
    assert len(recorded.said) > len(recorded.timeline.pages)


@pytest.mark.parametrize("policy", POLICY_NAMES)
def test_what_is_shown_adds_up_to_the_prompt(policy: str) -> None:
    timeline = Recorded(policy, TIGHT, *TOOLS).timeline
    for request, used in enumerate(timeline.used):
        if used is not None:
            assert used == sum(level_at(page, request)[1] for page in timeline.pages)


def test_a_page_that_stays_where_it_is_has_one_run() -> None:
    timeline = Recorded("full", 1000, *TOOLS).timeline
    assert {len(page.runs) for page in timeline.pages} == {1}
    assert all(page.runs[0].start == page.born for page in timeline.pages)


def test_an_epoch_gives_its_reasons() -> None:
    timeline = Recorded("clawvm", TIGHT, *TOOLS).timeline
    demoted = [
        run for page in timeline.pages for run in page.runs[1:] if run.start in timeline.epochs
    ]
    assert demoted
    assert all("worth" in timeline.reasons[run.why] for run in demoted if run.level < 4)


def test_a_policy_that_weighs_nothing_gives_no_reason() -> None:
    assert Recorded("sliding-window", TIGHT, *TOOLS).timeline.reasons == []


def test_a_request_without_a_prompt_is_a_gap() -> None:
    events = (user("hello"), said("yes"), user(words(200)), said("long"), user("?"), said("!"))
    timeline = Recorded("clawvm", 30, *events).timeline
    assert timeline.used[0] == 5
    assert None in timeline.used


def test_boundaries_are_told_apart() -> None:
    events = (
        *CHAT[:2],
        Compaction(trigger="auto", summary="short"),
        *CHAT[2:4],
        Compaction(trigger="manual"),
        Clear(call_ids=("1",)),
        *CHAT[4:],
        Reset(),
        user("anew"),
        said("yes"),
    )
    assert Recorded("clawvm", 1000, *events).timeline.boundaries == [
        (1, "recorded compaction"),
        (2, "compaction"),
        (2, "recorded clearing"),
        (3, "reset"),
    ]


def test_a_reset_ends_the_pages_that_it_archives() -> None:
    timeline = Recorded("clawvm", 1000, *RESET).timeline
    gone = {page.label: page.gone for page in timeline.pages if page.gone >= 0}
    assert gone
    assert set(gone.values()) == {3}
    assert "system message" not in gone


def test_a_fault_names_its_page_and_request() -> None:
    again = (
        *TOOLS,
        user("again"),
        call("7", "read", {"path": "file-0"}),
        result("7", words(12, "f0-")),
        said("seen again"),
    )
    recorded = Recorded("sliding-window", TIGHT, *again)
    (mark,) = recorded.timeline.faults
    page = recorded.timeline.pages[mark.page]
    assert mark.kind in set(FaultKind)
    assert recorded.result.faults[mark.kind] == 1
    assert page.born < mark.request
    assert "repeats it" in mark.reason


def test_a_session_with_an_odd_name_can_be_written() -> None:
    recording = Recording.of("od\udcffd", trace(*CHAT))
    assert TimelineRecorder(recording, "clawvm", 1000).timeline.trace == "od?d"
    assert b'"od?d"' in TimelineRecorder(recording, "clawvm", 1000).timeline.to_json()


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    timeline = Recorded("clawvm", TIGHT, *RESET).timeline
    path = tmp_path / "timeline.json"
    path.write_bytes(timeline.to_json())
    assert read_timeline(path) == timeline


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"", b""),
        (b'"version":1', b'"version":2'),
        (b'"format":"clawvm-timeline"', b'"format":"else"'),
        (b'"used":[', b'"used":[3,'),
        (b"]}", b""),
    ],
    ids=["empty", "newer", "other", "more requests", "cut"],
)
def test_what_is_no_whole_timeline_is_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    line = Recorded("clawvm", TIGHT, *TOOLS).timeline.to_json()
    path = tmp_path / "timeline.json"
    path.write_bytes(line.replace(old, new) if old else b"")
    with pytest.raises(TraceInvalid, match="clawvm eval"):
        read_timeline(path)


TRACES = Path(os.environ.get("CLAWVM_TRACES", Path(__file__).parents[3] / "shared" / "traces"))
RECORDED = trace_files([folder for folder in (TRACES / "codex",) if folder.is_dir()]).found


@pytest.mark.skipif(not RECORDED, reason=f"no recorded sessions in {TRACES} (set CLAWVM_TRACES)")
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
@pytest.mark.parametrize("policy", ["clawvm", "paper"])
def test_recorded_sessions_add_up_to_their_prompts(path: Path, policy: str) -> None:
    for session in open_sessions(path):
        recording = Recording.of(session.name, session.trace)
        recorder = TimelineRecorder(recording, policy, 16_000)
        replayed = replay(recording, policy, 16_000, best_counter(), recorder)
        timeline = recorder.timeline
        assert sum(used or 0 for used in timeline.used) == replayed.prompt_total
        assert len(timeline.epochs) == replayed.epochs
        counts = Counter(mark.kind for mark in timeline.faults)
        assert counts == {kind: count for kind, count in replayed.faults.items() if count}
        for request in range(0, len(timeline.used), 10):
            if timeline.used[request] is not None:
                shown = sum(level_at(page, request)[1] for page in timeline.pages)
                assert shown == timeline.used[request]


def test_the_bytes_are_the_same_in_another_process() -> None:
    program = (
        "import sys; sys.path.insert(0, 'tests/support')\n"
        "from hand_traces import TOOLS, Words, trace\n"
        "from clawvm.replay import Recording, replay\n"
        "from clawvm.replay.timeline import TimelineRecorder\n"
        "recording = Recording.of('by hand', trace(*TOOLS))\n"
        "recorder = TimelineRecorder(recording, 'clawvm', 60)\n"
        "replay(recording, 'clawvm', 60, Words(), recorder)\n"
        "sys.stdout.buffer.write(recorder.timeline.to_json())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == Recorded("clawvm", TIGHT, *TOOLS).timeline.to_json()
