"""Results for a reader: a table for each session, and the prompts for checking."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.table import Table

from ..session import Prompt, Session
from .runner import ReplayResult, Watch

__all__ = ["dump_to", "results_table"]

_COLUMNS = (
    "policy",
    "turns",
    "peak",
    "mean",
    "over",
    "infeasible",
    "refetch",
    "dup. tool",
    "spans available",
    "or one recall",
    "prefix kept",
    "epochs",
    "us/turn",
    "p99",
)
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def results_table(results: Sequence[ReplayResult]) -> Table:
    """Return one session's results, a row for each policy.

    Parameters
    ----------
    results : sequence of ReplayResult
        Of the same session.
    """
    first = results[0]
    pages = ", ".join(f"{count} {name}" for name, count in first.pages.items())
    table = Table(
        title=f"{first.trace}: {first.budget_tokens:,} tokens ({first.tokens}), {pages} pages",
        title_justify="left",
    )
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "policy" else "right")
    for result in results:
        table.add_row(*_row(result))
    return table


def _row(result: ReplayResult) -> list[str]:
    timing = result.timing()
    spans = result.spans
    built = result.turns - result.turns_infeasible
    return [
        result.policy,
        f"{result.turns:,}",
        f"{result.prompt_peak:,}",
        f"{result.prompt_mean:,.0f}",
        str(result.turns_over_budget),
        str(result.turns_infeasible),
        str(result.faults["refetch"]),
        str(result.faults["duplicate-tool"]),
        _share(spans.available, spans.spans),
        _share(spans.available + spans.one_recall_away, spans.spans),
        _share(result.prefix_tokens_kept, result.prompt_total) if built else "-",
        str(result.epochs),
        f"{timing['median_us']:,.0f}",
        f"{timing['p99_us']:,.0f}",
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


@contextmanager
def dump_to(directory: Path, trace: str, policy: str) -> Iterator[Watch]:
    """Write every prompt of one replay to a file in `directory`, one JSON object a line.

    The file is named after the session and the policy. A line holds ``request`` (from 0),
    ``tokens``, ``messages`` and, for Anthropic's format, ``system`` where there is one.
    """
    directory.mkdir(parents=True, exist_ok=True)
    name = f"{_UNSAFE_IN_NAME.sub('-', trace)}.{policy}.jsonl"
    with (directory / name).open("w", encoding="utf-8", errors="surrogatepass") as stream:

        def dump(request: int, prompt: Prompt, session: Session) -> None:
            line: dict[str, Any] = {
                "request": request,
                "tokens": prompt.tokens,
                "messages": prompt.messages,
            }
            if prompt.system is not None:
                line["system"] = prompt.system
            stream.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")

        yield dump
