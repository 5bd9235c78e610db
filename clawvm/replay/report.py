"""Results for a reader: a table for each session, and the prompts for checking."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from ..session import Prompt, Session
from .billing import ANTHROPIC
from .results import ReplayResult
from .runner import Watch

__all__ = ["PromptFolder", "results_table"]

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
    "billed",
    "epochs",
    "us/turn",
    "p99",
)
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_CHARS_MAX = 150


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
        # Text and not str: what is in brackets in a name is no markup.
        title=Text(
            f"{first.trace}: {first.budget_tokens:,} tokens ({first.tokens}), {pages} pages"
        ),
        title_justify="left",
    )
    for column in _COLUMNS:
        justify: Literal["left", "right"] = "left" if column == "policy" else "right"
        table.add_column(column, justify=justify, no_wrap=" " not in column)
    for result in results:
        table.add_row(*_row(result))
    return table


def _row(result: ReplayResult) -> list[str]:
    timing = result.timing()
    spans = result.spans
    billed = result.billed_share(ANTHROPIC.name)
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
        _share(result.prefix_tokens_kept, result.prompt_total),
        "-" if billed is None else f"{billed:.1%}",
        str(result.epochs),
        f"{timing['median_us']:,.0f}",
        f"{timing['p99_us']:,.0f}",
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


class PromptFolder:
    """A folder for the prompts of one run, a file for each replay.

    A file is named after session and policy; sessions whose names are the same as file names are
    numbered, in the order in which they come. Files of an earlier run are overwritten.

    Parameters
    ----------
    directory : Path
        Made when the first file is.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._taken: set[str] = set()

    @contextmanager
    def file(self, trace: str, policy: str) -> Iterator[Watch]:
        """Write every prompt that is shown to what this yields, one JSON object a line.

        A line holds ``request`` (from 0), ``tokens``, ``messages`` and, for Anthropic's format,
        ``system`` where there is one. A request of which no prompt could be built has no line.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / self._free_name(trace, policy)
        with path.open("w", encoding="utf-8", errors="surrogatepass") as stream:

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

    def _free_name(self, trace: str, policy: str) -> str:
        base = _UNSAFE_IN_NAME.sub("-", trace)[:_NAME_CHARS_MAX]
        name, number = f"{base}.{policy}.jsonl", 1
        # Some file systems take upper and lower case for the same.
        while name.lower() in self._taken:
            number += 1
            name = f"{base}-{number}.{policy}.jsonl"
        self._taken.add(name.lower())
        return name
