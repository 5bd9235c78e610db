"""An evaluation from what was asked for to the files that it leaves."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ...errors import OptionUnknown, TraceInvalid
from ...tokens import best_counter
from ...tokens import counter as counter_named
from ..importers import trace_files
from .jobs import FOLDER, Done, Job, Row, run_jobs
from .real import BUDGETS, real_jobs
from .study import study_jobs
from .summary import failed_gates, tables_of
from .synthetic import ablation_jobs, adversarial_jobs, task_jobs, tier2_jobs
from .tables import Table, write_rows, write_tables
from .tier1 import tier1_jobs

__all__ = ["SYNTHETIC", "Evaluation", "evaluate", "jobs_of"]

SYNTHETIC: Final[dict[str, Callable[[], list[Job]]]] = {
    "tier1": tier1_jobs,
    "tier2": tier2_jobs,
    "tasks": task_jobs,
    "ablation": ablation_jobs,
    "adversarial": adversarial_jobs,
}
"""What needs no recorded session, by the kind of its rows."""


class Evaluation(NamedTuple):
    """What an evaluation found.

    Parameters
    ----------
    rows : list of Row
        All of it.
    tables : list of Table
        The same for a reader.
    resumed : int
        Jobs that an earlier run had done already.
    failed_gates : list of str
        Gates of tier 1 that were not held.
    """

    rows: list[Row]
    tables: list[Table]
    resumed: int
    failed_gates: list[str]


def jobs_of(
    kinds: Sequence[str],
    paths: Iterable[Path] = (),
    budgets: Sequence[int] | None = None,
    tokens: str | None = None,
) -> list[Job]:
    """List the jobs of an evaluation.

    Parameters
    ----------
    kinds : sequence of str
        Of `SYNTHETIC`, and ``real``.
    paths : iterable of Path, optional
        Recorded sessions for ``real``: files, or folders to look through.
    budgets : sequence of int, optional
        Budgets of the replays, in tokens.
    tokens : str, optional
        Name of their token counter; by default the best at hand.

    Raises
    ------
    OptionUnknown
        For a kind that there is not.
    TraceInvalid
        When ``real`` is asked for and there is no session.
    """
    jobs: list[Job] = []
    for kind in kinds:
        if kind == "real":
            counter = best_counter() if tokens is None else counter_named(tokens)
            found = trace_files(paths).found
            jobs += real_jobs(found, counter.name, BUDGETS if budgets is None else budgets)
            if not any(job.kind == "real" for job in jobs):
                raise TraceInvalid(f"no recorded session in {', '.join(map(str, paths))}")
            jobs += study_jobs(found)
        elif kind in SYNTHETIC:
            jobs += SYNTHETIC[kind]()
        else:
            known = ", ".join([*SYNTHETIC, "real"])
            raise OptionUnknown(f"an evaluation is of {known}; found {kind!r}")
    return jobs


def evaluate(
    jobs: Sequence[Job],
    folder: Path,
    workers: int | None = None,
    done: Done | None = None,
    *,
    fresh: bool = False,
) -> Evaluation:
    """Run the jobs that are missing and write what all of them found.

    Parameters
    ----------
    jobs : sequence of Job
        See `jobs_of`.
    folder : Path
        Gets ``results.jsonl``, ``timings.jsonl``, a CSV file for each kind of row, and the tables;
        below ``jobs`` what each job found, so that a run which was cut off can go on.
    workers : int, optional
        Processes; by default one for each processor.
    done : callable, optional
        Is told of the progress.
    fresh : bool, optional
        Whether to forget what an earlier run found.

    Raises
    ------
    EvaluationFailed
        When a job failed; the others are kept.
    """
    if fresh:
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
    rows, resumed = run_jobs(jobs, folder, workers, done)
    tables = tables_of(rows)
    write_rows(rows, folder)
    write_tables(tables, folder)
    return Evaluation(rows, tables, resumed, failed_gates(rows))
