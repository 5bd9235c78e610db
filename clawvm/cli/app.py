"""The commands and what they have in common: exit codes, errors on one line.

Exit codes: 0 done; 1 an input or the installation is at fault; 2 the command was called wrongly;
3 the gate did not pass; 130 interrupted. `docs/replay.md` lists them for users.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from ..errors import BaselineInvalid, BudgetInvalid, ClawVMError, PolicyUnknown
from .audit import audit, diff, explain
from .demo import demo
from .doctor import doctor
from .eval import evaluation
from .gate import FAILED, gate
from .replay import replay
from .report import report
from .show import show
from .stores import fsck, sessions

__all__ = ["app", "main"]

app = typer.Typer(
    help="Virtual memory for LLM agents: replay recorded sessions, look at saved ones.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(demo)
app.command()(replay)
app.add_typer(evaluation, name="eval")
app.command()(report)
app.command()(gate)
app.command()(audit)
app.command()(explain)
app.command()(diff)
app.command()(sessions)
app.command()(show)
app.command()(fsck)
app.command()(doctor)


def main() -> None:
    """Run the command line."""
    try:
        app(prog_name="clawvm")
    except (BudgetInvalid, PolicyUnknown) as error:
        _fail(str(error), 2)
    except BaselineInvalid as error:
        _fail(str(error), FAILED)
    except ClawVMError as error:
        _fail(str(error), 1)
    except BrokenPipeError:
        # The reader of our output has gone (`clawvm replay ... | head`); nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", 1)


def _fail(reason: str, code: int) -> NoReturn:
    line = " ".join(reason.split())
    # A file name may hold bytes that are no text.
    print(f"clawvm: {line}".encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
    sys.exit(code)
