"""Tier 1: the six lifecycle gates of the paper (section 7, Table 3), each provoked and each held.

A gate has two sides. Where the runtime does what harnesses do today, the expected fault, or the
rejection with its code, must be seen; where ClawVM's own path is taken, the same story must leave
none and lose nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

from ...pages import Fidelity, PageType, Scope
from ...residency import Decision, View, apply_levels
from ...session import Session
from ...stores import Store, open_store
from ...writeback import Operation, OpKind, Principal, PrincipalKind, ReasonCode
from .jobs import Job, Row

__all__ = ["GATES", "gate_rows", "tier1_jobs"]

_BUDGET = 1_000
_MODEL = Principal("model", PrincipalKind.MODEL)

Seen: TypeAlias = dict[str, int]
"""Faults and rejections by name, and under ``lost`` the texts that could not be had back."""


def tier1_jobs() -> list[Job]:
    """List the gates, each on each store that needs no server."""
    function = f"{__name__}:gate_rows"
    return [
        Job("tier1", function, {"gate": gate, "store": store})
        for gate in GATES
        for store in ("memory", "sqlite")
    ]


def gate_rows(gate: str, store: str) -> list[Row]:
    """Provoke one gate on one store, and see it held.

    Parameters
    ----------
    gate : str
        Of `GATES`.
    store : {"memory", "sqlite"}
        Where the session is kept.

    Returns
    -------
    list of Row
        Two: ``path`` is ``unguarded`` or ``clawvm``; ``passed`` tells whether `seen` is what was
        `expected`.
    """
    unguarded, expected, held = GATES[gate]
    rows = []
    for path, story, wanted in (("unguarded", unguarded, expected), ("clawvm", held, {})):
        with _opened(store) as place:
            seen = {name: count for name, count in story(place).items() if count}
        row = {"gate": gate, "store": store, "path": path, "expected": wanted, "seen": seen}
        rows.append({**row, "passed": seen == wanted})
    return rows


class _Place:
    """A store, and sessions in it one after the other: each is given up for the next."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store = store
        self._folder = folder
        self._session: Session | None = None

    def open(self, name: str = "s", **options: Any) -> Session:
        """Open a session as after a crash of the one before."""
        self.give_up()
        self._session = Session(
            name,
            budget=_BUDGET,
            counter="approximate",
            store=self._store,
            spool=f"{self._folder}/spool",
            **options,
        )
        return self._session

    def give_up(self) -> None:
        """Leave the session without a word."""
        if self._session is not None:
            self._session.release()
            self._session = None


@contextmanager
def _opened(store: str) -> Iterator[_Place]:
    with TemporaryDirectory(prefix="clawvm-tier1-") as folder:
        opened = open_store("memory:" if store == "memory" else f"sqlite:///{folder}/tier1.db")
        place = _Place(opened, folder)
        try:
            yield place
        finally:
            place.give_up()
            opened.close()


class _Dropping:
    """What a runtime does that keeps no rules: pages of these ids are simply gone."""

    name = "dropping"

    def __init__(self, *dropped: str) -> None:
        self._dropped = dropped

    def decide(self, view: View) -> Decision:
        levels = {
            slot: Fidelity.FULL for slot, page in view.pages.items() if page.id not in self._dropped
        }
        return apply_levels(view, levels)


def _lines(topic: str, count: int) -> str:
    return "\n".join(f"{topic}: note {line} says {line * 37 % 101}." for line in range(count))


def _call(session: Session, number: int, tool: str, result: str) -> None:
    function = {"name": tool, "arguments": '{"path": "a"}'}
    call = {"id": f"c{number}", "type": "function", "function": function}
    session.add({"role": "assistant", "content": None, "tool_calls": [call]})
    session.add({"role": "tool", "tool_call_id": f"c{number}", "content": result})


def _seen(session: Session, *texts: tuple[str, str]) -> Seen:
    """Count the session's faults, and those of the pages whose text is not to be had any more."""
    lost = sum(text not in (session.recall(page_id).text or "") for page_id, text in texts)
    return {**session.faults.counts, "lost": lost}


# 1. Post-compaction bootstrap


def _compacted(place: _Place, **options: Any) -> Session:
    session = place.open(**options)
    session.put("rules", PageType.BOOTSTRAP, _lines("rules", 5))
    session.add({"role": "user", "content": "go"})
    session.add({"role": "assistant", "content": _lines("work", 60)})
    session.add({"role": "user", "content": "and?"})
    session.assemble()
    session.compaction()
    session.assemble()
    return session


def _rules_dropped(place: _Place) -> Seen:
    return _seen(_compacted(place, policy=_Dropping("rules")))


