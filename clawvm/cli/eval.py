"""``clawvm eval``: workloads and recorded sessions under every policy, as files and tables."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..errors import EvaluationFailed, TraceInvalid
from ..replay.evaluation import SYNTHETIC, Job, evaluate, has_solver, jobs_of
from ..replay.importers import trace_files
from .console import output, parse_budget, say

__all__ = ["evaluation"]

evaluation = typer.Typer(
    help="Measure policies on synthetic workloads and on recorded sessions.",
    no_args_is_help=True,
)

Out = Annotated[
    Path, typer.Option("--out", help="Folder of the results; a run that was cut off goes on there.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes [one for each processor].")
]
Paths = Annotated[
    list[Path], typer.Argument(help="Recorded sessions: files, or folders to look through.")
]
MaybePaths = Annotated[
    list[Path] | None,
    typer.Argument(help="Recorded sessions; without any, only what is synthetic is measured."),
]
Budgets = Annotated[
    list[str] | None, typer.Option("--budget", help="Repeat for several [8k to 128k].")
]
Tokens = Annotated[
    str | None,
    typer.Option("--tokens", help="An encoding, a model or 'approximate' [the best at hand]."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget what an earlier run has found.")]

_OUT = Path("clawvm-eval")


@evaluation.command()
def tier1(out: Out = _OUT, workers: Workers = None, fresh: Fresh = False) -> None:
    """Provoke the paper's six lifecycle gates, and see each held."""
    _run(jobs_of(["tier1"]), out, workers, fresh)


@evaluation.command()
def tier2(out: Out = _OUT, workers: Workers = None, fresh: Fresh = False) -> None:
    """Sweep the synthetic families, tasks and ablations over policies and budgets."""
    _run(jobs_of(["tier2", "tasks", "ablation"]), out, workers, fresh)


@evaluation.command()
def adversarial(out: Out = _OUT, workers: Workers = None, fresh: Fresh = False) -> None:
    """Run the workloads that were made to break a policy."""
    _run(jobs_of(["adversarial"]), out, workers, fresh)


@evaluation.command()
def real(
    paths: Paths,
    out: Out = _OUT,
    budgets: Budgets = None,
    tokens: Tokens = None,
    workers: Workers = None,
    fresh: Fresh = False,
) -> None:
    """Replay recorded sessions, cut at 100 and 200 requests and whole, at several budgets."""
    _run(jobs_of(["real"], _sessions(paths), _tokens(budgets), tokens), out, workers, fresh)


@evaluation.command(name="all")
def everything(
    paths: MaybePaths = None,
    out: Out = _OUT,
    budgets: Budgets = None,
    tokens: Tokens = None,
    workers: Workers = None,
    fresh: Fresh = False,
) -> None:
    """All of the above."""
    kinds = [*SYNTHETIC, *(["real"] if paths else [])]
    found = _sessions(paths) if paths else []
    _run(jobs_of(kinds, found, _tokens(budgets), tokens), out, workers, fresh)


def _sessions(paths: Sequence[Path]) -> list[Path]:
    """Find the recorded sessions, and say what is left out."""
    files = trace_files(paths)
    notes = _notes()
    for _, reason in files.unknown:
        say(notes, f"skipped {reason}")
    if not files.found:
        raise TraceInvalid(f"no recorded session in {', '.join(map(str, paths))}")
    if not has_solver():
        say(notes, "the bounds are left out: they need OR-tools, pip install 'clawvm[eval]'")
    return files.found


def _notes() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)


def _tokens(budgets: Sequence[str] | None) -> list[int] | None:
    return None if budgets is None else [parse_budget(budget) for budget in budgets]


def _run(jobs: list[Job], out: Path, workers: int | None, fresh: bool) -> None:
    """Run jobs with a bar, write what they found, and show the tables."""
    notes = _notes()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as bar:
        task = bar.add_task("evaluating", total=len(jobs))
        result = evaluate(
            jobs,
            out,
            workers,
            lambda done, total: bar.update(task, completed=done, total=total),
            fresh=fresh,
        )
    console = output()
    for table in result.tables:
        console.print(Markdown(table.markdown()))
    seconds = time.monotonic() - started
    say(
        console,
        f"{len(result.rows):,} rows of {len(jobs):,} jobs ({result.resumed:,} from an earlier run) "
        f"in {seconds:.0f} s: {out}",
    )
    if result.failed_gates:
        raise EvaluationFailed(
            f"{len(result.failed_gates)} gates were not held: {', '.join(result.failed_gates)}; "
            f"{out / 'results.jsonl'} tells what was seen"
        )
