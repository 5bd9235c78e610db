"""Wall times by revision: one line of JSON for each run, and a plot of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.gate.errors import GateError
from bench.machine import load, machine

__all__ = ["append_line", "plot_history"]


def append_line(file: Path, revision: str, wall_us: dict[str, float]) -> None:
    """Append one run to a history.

    Parameters
    ----------
    file : path
        JSON Lines; made where it is not there.
    revision : str
        What was measured.
    wall_us : dict of str to float
        Median microseconds of a round by workload.
    """
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": revision,
        "machine": machine(),
        "load": load(),
        "wall_us": wall_us,
    }
    with file.open("a", encoding="utf-8") as history:
        history.write(json.dumps(line) + "\n")


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Return the runs of a history, oldest first."""
    try:
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except ValueError as error:
        raise GateError(f"{file} is no history of this gate: {error}") from error


def plot_history(file: Path, picture: Path) -> None:
    """Draw each workload's wall time over the runs of a history, first run = 1."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise GateError("the plot needs matplotlib: pip install 'clawvm[bench]'") from error
    lines = read_lines(file)
    figure = Figure(figsize=(10, 6), layout="constrained")
    axes = figure.subplots()
    for name in sorted({name for line in lines for name in line["wall_us"]}):
        runs = [
            (run, line["wall_us"][name])
            for run, line in enumerate(lines)
            if name in line["wall_us"]
        ]
        axes.plot([run for run, _ in runs], [us / runs[0][1] for _, us in runs], "o-", label=name)
    axes.set_xticks(range(len(lines)), [line["revision"][:10] for line in lines], rotation=45)
    axes.set(ylabel="wall time, first run = 1", title="Wall time of the gate's workloads")
    axes.legend(fontsize="small", ncols=2)
    figure.savefig(picture)
