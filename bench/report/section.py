"""A part of the report: a table with what it says above it."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.table import Table

__all__ = ["Section", "microseconds"]


@dataclass(slots=True)
class Section:
    """A titled table.

    Parameters
    ----------
    title : str
        What it is about.
    note : str
        How it was measured.
    columns : list of str
        Their headings; all but the first are to the right.
    rows : list of list of str
        What was measured.
    """

    title: str
    note: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Add a row."""
        self.rows.append(list(cells))

    def table(self) -> Table:
        """Return it for a terminal."""
        table = Table(title=self.title, caption=self.note, caption_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return it for a document."""
        lines = [
            f"### {self.title}",
            "",
            self.note,
            "",
            f"| {' | '.join(self.columns)} |",
            f"|---|{'--:|' * (len(self.columns) - 1)}",
            *(f"| {' | '.join(row)} |" for row in self.rows),
        ]
        return "\n".join(lines) + "\n"


def microseconds(taken: float) -> str:
    """Write a time or another measured number with as many digits as mean something."""
    if taken < 10:
        return f"{taken:.2f}"
    return f"{taken:.1f}" if taken < 100 else f"{taken:,.0f}"
