"""``clawvm replay``: recorded sessions under a budget, policy by policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from ..errors import TraceInvalid
from ..replay.importers import ImportedSession, open_sessions, trace_files
from ..replay.policies import POLICY_NAMES, make_policy
from ..replay.report import PromptFolder, results_table
from ..replay.results import ReplayResult, relate_to_full
from ..replay.runner import Recording
from ..replay.runner import replay as replay_one
from ..tokens import TokenCounter, best_counter
from ..tokens import counter as counter_named
from .console import output, parse_budget, print_json

__all__ = ["replay"]

Paths = Annotated[
    list[Path], typer.Argument(help="Recorded sessions: files, or folders to look through.")
]
Budget = Annotated[
    str, typer.Option("--budget", help="Most that a prompt may cost, in tokens: 32k, 128000.")
]
Policies = Annotated[
    list[str] | None,
    typer.Option("--policy", help=f"Of {', '.join(POLICY_NAMES)}; repeat for several [all]."),
]
Tokens = Annotated[
    str | None,
    typer.Option("--tokens", help="An encoding, a model or 'approximate' [the best at hand]."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
DumpPrompts = Annotated[
    Path | None,
    typer.Option("--dump-prompts", help="Write every prompt to this folder, a file per replay."),
]


StoreUrl = Annotated[
    str | None,
    typer.Option("--store", help="Keep the sessions in this store; a replay cut off goes on."),
]


def replay(
    paths: Paths,
    budget: Budget = "32k",
    policies: Policies = None,
    tokens: Tokens = None,
    as_json: AsJson = False,
    dump_prompts: DumpPrompts = None,
    store: StoreUrl = None,
) -> None:
    """Replay recorded agent sessions and compare what each policy would have sent.

    Reads logs of Claude Code, Codex and other agents, OpenAI- and Anthropic-shaped message lists,
    and ClawVM traces.
    """
    budget_tokens = parse_budget(budget)
    names = tuple(dict.fromkeys(policies or POLICY_NAMES))
    for name in names:
        make_policy(name)
    counter = best_counter() if tokens is None else counter_named(tokens)
    notes = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
    prompts = None if dump_prompts is None else PromptFolder(dump_prompts)
    files = trace_files(paths)
    for _, reason in files.unknown:
        notes.print(f"skipped {reason}", markup=False)
    if not files.found:
        raise TraceInvalid(f"no recorded session in {', '.join(map(str, paths))}")
    replayed = 0
    for path in files.found:
        for session in _sessions(path, notes, named=path in paths):
            if not session.report.is_clean:
                notes.print(f"{session.name}: {session.report}", markup=False)
            recording = Recording.of(session.name, session.trace)
            if not recording.turns:
                notes.print(f"skipped {session.name}: no request in it", markup=False)
                continue
            results = [
                _replay(recording, name, budget_tokens, counter, prompts, store) for name in names
            ]
            relate_to_full(results)
            _show(results, as_json)
            replayed += 1
    if not replayed:
        raise TraceInvalid(f"no request in any session of {', '.join(map(str, paths))}")


def _sessions(path: Path, notes: Console, *, named: bool) -> Iterator[ImportedSession]:
    """Yield a file's sessions, with a bar while a long file is read.

    A file that turns out to be unreadable is an error if it was named, else it is skipped.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as bar:
        task = bar.add_task(path.name, total=None)
        try:
            yield from open_sessions(
                path, lambda done, total: bar.update(task, completed=done, total=total)
            )
        except TraceInvalid as error:
            if named:
                raise
            notes.print(f"skipped {error}", markup=False)


def _replay(
    recording: Recording,
    policy: str,
    budget: int,
    counter: TokenCounter,
    prompts: PromptFolder | None,
    store: str | None,
) -> ReplayResult:
    watch = nullcontext(None) if prompts is None else prompts.file(recording.name, policy)
    with watch as each:
        return replay_one(recording, policy, budget, counter, each, store)


def _show(results: list[ReplayResult], as_json: bool) -> None:
    if as_json:
        print_json(results)
    else:
        output().print(results_table(results))
