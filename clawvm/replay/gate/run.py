"""A run of the gate: replay, compare, record."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ... import __version__, backend
from ...errors import TraceInvalid
from ...tokens import TokenCounter, best_counter, counter
from ..importers import open_sessions, trace_files
from ..policies import make_policy
from ..runner import Recording, replay
from .baseline import Baseline, MadeWith, SessionRecord, read_baseline, write_baseline
from .figures import figures_of, is_named
from .judge import Verdict, judge, settings_that_differ

__all__ = ["run_gate"]


def run_gate(
    paths: Sequence[Path],
    baseline: Path,
    *,
    policy: str,
    budget: int,
    tokens: str | None = None,
    update: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Verdict:
    """Replay recorded sessions and compare what is measured with a baseline.

    Parameters
    ----------
    paths : sequence of Path
        Recorded sessions: files, or folders to look through.
    baseline : Path
        The baseline file.
    policy : str
        The residency policy to hold to it.
    budget : int
        Most that a prompt may cost, in tokens.
    tokens : str, optional
        A counter by name; by default the one that the baseline was recorded with, else the best at
        hand.
    update : bool
        Record the baseline anew, keeping its tolerances.
    progress : callable, optional
        Is told each session's name before it is replayed.

    Raises
    ------
    BaselineInvalid
        When there is no baseline, or none that can be read; with `update`, when it cannot be
        read or written.
    TraceInvalid
        When a path does not exist, is of no known format, or there is no request in any session.
    PolicyUnknown, BudgetInvalid, TokenizerUnavailable
        Before anything is replayed.
    """
    make_policy(policy)
    old = read_baseline(baseline) if baseline.exists() or not update else None
    counts = _counter(tokens, old)
    made_with = MadeWith(__version__, backend, policy, budget, counts.name)
    verdict = Verdict(baseline, made_with, None if old is None else old.made_with, updated=update)
    other = () if old is None else settings_that_differ(old.made_with, made_with)
    if other and not update:
        return replace(verdict, stale=other)
    files, skipped = _files(paths)
    sessions = sorted(
        _measured(files, baseline.parent, made_with, counts, progress),
        key=lambda session: session.key,
    )
    if not sessions:
        raise TraceInvalid(f"no request in any session of {', '.join(map(str, paths))}")
    verdict = replace(verdict, sessions=len(sessions), skipped=skipped)
    if old is not None and not other:
        found = judge(old, sessions)
        verdict = replace(
            verdict, stale=found.stale, changes=found.changes, unrecorded=found.unrecorded
        )
    if update:
        write_baseline(baseline, _recorded(made_with, old, sessions))
    return verdict


def _counter(tokens: str | None, old: Baseline | None) -> TokenCounter:
    name = tokens if tokens is not None or old is None else old.made_with.tokens
    return best_counter() if name is None else counter(name)


def _files(paths: Sequence[Path]) -> tuple[list[Path], tuple[str, ...]]:
    for path in paths:
        if not path.exists():
            raise TraceInvalid(
                f"{path}: there is no such file or folder; restore it, or leave it out of the call "
                "and record the baseline without it (--update)"
            )
    files = trace_files(paths)
    if not files.found:
        raise TraceInvalid(
            f"no recorded session in {', '.join(map(str, paths)) or 'no path at all'}; "
            "name files or folders that hold some"
        )
    return files.found, tuple(f"skipped {reason}" for _, reason in files.unknown)


def _measured(
    files: Sequence[Path],
    folder: Path,
    made_with: MadeWith,
    counts: TokenCounter,
    progress: Callable[[str], None] | None,
) -> Iterator[SessionRecord]:
    """Replay every session that has a request in it."""
    taken: set[tuple[str, str]] = set()
    for path in files:
        place = _seen_from(folder, path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        for session in open_sessions(path):
            if progress is not None:
                progress(session.name)
            recording = Recording.of(session.name, session.trace)
            if not recording.turns:
                continue
            own_name = session.name.removeprefix(f"{PurePosixPath(place).stem}/")
            name = _free_name(place, own_name, taken)
            taken.add((place, name))
            result = replay(recording, made_with.policy, made_with.budget_tokens, counts)
            yield SessionRecord(
                place, name, digest, result.turns, result.spans.spans, figures_of(result)
            )


def _seen_from(folder: Path, path: Path) -> str:
    """Return a path that is the same wherever the folder and the file have been moved together."""
    try:
        seen = os.path.relpath(path, folder)
    except ValueError:  # on Windows there is no way from one drive to another
        seen = os.path.abspath(path)
    # A file name may hold bytes that are no text.
    return os.fsencode(Path(seen).as_posix()).decode("utf-8", "replace")


def _free_name(place: str, name: str, taken: set[tuple[str, str]]) -> str:
    """Number a session whose file has another of its name."""
    free, number = name, 1
    while (place, free) in taken:
        number += 1
        free = f"{name} ({number})"
    return free


def _recorded(made_with: MadeWith, old: Baseline | None, sessions: list[SessionRecord]) -> Baseline:
    """Return the new baseline, with the tolerances of the old one that are still for something."""
    figures = {figure for session in sessions for figure in session.figures}
    tolerances = {} if old is None else old.tolerances
    kept = {name: own for name, own in tolerances.items() if is_named(name, figures)}
    return Baseline(made_with, kept, sessions)
