"""The tables of an evaluation in ``docs/evaluation.md``: ``python -m bench evaluation FOLDER``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["DOCUMENT", "evaluation", "filled"]

DOCUMENT = Path(__file__).parents[1] / "docs" / "evaluation.md"
_TABLE = re.compile(r"<!-- ([\w-]+) -->\n.*?<!-- end -->", re.DOTALL)


def filled(document: str, folder: Path) -> str:
    """Return a document with each marked table as it stands in the folder of an evaluation."""

    def table(mark: re.Match[str]) -> str:
        body = (folder / "tables" / f"{mark[1]}.md").read_text(encoding="utf-8")
        return f"<!-- {mark[1]} -->\n\n{body}\n<!-- end -->"

    return _TABLE.sub(table, document)


def evaluation(
    folder: Annotated[Path, typer.Argument(help="What `clawvm eval all PATH...` wrote.")],
) -> None:
    """Put the tables of an evaluation into docs/evaluation.md."""
    document = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(filled(document, folder), encoding="utf-8")
