"""The command: checks both revisions out, builds, measures, judges, prints.

Exit codes: 0 all that could be measured passed (what was skipped is said); 1 a workload became
dearer, the set of workloads changed, or a ratio is below its floor; 2 the command was called
wrongly; 3 a revision could not be built or measured, or with ``--strict`` something was skipped.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from bench.gate import show
from bench.gate.checkout import WORKING_TREE, allowed_names, build, check_out, find_base, git_line
from bench.gate.counting import (
    build_region,
    count_workloads,
    has_workloads,
    run,
    why_no_counting,
)
from bench.gate.errors import GateError
from bench.gate.history import append_line, plot_history
from bench.gate.judge import judge

__all__ = ["app", "main"]

PASSED, FAILED, CALLED_WRONGLY, NOT_MEASURED = range(4)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def gate(
    base: Annotated[
        str | None,
        typer.Argument(help="The revision to compare with; left out: where this branch began."),
    ] = None,
    head: Annotated[
        str, typer.Argument(help="The revision to judge; left out: the working tree.")
    ] = WORKING_TREE,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail where something would be skipped.")
    ] = False,
    history: Annotated[
        Path | None, typer.Option(help="JSON Lines to append the wall times of HEAD to.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture to draw of the history.")] = None,
) -> None:
    """Judge whether HEAD makes the benchmarked work dearer than BASE.

    Instructions of each workload (callgrind) may grow by 3 %, the set of workloads may not change,
    and the compiled core stays ahead of its rivals by given factors. A commit that means to change
    a workload says so: a trailer "Gate-Allow: NAME..." in its message. Wall time is only reported.
    """
    if plot is not None and history is None:
        raise typer.BadParameter("a plot is drawn of a history: give --history too")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    run_ = Run(base, head, console)
    with TemporaryDirectory(prefix="clawvm-gate-") as folder:
        run_.build(Path(folder))
        run_.compare_counts(Path(folder))
        run_.compare_ratios()
        run_.report_wall_time(history, plot)
    raise typer.Exit(run_.conclude(strict))


class Run:
    """One run of the gate.

    Parameters
    ----------
    base : str or None
        Revision to compare with, None to find it.
    head : str
        Revision to judge.
    console : Console
        Where to tell it.
    """

    def __init__(self, base: str | None, head: str, console: Console) -> None:
        self.console = console
        self.head = head
        self.base = base
        self.failures: list[str] = []
        self.skipped: list[str] = []
        self._choose_base()

    def build(self, folder: Path) -> None:
        """Check out and build, both at once where there are two."""
        self.head_folder, self.base_folder = folder / "head", folder / "base"
        wanted = {self.head_folder: self.head}
        if self.base is not None:
            wanted[self.base_folder] = self.base
        for place, revision in wanted.items():
            check_out(revision, place)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(build, wanted))

    def compare_counts(self, folder: Path) -> None:
        """Count the instructions of both, and judge."""
        if self.base is None:
            return
        if not has_workloads(self.head_folder):
            self.failures.append(f"{self.head} has no bench/workloads.py")
        elif not has_workloads(self.base_folder):
            self.skipped.append(f"instruction counts: {self.base} has no bench/workloads.py yet")
        else:
            build_region(folder)
            base, head = count_workloads([self.base_folder, self.head_folder], folder)
            findings = judge(base, head, allowed_names(self.base, self.head))
            self.console.print(show.counts_table(findings))
            self.failures += [show.sentence(finding) for finding in findings if not finding.passes]

    def compare_ratios(self) -> None:
        """Hold the core against its rivals."""
        ratios = [json.loads(line) for line in self._of_head("bench.ratios").splitlines()]
        self.console.print(show.ratios_table(ratios))
        self.failures += [
            f"{ratio['name']}: {show.times(ratio['ratio'])} times as fast, at least "
            f"{ratio['floor']:g} are expected"
            for ratio in ratios
            if ratio["ratio"] < ratio["floor"]
        ]

    def report_wall_time(self, history: Path | None, plot: Path | None) -> None:
        """Append the wall times of head to a history, and draw it."""
        if history is None:
            return
        wall_us = json.loads(self._of_head("bench.walltime"))
        last = git_line("rev-parse", "HEAD" if self.head == WORKING_TREE else self.head)
        append_line(history, last or self.head, wall_us)
        self.console.print(show.wall_table(wall_us))
        if plot is not None:
            plot_history(history, plot)

    def conclude(self, strict: bool) -> int:
        """Say what was skipped and what failed; returns the exit code."""
        for what in self.skipped:
            self.console.print(f"gate: skipped {what}", soft_wrap=True)
        for what in self.failures:
            self.console.print(f"gate: FAILED {what}", soft_wrap=True)
        if self.failures:
            return FAILED
        if self.skipped and strict:
            return NOT_MEASURED
        self.console.print("gate: passed")
        return PASSED

    def _choose_base(self) -> None:
        missing = why_no_counting()
        if missing is not None:
            self.skipped.append(f"instruction counts: {missing}")
            self.base = None
        elif self.base is None:
            found = find_base()
            self.base = found.revision
            if found.revision is None:
                self.skipped.append(f"instruction counts, there is no base: {found.reason}")
            else:
                self.console.print(f"gate: compared with {found.revision[:12]}, {found.reason}")

    def _of_head(self, module: str) -> str:
        return run(self.head_folder, [sys.executable, "-m", module]).stdout


def main() -> None:
    """Run the command line."""
    try:
        app(prog_name="python -m bench.gate")
    except GateError as error:
        print(f"gate: could not measure: {error}", file=sys.stderr)
        sys.exit(NOT_MEASURED)
