"""Which result answers which call, and what is broken about it.

A result answers the call with its id that stands right before it; only what this leaves over is
looked for elsewhere. So an id that a provider uses twice pairs as it was meant, and one stray
result never steals the call of a well placed one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .findings import Finding, FindingKind
from .parts import Envelope, Part, PartKind

__all__ = ["Pairs", "Place", "pairs"]

# What a call and its result have in common: an id, or for the legacy function role its name.
_Key = tuple[str, str] | None


class Place(NamedTuple):
    """Where a part stands: index of its message, index of the part in the envelope."""

    message: int
    part: int


@dataclass(slots=True)
class Pairs:
    """The calls and results of a history.

    Parameters
    ----------
    result_of : dict of Place to Place
        The result of each answered call.
    call_of : dict of Place to Place
        The reverse.
    unanswered : list of Place
        Calls without a result, in order; those that may still be open are not among them.
    extra : dict of Place to Place
        Results of a call that has one already, with that call.
    orphans : list of Place
        Results of no call at all.
    new_ids : dict of Place to str
        The id that a call or result must carry, where it carries another or none.
    findings : list of Finding
        Everything that is broken, in order of place; empty for a healthy history.
    """

    result_of: dict[Place, Place] = field(default_factory=dict)
    call_of: dict[Place, Place] = field(default_factory=dict)
    unanswered: list[Place] = field(default_factory=list)
    extra: dict[Place, Place] = field(default_factory=dict)
    orphans: list[Place] = field(default_factory=list)
    new_ids: dict[Place, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def pairs(
    envelopes: Sequence[Envelope], *, open_calls: bool = False, taken: Collection[str] = ()
) -> Pairs:
    """Match results with calls and report what a service would refuse; linear time.

    Well placed is, in an OpenAI history, a tool message in the run right behind the assistant
    message, in any order; in an Anthropic history, a result in the user message right behind it,
    before everything that is not a result.

    Parameters
    ----------
    envelopes : sequence of Envelope
        The whole history.
    open_calls : bool
        Calls of the last assistant message may lack their results: they are about to run.
    taken : collection of str
        Ids of calls that stand before these messages.
    """
    return _Pairing(envelopes).run(open_calls=open_calls, taken=taken)


class _Pairing:
    """One run of :func:`pairs`; its methods are the steps, in the order of :meth:`run`."""

    def __init__(self, envelopes: Sequence[Envelope]) -> None:
        self.envelopes = envelopes
        self.answer = Pairs()
        self.calls: dict[Place, _Key] = {}
        self.results: dict[Place, _Key] = {}
        self.notes: list[tuple[Place, Finding]] = []
        for at, envelope in enumerate(envelopes):
            for index, part in enumerate(envelope.parts):
                if part.kind is PartKind.CALL:
                    self.calls[Place(at, index)] = _key_of_call(part)
                elif part.kind is PartKind.RESULT:
                    self.results[Place(at, index)] = _key_of_result(envelope, part)
        self.known = {key for key in self.calls.values() if key is not None}

    def run(self, *, open_calls: bool, taken: Collection[str]) -> Pairs:
        self.match_neighbours()
        self.match_distant(self.places(), FindingKind.DISPLACED_RESULT)
        self.match_distant(self.places()[::-1], FindingKind.EARLY_RESULT)
        self.sort_leftovers(open_calls=open_calls)
        self.assign_ids(taken)
        self.notes.sort(key=lambda note: note[0])  # stable: one place keeps its order
        self.answer.findings = [finding for _, finding in self.notes]
        return self.answer

    def part(self, place: Place) -> Part:
        return self.envelopes[place.message].parts[place.part]

    def places(self) -> list[Place]:
        return sorted([*self.calls, *self.results])

    def note(self, kind: FindingKind, place: Place, problem: str, done: str) -> None:
        call_id = self.part(place).call_id
        self.notes.append((place, Finding(kind, place.message, call_id, problem, done)))

    def pair(self, call: Place, result: Place) -> None:
        self.answer.result_of[call] = result
        self.answer.call_of[result] = call

    def match_neighbours(self) -> None:
        """Pair what stands where it should, by id; then by order what has no usable id."""
        for calls in _by_message(self.calls):
            results, late = self.behind(calls[0].message)
            waiting: dict[_Key, deque[Place]] = {}
            for call in calls:
                waiting.setdefault(self.calls[call], deque()).append(call)
            for result in results:
                key = self.results[result]
                if key is not None and waiting.get(key):
                    self.pair(waiting[key].popleft(), result)
            self.match_by_order(calls, results)
            for result in late:
                if result in self.answer.call_of:
                    self.note_moved(FindingKind.DISPLACED_RESULT, result)

    def behind(self, at: int) -> tuple[list[Place], set[Place]]:
        """Answer the results right behind message `at`, and those that something else precedes."""
        results: list[Place] = []
        late: set[Place] = set()
        if self.envelopes[at].shape == "openai":
            for index in range(at + 1, len(self.envelopes)):
                if self.envelopes[index].parts[0].kind is not PartKind.RESULT:
                    break
                results.append(Place(index, 0))
        elif at + 1 < len(self.envelopes):
            leading = True
            for index, part in enumerate(self.envelopes[at + 1].parts):
                leading = leading and part.kind is PartKind.RESULT
                if part.kind is PartKind.RESULT:
                    results.append(Place(at + 1, index))
                    if not leading:
                        late.add(results[-1])
        return results, late

    def match_by_order(self, calls: list[Place], results: list[Place]) -> None:
        """Pair neighbours of which one side has no usable id, if that leaves no choice."""
        calls = [
            call
            for call in calls
            if call not in self.answer.result_of and not _is_legacy(self.calls[call])
        ]
        results = [
            result
            for result in results
            if result not in self.answer.call_of
            and not _is_legacy(self.results[result])
            and self.results[result] not in self.known
        ]
        if len(calls) != len(results):
            return
        couples = list(zip(calls, results, strict=True))
        if all(None in (self.calls[call], self.results[result]) for call, result in couples):
            for call, result in couples:
                self.pair(call, result)

    def match_distant(self, places: Iterable[Place], kind: FindingKind) -> None:
        """Pair each result left with the nearest call passed before it that has no result."""
        passed: dict[_Key, list[Place]] = {}
        for place in places:
            if place in self.calls:
                if place not in self.answer.result_of:
                    passed.setdefault(self.calls[place], []).append(place)
                continue
            key = self.results[place]
            if key is not None and place not in self.answer.call_of and passed.get(key):
                self.pair(passed[key].pop(), place)
                self.note_moved(kind, place)

    def note_moved(self, kind: FindingKind, result: Place) -> None:
        where = "before" if kind is FindingKind.EARLY_RESULT else "not right behind"
        title = _title(self.part(self.answer.call_of[result]))
        self.note(
            kind,
            result,
            f"the result of {title} stands {where} its call",
            "it is moved right behind it",
        )

    def sort_leftovers(self, *, open_calls: bool) -> None:
        answered = {self.calls[call]: call for call in self.answer.result_of}
        for result, key in self.results.items():
            if result in self.answer.call_of:
                continue
            if key is not None and key in answered:
                self.answer.extra[result] = answered[key]
                problem = f"a second result of {_title(self.part(answered[key]))}"
                kind = FindingKind.EXTRA_RESULT
            else:
                self.answer.orphans.append(result)
                problem = f"a result without a call, for {_title(self.part(result))}"
                kind = FindingKind.ORPHAN_RESULT
            self.note(kind, result, problem, "it is kept as a user text")
        last = self.last_assistant() if open_calls else None
        for call in self.calls:
            if call not in self.answer.result_of and call.message != last:
                self.answer.unanswered.append(call)
                self.note(
                    FindingKind.ORPHAN_CALL,
                    call,
                    f"{_title(self.part(call))} has no result",
                    "an error result is added right behind it",
                )

    def last_assistant(self) -> int | None:
        for at in range(len(self.envelopes) - 1, -1, -1):
            if self.envelopes[at].role == "assistant":
                return at
        return None

    def assign_ids(self, taken: Collection[str]) -> None:
        """Give every call an id of its own, and every result the id of its call."""
        used: set[str] = set()
        fresh = _FreshIds((*self.calls.values(), *self.results.values()), taken)
        for call, key in self.calls.items():
            part = self.part(call)
            if _is_legacy(key):
                continue
            wanted = part.call_id
            if wanted is None or wanted in used or wanted in taken:
                wanted = fresh.next(part.call_id or f"call_{call.message}_{call.part}")
            used.add(wanted)
            if not part.id_sound:
                self.answer.new_ids[call] = wanted
                problem = f"{_title(part)} has an id that is no text of at least one character"
                self.note(FindingKind.BAD_ID, call, problem, f"its id is now {wanted!r}")
            elif wanted != part.call_id:
                self.answer.new_ids[call] = wanted
                problem = f"{_title(part)} has the id of an earlier call"
                self.note(FindingKind.DUPLICATE_ID, call, problem, f"its id is now {wanted!r}")
            self.pass_id_on(call, wanted)

    def pass_id_on(self, call: Place, call_id: str) -> None:
        result = self.answer.result_of.get(call)
        if result is None:
            return
        part = self.part(result)
        if part.id_sound and part.call_id == call_id:
            return
        self.answer.new_ids[result] = call_id
        if not part.id_sound or part.call_id != self.part(call).call_id:
            problem = f"the result of {_title(self.part(call))} does not carry the call's id"
            self.note(FindingKind.BAD_ID, result, problem, f"its id is now {call_id!r}")


class _FreshIds:
    """Ids that nobody uses yet, the same for the same history."""

    LENGTH_MAX = 32  # services limit an id to 40 characters; this leaves room for a number

    def __init__(self, keys: Iterable[_Key], taken: Collection[str]) -> None:
        # The earlier ids are asked, not copied: a long session has many, and few are ever met.
        self.earlier = taken
        self.taken = {key[1] for key in keys if key is not None}
        self.numbers: dict[str, int] = {}

    def next(self, base: str) -> str:
        base = base[: self.LENGTH_MAX]
        number = self.numbers.get(base, 1)
        candidate = base
        while candidate in self.taken or candidate in self.earlier:
            number += 1
            candidate = f"{base}_{number}"
        self.numbers[base] = number
        self.taken.add(candidate)
        return candidate


def _is_legacy(key: _Key) -> bool:
    """Tell whether a call or result pairs by name: the function role, older than ids."""
    return key is not None and key[0] == "name"


def _key_of_call(part: Part) -> _Key:
    if part.place[0] == "function_call":
        return ("name", part.name or "")
    return None if part.call_id is None else ("id", part.call_id)


def _key_of_result(envelope: Envelope, part: Part) -> _Key:
    if envelope.role == "function":
        return ("name", part.name or "")
    return None if part.call_id is None else ("id", part.call_id)


def _by_message(places: Iterable[Place]) -> list[list[Place]]:
    groups: dict[int, list[Place]] = {}
    for place in places:
        groups.setdefault(place.message, []).append(place)
    return list(groups.values())


def _title(part: Part) -> str:
    """Name a call for a finding: its id, and its tool where that is known."""
    shown: Any = repr(part.call_id[:80]) if part.call_id else "without an id"
    return f"call {shown}" + (f" ({part.name[:80]})" if part.name else "")
