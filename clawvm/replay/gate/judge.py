"""Two records of the same sessions compared: what is worse, what is better, what does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from .baseline import Baseline, MadeWith, SessionRecord
from .figures import AVAILABLE, Tolerance, allowed

__all__ = ["Change", "Outcome", "Verdict", "judge", "settings_that_differ"]


_MISSING = (
    "in the baseline and not among the traces; restore it, or record anew without it with --update"
)
_NEW = "not in the baseline; add it with --update"
_CHANGED = (
    "not the file that the baseline was recorded of; restore it, or record anew with --update"
)
_READ_DIFFERENTLY = (
    "this clawvm finds another number of requests or spans in the same file; record anew with "
    "--update"
)
_LABELS_MAX = 3


class Outcome(StrEnum):
    """What has become of a figure that is not as recorded."""

    WORSE = "worse"
    TOLERATED = "tolerated"
    BETTER = "better"


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that is not as the baseline has it.

    Parameters
    ----------
    session : str
        The session, for a reader.
    figure : str
        The figure's name.
    recorded, now : int
        Its value in the baseline, and in this run.
    allowed : int
        The worst that passes.
    outcome : Outcome
        What to think of it.
    whole : int or None
        What the figure is a part of, where it is one.
    """

    session: str
    figure: str
    recorded: int
    now: int
    allowed: int
    outcome: Outcome
    whole: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run of the gate found.

    Parameters
    ----------
    baseline : Path
        The baseline file.
    made_with : MadeWith
        What this run was made with.
    recorded_with : MadeWith or None
        What the baseline had been made with; None where there was none.
    sessions : int
        Sessions that were replayed.
    stale : tuple of str
        Why the baseline is none for this run, and what to do, a sentence each.
    changes : tuple of Change
        By session and figure.
    unrecorded : tuple of str
        Figures that the baseline does not have, and which are not judged.
    skipped : tuple of str
        What is no recorded session among the given files, a sentence each.
    updated : bool
        The baseline has been recorded anew: nothing fails.
    """

    baseline: Path
    made_with: MadeWith
    recorded_with: MadeWith | None
    sessions: int = 0
    stale: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    unrecorded: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    updated: bool = False

    @property
    def passed(self) -> bool:
        """Whether nothing is worse, and the baseline is one for this run."""
        return self.updated or not (self.stale or self.those(Outcome.WORSE))

    def those(self, outcome: Outcome) -> list[Change]:
        """Return the changes with an outcome."""
        return [change for change in self.changes if change.outcome is outcome]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `judge` found; the fields are those of `Verdict`."""

    stale: tuple[str, ...]
    changes: tuple[Change, ...]
    unrecorded: tuple[str, ...]


def settings_that_differ(recorded: MadeWith, now: MadeWith) -> tuple[str, ...]:
    """Say in which settings a run differs from its baseline, so that no figure can be compared."""
    what = {"core": "core", "policy": "policy", "budget_tokens": "budget", "tokens": "counter"}
    return tuple(
        f"the {name} is {getattr(now, field)}, and was {getattr(recorded, field)} when the "
        "baseline was recorded: run with that, or record anew with --update"
        for field, name in what.items()
        if getattr(recorded, field) != getattr(now, field)
    )


def judge(baseline: Baseline, sessions: Sequence[SessionRecord]) -> Comparison:
    """Compare sessions with what a baseline has of them.

    Parameters
    ----------
    baseline : Baseline
        Made with the same settings.
    sessions : sequence of SessionRecord
        What was measured now.
    """
    before = {session.key: session for session in baseline.sessions}
    after = {session.key: session for session in sessions}
    stale: dict[str, list[str]] = {}
    changes: list[Change] = []
    unrecorded: set[str] = set()
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        reason = _why_not_comparable(old, new)
        if reason is not None:
            stale.setdefault(reason, []).append(_label(*key))
        elif old is not None and new is not None:
            changes += _changes(old, new, baseline.tolerances)
            unrecorded |= new.figures.keys() - old.figures.keys()
    reasons = tuple(f"{_some_of(labels)}: {reason}" for reason, labels in stale.items())
    return Comparison(reasons, tuple(changes), tuple(sorted(unrecorded)))


def _why_not_comparable(old: SessionRecord | None, new: SessionRecord | None) -> str | None:
    if new is None:
        return _MISSING
    if old is None:
        return _NEW
    if old.sha256 != new.sha256:
        return _CHANGED
    if (old.requests, old.spans) != (new.requests, new.spans):
        return _READ_DIFFERENTLY
    gone = sorted(old.figures.keys() - new.figures.keys())
    if gone:
        return (
            f"the baseline has {', '.join(gone)}, which this clawvm does not measure; record anew "
            "with --update"
        )
    return None


def _label(file: str, session: str) -> str:
    """Name a session for a reader: its file, and its own name where that says more."""
    return file if PurePosixPath(file).stem == session else f"{file}: {session}"


def _some_of(labels: Sequence[str]) -> str:
    shown = ", ".join(labels[:_LABELS_MAX])
    more = len(labels) - _LABELS_MAX
    return f"{shown} and {more:,} more" if more > 0 else shown


def _changes(
    old: SessionRecord, new: SessionRecord, tolerances: Mapping[str, Tolerance]
) -> Iterator[Change]:
    for figure, recorded in sorted(old.figures.items()):
        now = new.figures[figure]
        if now == recorded:
            continue
        limit = allowed(figure, recorded, tolerances)
        more_is_better = figure == AVAILABLE
        if (now > recorded) == more_is_better:
            outcome = Outcome.BETTER
        elif now < limit if more_is_better else now > limit:
            outcome = Outcome.WORSE
        else:
            outcome = Outcome.TOLERATED
        whole = new.spans if more_is_better else None
        yield Change(_label(*new.key), figure, recorded, now, limit, outcome, whole)