def _rules_restored(place: _Place) -> Seen:
    session = _compacted(place)
    lost = session.level("rules") < Fidelity.STRUCTURED
    return {**_seen(session), "lost": int(lost)}


# 2. Reset with dirty pages


def _dirty(place: _Place) -> Session:
    session = place.open()
    session.put("plan", PageType.PLAN, _lines("plan", 5))
    _call(session, 1, "read", _lines("file", 30))
    return session


def _reset_unsaved(place: _Place) -> Seen:
    session = _dirty(place)
    session.close(discard=True)
    return dict(session.faults.counts)


def _reset_saved(place: _Place) -> Seen:
    _dirty(place).reset()
    session = place.open()
    return _seen(session, ("plan", _lines("plan", 5)), ("read:a", _lines("file", 30)))


# 3. One huge result jumps over the flush threshold


_HUGE = _lines("log", 1_000)


def _huge(place: _Place) -> Session:
    session = place.open()
    session.add({"role": "user", "content": "go"})
    session.assemble()
    session.boundary("turn")
    _call(session, 1, "bash", _HUGE)
    return session


def _never_flushed(place: _Place) -> Seen:
    session = _huge(place)
    session.close(discard=True)
    return dict(session.faults.counts)


def _flushed_first(place: _Place) -> Seen:
    session = _huge(place)
    session.compaction()
    session.assemble()
    return _seen(place.open(), ("bash:a", _HUGE))


# 4. A lookup that was denied is no empty answer


def _planned(place: _Place) -> None:
    session = place.open()
    session.put("plan", PageType.PLAN, "step one")
    session.boundary("turn")


def _denied(place: _Place) -> Seen:
    _planned(place)
    session = place.open("other")
    session.recall("clawvm://s/plan@1")
    return _seen(session)


def _allowed(place: _Place) -> Seen:
    _planned(place)
    session = place.open()
    session.recall("never")
    return _seen(session, ("clawvm://s/plan@1", "step one"))


# 5. Unsafe persistence is refused, with its code


def _stage(place: _Place, **change: Any) -> Seen:
    _planned(place)
    session = place.open()
    session.stage("plan", "text", "set", evidence="plan", principal=_MODEL, **change)
    out = Operation("plan", "note", OpKind.SET, "x", Scope.SESSION, "plan", _MODEL, owner="another")
    if change["expected_version"] == 0:
        session.journal.stage(out)
    session.boundary("turn")
    again = place.open()
    codes = [rejection.code.value for rejection in again.rejected()]
    return {code: codes.count(code) for code in codes} | {
        "lost": int(again.recall("clawvm://s/plan@1").text != "step one")
    }


def _destructive(place: _Place) -> Seen:
    return _stage(place, value="step nine", expected_version=0)


def _versioned(place: _Place) -> Seen:
    return _stage(place, value="step two", expected_version=1)


# 6. Evidence that was evicted, and is asked for again


def _asked_again(place: _Place, **options: Any) -> Session:
    session = place.open(**options)
    session.add({"role": "user", "content": "go"})
    _call(session, 1, "bash", _lines("answer", 20))
    session.assemble()
    _call(session, 2, "bash", _lines("answer", 20))
    session.assemble()
    return session


def _evicted(place: _Place) -> Seen:
    return _seen(_asked_again(place, policy=_Dropping("bash:a")))


def _kept(place: _Place) -> Seen:
    seen = _seen(_asked_again(place))
    # A repeat of what is resident is the model's own doing, and no fault.
    return {**seen, "duplicate-signature": 0}


Story: TypeAlias = Callable[[_Place], Seen]

GATES: Final[dict[str, tuple[Story, Seen, Story]]] = {
    "post-compaction-bootstrap": (
        _rules_dropped,
        {"post-compaction-bootstrap": 1, "pinned-invariant-miss": 1},
        _rules_restored,
    ),
    "reset-dirty-flush-miss": (_reset_unsaved, {"flush-miss": 2}, _reset_saved),
    "threshold-jump-race": (_never_flushed, {"flush-miss": 1}, _flushed_first),
    "silent-recall-visibility": (_denied, {"silent-recall": 1}, _allowed),
    "unsafe-persistence": (
        _destructive,
        {ReasonCode.DESTRUCTIVE_OP.value: 1, ReasonCode.SCOPE_DENIED.value: 1},
        _versioned,
    ),
    "evidence-churn-duplicate-tool": (_evicted, {"duplicate-tool": 1}, _kept),
}
"""By name: what a runtime does today, what must be seen then, and the same story on our path."""
