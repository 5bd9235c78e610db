"""Replaying a recorded session under a policy and a budget."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import xxhash

from .. import backend
from ..errors import PageNotFound, TraceInvalid
from ..pages import Fidelity, PageType
from ..residency import Decision, Policy, StatefulPolicy, View
from ..session import BoundaryKind, Prompt, Session
from ..tokens import CountMemo, TokenCounter
from .availability import Availability
from .billing import PROVIDERS, Billing, CacheModel, sent_at
from .blocks import Block, Step, Turn, blocks_of, histories_of, turns_of
from .feed import Action, actions_of
from .messages import Place, places_of, shown_text
from .policies import FullPolicy, make_policy
from .results import ReplayResult
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


def replay(
    recording: Recording,
    policy_name: str,
    budget: int,
    counter: TokenCounter,
    watch: Watch | None = None,
    store: str | None = None,
    caches: Sequence[CacheModel] = PROVIDERS,
    around: Callable[[Policy], Policy] | None = None,
    offers_recall: bool = False,
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
    caches : sequence of CacheModel
        The prompts are billed under each of these models of a provider's cache.
    around : callable, optional
        Is given the policy, and returns one that decides in its place: to look on, or otherwise.
    offers_recall : bool, optional
        Whether the model is offered the recall tool, and with it the catalogue of what is not shown
        (its definition is not part of the prompt's tokens, as no tool's is).

    Raises
    ------
    PolicyUnknown, BudgetInvalid
        Before anything is replayed.
    TraceInvalid
        When the store has a replay of this name that decided otherwise.
    """
    return _Replay(
        recording, policy_name, budget, counter, watch, store, caches, around, offers_recall
    ).run()


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
        caches: Sequence[CacheModel],
        around: Callable[[Policy], Policy] | None,
        offers_recall: bool,
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
        self._billing = Billing(self._shape, CountMemo(counter).count, caches)
        self._places: dict[int, Place] = {}
        self._types: dict[int, str] = {}
        # Pages that came in since the last prompt: to show one for the first time is no move.
        self._arrived: set[str] = set()
        self._digest = xxhash.xxh3_128()
        self._result = ReplayResult(
            recording.name, policy_name, backend, counter.name, budget_tokens=budget
        )
        self._store = store
        self._around = around
        self._offers_recall = offers_recall
        self._counter = counter
        self._session = self._new_session()

    def _new_session(self, **durable: Any) -> Session:
        policy: Policy = _TimedPolicy(make_policy(self._result.policy), self._result.turn_us)
        if self._around is not None:
            policy = self._around(policy)
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
        if self._offers_recall:
            session.tools  # noqa: B018 - to ask for them is to offer them
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
                self._place([*(() if before is None else before.outputs), *turn.inputs])
                self._measure(turn, prompt)
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

    def _place(self, steps: Sequence[Step]) -> None:
        """Note where the blocks went that came in with the last prompt."""
        entered = self._session.entered
        self._arrived.update(entry.page_id for entry in entered)
        for index, place in places_of(steps, entered).items():
            self._places[index] = place
            self._types[index] = self._type_of(place.page_id, index).name.lower()

    def _type_of(self, page_id: str, index: int) -> PageType:
        try:
            return self._session.page(page_id).type
        except PageNotFound:
            # A reset came after it: that archives exchanges and texts and leaves the rules.
            is_tool = self._recording.blocks[index].kind in ("call", "result")
            return PageType.EVIDENCE if is_tool else PageType.CONVERSATION

    def _measure(self, turn: Turn, prompt: Prompt) -> None:
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
        result.moves += sum(move.page_id not in self._arrived for move in plan.moves)
        self._arrived.clear()
        used = self._availability.observe(turn.request, self._shown, self._reduced)
        result.hits += len({self._places[index].page_id for index in used})
        self._billing.send(
            partial(_message_list, prompt), plan.used_tokens, plan.prefix_tokens_kept, sent_at(turn)
        )
        if self._watch is not None:
            self._watch(turn.request, prompt, self._session)

    def _shown(self, index: int) -> str | None:
        """Return what the prompt shows of a block: the block's own text where it is whole."""
        place = self._places.get(index)
        level = Fidelity.NONE if place is None else self._session.level(place.page_id)
        if place is None or not level:
            return None
        block = self._recording.blocks[index]
        return shown_text(block, self._session.page(place.page_id), place.part, level)

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
        result.hits += session.faults.hits
        spans = self._availability
        result.spans = spans.totals
        result.spans_by_type = spans.by(lambda span: self._types.get(span.newest_source, "no page"))
        result.spans_by_kind = spans.by_kind()
        result.spans_by_age = spans.by_age()
        result.bills = self._billing.bills
        result.repairs = len(session.repairs)
        result.plan_digest = self._digest.hexdigest()
        result.work = session.work
        session.close()
        return result


def _message_list(prompt: Prompt) -> list[dict[str, Any]]:
    """Return a prompt's messages in the order in which a model reads them."""
    system = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
    return [*system, *prompt.messages]
