"""Replaying a recorded session under a policy and a budget."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import numpy as np
import xxhash

from .. import backend
from ..errors import TraceInvalid
from ..messages import decode_arguments
from ..pages import Fidelity
from ..residency import Decision, Policy, StatefulPolicy, View
from ..session import BoundaryKind, Prompt, Session
from ..tokens import TokenCounter
from .availability import Availability, SpanTotals
from .blocks import Block, Turn, blocks_of, call_text, histories_of, turns_of
from .feed import Action, actions_of
from .messages import Place, places_of
from .policies import FullPolicy, make_policy
from .spans import Span, measured_spans
from .trace import Result, Trace

__all__ = ["Recording", "ReplayResult", "Watch", "replay"]

# The whole history has no budget; this is the most that a page table can hold.
_NO_BUDGET = 2**32 - 2


class Watch(Protocol):
    """Is shown each prompt as it was built, and the session that built it."""

    def __call__(self, request: int, prompt: Prompt, session: Session) -> None:
        """See the prompt of a request, counted from 0; the session is only to be looked at."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded session made ready: its requests and what is measured in them.

    Parameters
    ----------
    name : str
        Names the session in reports.
    trace : Trace
        What was recorded.
    turns : list of Turn
        Its requests; one at the end that was never answered is left out.
    blocks : list of Block
        Its texts.
    spans : list of Span
        What the model quoted, as far as it is measured.
    """

    name: str
    trace: Trace
    turns: list[Turn]
    blocks: list[Block]
    spans: list[Span]

    @classmethod
    def of(cls, name: str, trace: Trace) -> Recording:
        """Prepare a trace; finding the spans is the dear part."""
        turns = turns_of(trace)
        spans = [span for history in histories_of(turns) for span in measured_spans(history)]
        answered = [turn for turn in turns if turn.outputs]
        return cls(name, trace, answered, blocks_of(trace), spans)


@dataclass(slots=True)
class ReplayResult:
    """What one policy did on one session; `docs/replay.md` defines every figure.

    All sizes are in tokens, all times in microseconds.
    """

    trace: str
    policy: str
    backend: str
    tokens: str
    budget_tokens: int
    turns: int = 0
    pages: dict[str, int] = field(default_factory=dict)
    prompt_peak: int = 0
    prompt_total: int = 0
    turns_over_budget: int = 0
    turns_infeasible: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    spans: SpanTotals = field(default_factory=lambda: SpanTotals(0, 0, 0))
    prefix_tokens_kept: int = 0
    epochs: int = 0
    repairs: int = 0
    plan_digest: str = ""
    turn_us: list[float] = field(default_factory=list)

    @property
    def prompt_mean(self) -> float:
        """Mean size of the prompts that were built."""
        built = self.turns - self.turns_infeasible
        return self.prompt_total / built if built else 0.0

    def timing(self) -> dict[str, float]:
        """Microseconds of policy work a turn: median and 99th percentile."""
        if not self.turn_us:
            return {"median_us": 0.0, "p99_us": 0.0}
        median, p99 = np.percentile(self.turn_us, [50, 99])
        return {"median_us": round(float(median), 1), "p99_us": round(float(p99), 1)}

    def to_json(self) -> bytes:
        """One line of JSON, without the newline; keys are only ever added."""
        return msgspec.json.encode(
            {
                "trace": self.trace,
                "policy": self.policy,
                "backend": self.backend,
                "tokens": self.tokens,
                "budget_tokens": self.budget_tokens,
                "turns": self.turns,
                "pages": self.pages,
                "prompt_tokens": {"peak": self.prompt_peak, "mean": round(self.prompt_mean, 1)},
                "turns_over_budget": self.turns_over_budget,
                "turns_infeasible": self.turns_infeasible,
                "faults": self.faults,
                "span_availability": {
                    "spans": self.spans.spans,
                    "available": self.spans.available,
                    "one_recall_away": self.spans.one_recall_away,
                },
                "prefix_tokens_kept": self.prefix_tokens_kept,
                "epochs": self.epochs,
                "repairs": self.repairs,
                "plan_digest": self.plan_digest,
                "timing": self.timing(),
            }
        )


def replay(
    recording: Recording,
    policy_name: str,
    budget: int,
    counter: TokenCounter,
    watch: Watch | None = None,
    store: str | None = None,
) -> ReplayResult:
    """Build the prompt of every request as a policy would have, and measure it.

    The model's part is as recorded: nothing is asked of one. A recorded compaction of the harness
    is its own memory management, which the policy stands in for, so only one that the user asked
    for is done; a recorded reset is always done.

    Parameters
    ----------
    recording : Recording
        The session.
    policy_name : str
        One of `policies.POLICY_NAMES`.
    budget : int
        Most that a prompt may cost, in tokens.
    counter : TokenCounter
        Counts tokens.
    watch : callable, optional
        Is shown every prompt that was built.
    store : str, optional
        Address of a store to keep the session in. A replay that was interrupted goes on from there:
        what had been decided is decided again in memory, and must come out the same.

    Raises
    ------
    PolicyUnknown, BudgetInvalid
        Before anything is replayed.
    TraceInvalid
        When the store has a replay of this name that decided otherwise.
    """
    return _Replay(recording, policy_name, budget, counter, watch, store).run()


class _TimedPolicy:
    """A policy that notes how long each of its decisions takes."""

    def __init__(self, policy: Policy, turn_us: list[float]) -> None:
        self.name = policy.name
        self._turn_us = turn_us
        self._policy = policy

    def decide(self, view: View) -> Decision:
        started = time.perf_counter_ns()
        decision = self._policy.decide(view)
        self._turn_us.append((time.perf_counter_ns() - started) / 1000)
        return decision

    def saved(self) -> object:
        """Return what the policy remembers."""
        return self._policy.saved() if isinstance(self._policy, StatefulPolicy) else None

    def restore(self, saved: object) -> None:
        """Give the policy back what it remembered."""
        if isinstance(self._policy, StatefulPolicy):
            self._policy.restore(saved)


class _Replay:
    """One replay under way: the session, what is counted, and where each block went."""

    def __init__(
        self,
        recording: Recording,
        policy_name: str,
        budget: int,
        counter: TokenCounter,
        watch: Watch | None,
        store: str | None,
    ) -> None:
        self._recording = recording
        self._shape = recording.trace.header.shape
        self._watch = watch
        self._headers = {
            event.text: event.header
            for event in recording.trace.events
            if isinstance(event, Result) and event.header
        }
        self._availability = Availability(recording.spans, recording.blocks)
        self._places: dict[int, Place] = {}
        self._digest = xxhash.xxh3_128()
        self._result = ReplayResult(
            recording.name, policy_name, backend, counter.name, budget_tokens=budget
        )
        self._store = store
        self._counter = counter
        self._session = self._new_session()

    def _new_session(self, **durable: Any) -> Session:
        policy = _TimedPolicy(make_policy(self._result.policy), self._result.turn_us)
        session = Session(
            "replay",
            budget=self._result.budget_tokens,
            counter=self._counter,
            policy=policy,
            shape=self._shape,
            on_infeasible="report",
            same_result=self._same_result,
            **durable,
        )
        if self._result.policy == FullPolicy.name:
            session.budget = _NO_BUDGET
        return session

    def run(self) -> ReplayResult:
        before: Turn | None = None
        saved = None if self._store is None else self._open(self._store)
        number, done = (0, 0) if saved is None else saved.notes.get("fed", (0, 0))
        with nullcontext() if saved is None else saved:
            for place, turn in enumerate(self._recording.turns):
                start = 0
                if saved is not None and place == number:
                    self._go_on_with(saved)
                    start = done
                self._feed(actions_of(before, turn, self._shape), place, start)
                prompt = self._session.assemble()
                self._session.notes["fed"] = [place + 1, 0]
                steps = [*(() if before is None else before.outputs), *turn.inputs]
                self._places.update(places_of(steps, self._session.entered))
                self._measure(turn.request, prompt)
                if self._session is saved:
                    saved.boundary(BoundaryKind.TURN)
                before = turn
            if saved is not None and self._session is not saved:
                self._go_on_with(saved)  # it was at the end already
            return self._finish()

    def _feed(self, actions: list[Action], turn: int, start: int) -> None:
        """Give the session what came before a request, but for the first `start` calls."""
        for done, act in enumerate(actions[start:], start + 1):
            act(self._session)
            self._session.notes["fed"] = [turn, done]

    def _go_on_with(self, saved: Session) -> None:
        """Go on with the saved session, if it has decided as this one has so far."""
        if saved.plan != self._session.plan:
            raise TraceInvalid(
                f"{self._recording.name}: the store {self._store} has a replay of this name that "
                f"decided otherwise at turn {saved.turn}; give another store, or the version and "
                "options that it was made with"
            )
        self._session = saved

    def _open(self, store: str) -> Session:
        """Open the durable session of this replay; its name in handles is that of any replay."""
        result = self._result
        return self._new_session(
            store=store,
            tenant=f"replay {result.trace} {result.policy} {result.budget_tokens}",
            durability="group",
        )

    def _measure(self, request: int, prompt: Prompt) -> None:
        result, plan = self._result, prompt.plan
        result.turns += 1
        moves = "".join(f"{move.page_id}\t{move.old:d}{move.new:d}\n" for move in plan.moves)
        self._digest.update(
            f"{plan.turn}\t{plan.used_tokens}\t{plan.missing_tokens}\n{moves}".encode()
        )
        if not plan.feasible:
            result.turns_infeasible += 1
            return
        result.prompt_peak = max(result.prompt_peak, plan.used_tokens)
        result.prompt_total += plan.used_tokens
        result.turns_over_budget += plan.used_tokens > result.budget_tokens
        result.prefix_tokens_kept += plan.prefix_tokens_kept
        result.epochs += plan.epoch
        self._availability.observe(request, self._shown, self._reduced)
        if self._watch is not None:
            self._watch(request, prompt, self._session)

    def _shown(self, index: int) -> str | None:
        """Return what the prompt shows of a block: the block's own text where it is whole."""
        place = self._places.get(index)
        level = Fidelity.NONE if place is None else self._session.level(place.page_id)
        if place is None or not level:
            return None
        page = self._session.page(place.page_id)
        reduced = page.ladder[level].texts[place.part]
        block = self._recording.blocks[index]
        if reduced is None:
            return block.text
        if block.kind == "call":
            return call_text(block.text.split("\n", 1)[0], decode_arguments(reduced))
        return reduced.replace("\r\n", "\n")

    def _reduced(self) -> Iterator[str]:
        """Yield every text that the prompt shows in place of a block."""
        blocks = self._recording.blocks
        for index in self._places:
            text = self._shown(index)
            if text is not None and text is not blocks[index].text:
                yield text

    def _same_result(self, earlier: str, later: str) -> bool:
        return self._body(earlier) == self._body(later)

    def _body(self, text: str) -> str:
        return text[self._headers.get(text, 0) :]

    def _finish(self) -> ReplayResult:
        result, session = self._result, self._session
        by_type = Counter(page.type.name.lower() for page in session.pages())
        result.pages = dict(sorted(by_type.items()))
        result.faults = session.faults.counts
        result.spans = self._availability.totals
        result.repairs = len(session.repairs)
        result.plan_digest = self._digest.hexdigest()
        session.close()
        return result
