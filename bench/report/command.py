"""``python -m bench report``: measures everything, prints it, writes it down."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.machine import load, machine
from bench.report.goals import goal_section
from bench.report.named import named_section, recorded_section
from bench.report.plot import plot_curves
from bench.report.quality import measure_shares, quality_section
from bench.report.section import Section
from bench.report.tuning import low_water_section
from bench.report.turns import Curves, measure_curves, peer_section, size_section
from clawvm._backend import core

__all__ = ["report", "written_between"]

DOCUMENT, PICTURE = "performance.md", "turn-time.svg"
BEGIN, END = "<!-- report: begin -->", "<!-- report: end -->"
FILE_WIDTH = 160


def report(
    out: Annotated[
        Path | None,
        typer.Option(help=f"Folder with a {DOCUMENT} to write the figures and the plot into."),
    ] = None,
) -> None:
    """Measure every figure that the project claims, beside its peers, in some ten minutes."""
    document = None if out is None else read_document(out)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else FILE_WIDTH)
    before = load()
    curves = measure_curves(partial(say, console))
    sections = []
    for section in measured(curves, console):
        console.print(section.table())
        sections.append(section)
    where = f"{machine()}; load {before} before, {load()} after"
    say(console, where)
    if out is not None and document is not None:
        parts = [
            f"{where}; {datetime.now(UTC):%Y-%m-%d}.\n",
            *(part.markdown() for part in sections),
        ]
        parts.insert(1, f"![time per turn against pages]({PICTURE})\n")
        plot_curves(curves, where, out / PICTURE)
        (out / DOCUMENT).write_text(written_between(document, "\n".join(parts)), encoding="utf-8")


def measured(curves: Curves, console: Console) -> Iterator[Section]:
    """Measure one part after the other."""
    shares = measure_shares(core)
    yield goal_section(curves, shares, partial(say, console))
    yield peer_section(curves)
    yield size_section()
    yield quality_section(shares)
    yield low_water_section()
    yield named_section()
    recorded = recorded_section()
    if recorded is None:
        say(console, "recorded sessions are left out: CLAWVM_TRACES names none")
    else:
        yield recorded


def say(console: Console, what: str) -> None:
    """Tell on one line what is left out, or at work."""
    console.print(f"report: {what}", soft_wrap=True)


def read_document(out: Path) -> str:
    """Return the document that the figures go into, before anything is measured."""
    path = out / DOCUMENT
    if not path.is_file():
        raise typer.BadParameter(f"{path} does not exist; the figures are written into it")
    text = path.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise typer.BadParameter(f"{path} has no lines {BEGIN} and {END} to write between")
    return text


def written_between(document: str, figures: str) -> str:
    """Return a document with what stands between its two marks replaced."""
    head, _, rest = document.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{figures}\n{END}{tail}"
