"""Jobs: the pieces of an evaluation, run in parallel, each kept as soon as it is done.

A job is a function's name and plain arguments, so that another process can run it, and so that its
rows can be found again: an evaluation that was interrupted goes on with the jobs that are missing.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec
import xxhash

from ..._version import __version__
from ...errors import EvaluationFailed

__all__ = ["FOLDER", "Done", "Job", "Outcome", "Row", "run_jobs"]

Row: TypeAlias = dict[str, Any]
"""One line of results: JSON values by name. What is under ``timing`` differs from run to run."""

Done: TypeAlias = Callable[[int, int], None]
"""Is told how many jobs are done, and of how many."""

_FORMAT = 1
FOLDER = "jobs"


class Job(NamedTuple):
    """One piece of work.

    Parameters
    ----------
    kind : str
        What its rows are of; rows of one kind have the same columns.
    function : str
        ``module:name`` of what makes the rows, called with `arguments` by name.
    arguments : dict
        JSON values; with the version of the library they say all that the rows depend on.
    """

    kind: str
    function: str
    arguments: dict[str, Any]

    @property
    def file_name(self) -> str:
        """Where its rows are kept, below the folder of the jobs."""
        said = msgspec.json.encode([_FORMAT, __version__, *self], order="deterministic")
        return f"{self.kind}-{xxhash.xxh3_128_hexdigest(said)}.jsonl"

    def run(self) -> list[Row]:
        """Do the work, here and now."""
        module, _, name = self.function.partition(":")
        function: Callable[..., list[Row]] = getattr(importlib.import_module(module), name)
        return [{"kind": self.kind, **row} for row in function(**self.arguments)]


class Outcome(NamedTuple):
    """What has come of all jobs.

    Parameters
    ----------
    rows : list of Row
        In the order of the jobs.
    resumed : int
        Jobs that an earlier run had done already.
    """

    rows: list[Row]
    resumed: int


def run_jobs(
    jobs: Sequence[Job], folder: Path, workers: int | None = None, done: Done | None = None
) -> Outcome:
    """Run jobs in processes of their own; those whose rows are in the folder are not run again.

    Parameters
    ----------
    jobs : sequence of Job
        Each is run once, even if it is named twice.
    folder : Path
        Of the evaluation; made if need be.
    workers : int, optional
        Processes; by default one for each processor that this one may use. With 1 the jobs are run
        in this process.
    done : callable, optional
        Is told of the progress.

    Raises
    ------
    EvaluationFailed
        When a job has failed. The others have been run, and their rows are kept.
    """
    kept = folder / FOLDER
    kept.mkdir(parents=True, exist_ok=True)
    paths = {kept / job.file_name: job for job in jobs}
    waiting = {path: job for path, job in paths.items() if not path.exists()}
    resumed = len(paths) - len(waiting)
    tell = done or (lambda count, of: None)
    tell(resumed, len(paths))
    failed: list[str] = []
    for count, (path, problem) in enumerate(_results(waiting, workers), resumed + 1):
        if problem is not None:
            job = waiting[path]
            failed.append(f"{job.kind} of {job.arguments}: {problem}")
        tell(count, len(paths))
    if failed:
        raise EvaluationFailed(
            f"{len(failed)} of {len(paths)} jobs failed, one of them {min(failed)}; what the "
            f"others found is kept in {folder}: mend the cause and run the same command again"
        )
    return Outcome([row for path in paths for row in _read(path)], resumed)


def _results(waiting: Mapping[Path, Job], workers: int | None) -> Iterator[tuple[Path, str | None]]:
    """Run jobs and yield each one's file, with what went wrong if anything did."""
    count = min(len(waiting), workers or _processors())
    if count <= 1:
        for path, job in waiting.items():
            yield path, _run(job, path)
        return
    # Threads of this process, and locks that they hold, are not copied into another.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        running: dict[Future[str | None], Path] = {
            pool.submit(_run, job, path): path for path, job in waiting.items()
        }
        for future in as_completed(running):
            try:
                yield running[future], future.result()
            except BrokenProcessPool:
                yield running[future], "its process was ended from outside (out of memory?)"


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _run(job: Job, path: Path) -> str | None:
    """Run one job and keep its rows; return what went wrong, or None."""
    try:
        rows = job.run()
    except Exception as error:
        # The other jobs are to be run all the same; this one is told of at the end.
        return f"{type(error).__name__}: {error}"
    lines = b"".join(msgspec.json.encode(row, order="sorted") + b"\n" for row in rows)
    aside = path.with_suffix(f".{os.getpid()}")
    aside.write_bytes(lines)
    aside.replace(path)  # whole or not at all
    return None


def _read(path: Path) -> list[Row]:
    lines = path.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]
