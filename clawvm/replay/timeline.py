"""The residency timeline of one replay: which page stood at which level, and why.

A `TimelineRecorder` is a replay's watch; what it hands back is small, because a page that stays
where it is costs nothing (`docs/report.md` has the format).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Literal

import msgspec

from ..errors import TraceInvalid
from ..pages import Fidelity, Page
from ..session import Prompt, Session
from .blocks import Turn
from .runner import Recording
from .trace import Clear, Compaction, Event, Reset

__all__ = ["FaultMark", "PageLine", "Run", "Timeline", "TimelineRecorder", "read_timeline"]

FORMAT = "clawvm-timeline"
VERSION = 1


class Run(msgspec.Struct, array_like=True):
    """A page's level from one request to the next run, or to the end.

    Parameters
    ----------
    start : int
        The first request at this level, from 0.
    level : int
        A `Fidelity`; 0 when no line of the page is shown.
    tokens : int
        What the page costs there.
    why : int
        Place of the policy's reason in `Timeline.reasons`; -1 where it gives none.
    """

    start: int
    level: int
    tokens: int
    why: int = -1


class PageLine(msgspec.Struct, array_like=True):
    """One page's life.

    Parameters
    ----------
    id, type, label : str
        The page, its type in lower case, and what it is for a reader.
    born : int
        The request at whose prompt it was first there.
    tokens : int
        What it costs in full.
    runs : list of Run
        Its levels, in order of requests.
    gone : int
        The request from which on a reset had archived it; -1 when it stayed.
    """

    id: str
    type: str
    label: str
    born: int
    tokens: int
    runs: list[Run]
    gone: int = -1


class FaultMark(msgspec.Struct, array_like=True):
    """A fault or alert: its request, the page's place in `Timeline.pages` (or -1), kind, reason."""

    request: int
    page: int
    kind: str
    reason: str


class Timeline(msgspec.Struct, kw_only=True):
    """What one policy did with the pages of one session; all sizes are in tokens.

    Parameters
    ----------
    trace, policy, tokens : str
        The session, the policy and the counter.
    budget_tokens : int
        The budget of every request.
    used : list of (int or None)
        For each request what its prompt cost; None where no prompt could be built.
    floor : list of (int or None)
        For each request what its floor cost; None where the policy worked none out.
    epochs : list of int
        Requests for which pages were demoted to make room.
    boundaries : list of (int, str)
        Request and kind of each boundary before it: ``reset``, ``compaction`` (asked for by the
        user), ``recorded compaction`` and ``recorded clearing`` (by the recording harness itself).
    faults : list of FaultMark
        In order of requests.
    pages : list of PageLine
        In the order in which they came.
    reasons : list of str
        Each reason once, in the order in which they were first given.
    """

    format: Literal["clawvm-timeline"] = "clawvm-timeline"
    version: Literal[1] = 1
    trace: str
    policy: str
    tokens: str
    budget_tokens: int
    used: list[int | None]
    floor: list[int | None]
    epochs: list[int]
    boundaries: list[tuple[int, str]]
    faults: list[FaultMark]
    pages: list[PageLine]
    reasons: list[str]

    def to_json(self) -> bytes:
        """One line of JSON, without the newline; keys are only ever added."""
        return msgspec.json.encode(self)


def read_timeline(path: Path) -> Timeline:
    """Read what `Timeline.to_json` wrote.

    Raises
    ------
    TraceInvalid
        When it is no whole timeline of a version that is known.
    """
    try:
        timeline = msgspec.json.decode(path.read_bytes(), type=Timeline)
    except msgspec.MsgspecError as error:
        raise TraceInvalid(
            f"{path}: expected a timeline ({FORMAT}, version {VERSION}), found: {error}; "
            "write it anew with `clawvm eval`"
        ) from None
    _check_places(timeline, path)
    return timeline


def _check_places(timeline: Timeline, path: Path) -> None:
    """Refuse a timeline that points at a request, page or reason that is not there."""
    requests, pages, reasons = len(timeline.used), len(timeline.pages), len(timeline.reasons)
    runs = [run for page in timeline.pages for run in page.runs]
    sound = (
        len(timeline.floor) == requests
        and all(0 <= run.start < requests and 0 <= run.level <= Fidelity.FULL for run in runs)
        and all(-1 <= run.why < reasons for run in runs)
        and all(-1 <= mark.page < pages for mark in timeline.faults)
    )
    if not sound:
        raise TraceInvalid(
            f"{path}: the timeline names a request, page, level or reason that it does not have; "
            "write it anew with `clawvm eval`"
        )


