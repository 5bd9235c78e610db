"""``clawvm report``: what an evaluation found, as one HTML file to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..replay.report_html import write_report
from .console import output, say

__all__ = ["report"]

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder that `clawvm eval` wrote.")
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]


def report(directory: Directory, path: Output = Path("report.html")) -> None:
    """Make one HTML file of an evaluation; it opens in any browser, without a network."""
    size = write_report(directory, path)
    say(output(), f"{path}: {size / 1e6:.1f} MB")
