"""``clawvm demo``: a session of our own past its budget, with no network and nothing to prepare."""

from __future__ import annotations

import io
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from ..pages import Fidelity, PageType
from ..replay.demo import demo_records
from ..replay.policies import POLICY_NAMES
from ..replay.report import results_table
from ..replay.runner import Recording, replay
from ..replay.trace import Compaction, Event, Header, Trace
from ..session import Prompt, Session
from ..tokens import best_counter
from .console import output, parse_budget, print_json

__all__ = ["demo"]

_EXPLAINED = 2


def demo(
    budget: Annotated[
        str, typer.Option("--budget", help="Most that a prompt may cost, in tokens.")
    ] = "8k",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    store: Annotated[
        str | None,
        typer.Option("--store", help="Keep the sessions in this store; a demo cut off goes on."),
    ] = None,
) -> None:
    """Replay a morning routine that overflows its budget, and show what each policy keeps."""
    budget_tokens = parse_budget(budget)
    header, *events = demo_records()
    trace = Trace(msgspec.convert(header, Header), msgspec.convert(events, list[Event]))
    recording = Recording.of(trace.header.session, trace)
    counter = best_counter()
    story = _Story(recording)
    results = [
        replay(recording, name, budget_tokens, counter, story if name == "clawvm" else None, store)
        for name in POLICY_NAMES
    ]
    if as_json:
        print_json(results)
        return
    console = output()
    console.print(results_table(results))
    story.tell(console)
    console.print("Your own sessions: clawvm replay PATH... --budget 32k", markup=False)


class _Story:
    """Notes what is worth telling of the run under the policy ``clawvm``."""

    def __init__(self, recording: Recording) -> None:
        self._compacted = {
            turn.request
            for turn in recording.turns
            for step in turn.lifecycle
            if isinstance(step.event, Compaction)
        }
        self._lines = io.StringIO()
        self._explained = 0
        self._pages = 0

    def __call__(self, request: int, prompt: Prompt, session: Session) -> None:
        plan = prompt.plan
        if request in self._compacted:
            self._note(request, "the user asked for a compaction; the rules are checked after it:")
            self._rules(session)
        if len(session.pages()) < self._pages:
            self._note(request, "the reset archived the conversation; the rules stayed:")
            self._rules(session)
        self._pages = len(session.pages())
        if not plan.epoch:
            return
        demoted = [move for move in plan.moves if move.new < move.old]
        self._note(
            request,
            f"{_pages(len(demoted))} gave way, {plan.used_tokens:,} of {plan.budget_tokens:,} "
            f"tokens used, {plan.prefix_tokens_kept:,} tokens of the last prompt kept.",
        )
        left = [move for move in demoted if move.new is Fidelity.NONE and move.old]
        if left and self._explained < _EXPLAINED:
            self._explained += 1
            self._lines.write(f"    {session.explain(left[-1].page_id)}\n")

    def _rules(self, session: Session) -> None:
        for page in session.pages():
            if page.type in (PageType.BOOTSTRAP, PageType.CONSTRAINT):
                level = session.level(page.id).name.lower()
                self._lines.write(f"    {page.id} ({page.type.name.lower()}) at {level}\n")

    def tell(self, console: Console) -> None:
        """Print what was noted."""
        console.print("What clawvm did, request by request:", markup=False)
        console.print(self._lines.getvalue(), markup=False)

    def _note(self, request: int, text: str) -> None:
        self._lines.write(f"  request {request}: {text}\n")


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"