class TimelineRecorder:
    """A replay's watch that keeps the timeline.

    Work grows with what moves, not with what is there.

    Parameters
    ----------
    recording : Recording
        The session that is replayed.
    policy : str
        The policy's name.
    budget : int
        The budget, in tokens.

    Examples
    --------
    >>> recorder = TimelineRecorder(recording, "clawvm", 32_000)  # doctest: +SKIP
    >>> replay(recording, "clawvm", 32_000, counter, recorder)  # doctest: +SKIP
    >>> path.write_bytes(recorder.timeline.to_json())  # doctest: +SKIP
    """

    def __init__(self, recording: Recording, policy: str, budget: int) -> None:
        requests = len(recording.turns)
        self.timeline = Timeline(
            # A file's name may hold bytes that are no text.
            trace=recording.name.encode("utf-8", "replace").decode(),
            policy=policy,
            tokens="",
            budget_tokens=budget,
            used=[None] * requests,
            floor=[None] * requests,
            epochs=[],
            boundaries=list(_boundaries(recording.turns)),
            faults=[],
            pages=[],
            reasons=[],
        )
        self._places: dict[str, int] = {}
        self._live: dict[str, PageLine] = {}
        self._reasons: dict[str, int] = {}
        self._serial = 0
        self._faults = 0

    def __call__(self, request: int, prompt: Prompt, session: Session) -> None:
        """Note what changed with the prompt of a request."""
        timeline, plan = self.timeline, prompt.plan
        timeline.tokens = session.counter.name
        timeline.used[request] = plan.used_tokens
        timeline.floor[request] = plan.floor_tokens or None
        if plan.epoch:
            timeline.epochs.append(request)
        pages = session.pages()
        self._note_gone(request, pages)
        self._note_new(pages)
        # Only a selection weighs pages against each other; elsewhere there is no such reason.
        selected = plan.value is not None
        for page_id, _, level in plan.moves:
            why = self._why(session.explain(page_id)) if selected else -1
            page = session.page(page_id)
            self._live[page_id].runs.append(Run(request, int(level), page.tokens(level), why))
        self._note_faults(session)

    def _note_new(self, pages: list[Page]) -> None:
        new = list(takewhile(lambda page: page.serial > self._serial, reversed(pages)))
        for page in reversed(new):
            kind = page.type.name.lower()
            born = page.request - 1
            whole = page.tokens(Fidelity.FULL)
            line = PageLine(page.id, kind, page.label, born, whole, [])
            self._places[page.id] = len(self.timeline.pages)
            self._live[page.id] = line
            self.timeline.pages.append(line)
            self._serial = page.serial

    def _note_gone(self, request: int, pages: list[Page]) -> None:
        """Close the lines of pages that a reset has archived."""
        known = sum(1 for page in pages if page.serial <= self._serial)
        if known == len(self._live):
            return
        live = {page.id for page in pages}
        for page_id in [page_id for page_id in self._live if page_id not in live]:
            self._live.pop(page_id).gone = request

    def _note_faults(self, session: Session) -> None:
        total = sum(session.faults.counts.values())
        events = session.faults.events
        for place in range(max(0, len(events) - total + self._faults), len(events)):
            fault = events[place]
            page = self._places.get(fault.page_id, -1)
            self.timeline.faults.append(
                FaultMark(fault.turn - 1, page, fault.kind.value, fault.reason)
            )
        self._faults = total

    def _why(self, reason: str) -> int:
        place = self._reasons.setdefault(reason, len(self._reasons))
        if place == len(self.timeline.reasons):
            self.timeline.reasons.append(reason)
        return place


def _boundaries(turns: list[Turn]) -> Iterator[tuple[int, str]]:
    for place, turn in enumerate(turns):
        for step in turn.lifecycle:
            kind = _boundary(step.event)
            if kind:
                yield place, kind


def _boundary(event: Event) -> str:
    if isinstance(event, Reset):
        return "reset"
    if isinstance(event, Compaction):
        return "compaction" if event.trigger == "manual" else "recorded compaction"
    return "recorded clearing" if isinstance(event, Clear) else ""
