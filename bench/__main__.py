"""``python -m bench report`` and ``python -m bench evaluation``."""

import typer

from bench.evaluation import evaluation
from bench.report.command import report

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command()(report)
app.command()(evaluation)


@app.callback()
def bench() -> None:
    """Measure the project. Whether a change makes it dearer, `python -m bench.gate` tells."""


app(prog_name="python -m bench")
