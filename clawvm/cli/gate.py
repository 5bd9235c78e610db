"""``clawvm gate``: recorded sessions held to a baseline, for CI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ..replay.gate import run_gate, show
from ..replay.policies import POLICY_NAMES
from .console import output, parse_budget

__all__ = ["FAILED", "gate"]

FAILED = 3
"""Exit code of a gate that does not pass."""


def gate(
    traces: Annotated[
        list[Path], typer.Argument(help="Recorded sessions: files, or folders to look through.")
    ],
    budget: Annotated[
        str, typer.Option("--budget", help="Most that a prompt may cost, in tokens: 32k, 128000.")
    ] = "32k",
    policy: Annotated[
        str, typer.Option("--policy", help=f"One of {', '.join(POLICY_NAMES)}.")
    ] = "clawvm",
    baseline: Annotated[
        Path, typer.Option("--baseline", help="The recorded figures; keep it with the sources.")
    ] = Path("gate.json"),
    update: Annotated[
        bool, typer.Option("--update", help="Record the baseline anew instead of comparing.")
    ] = False,
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens",
            help="An encoding, a model or 'approximate' [the baseline's, else the best at hand].",
        ),
    ] = None,
) -> None:
    """Fail with exit code 3 when recorded sessions fare worse than a baseline says.

    Watches faults, turns over budget or without a prompt, span availability, tokens billed and the
    work done: whole numbers that are the same in every run.
    """
    notes = Console(stderr=True, highlight=False, emoji=False)
    with notes.status("") as status:
        verdict = run_gate(
            traces,
            baseline,
            policy=policy,
            budget=parse_budget(budget),
            tokens=tokens,
            update=update,
            progress=lambda name: status.update(Text(name)),
        )
    show(verdict, output())
    if not verdict.passed:
        raise typer.Exit(FAILED)
