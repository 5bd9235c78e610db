"""What all charts of a report have in common: their parts, labels, colours and axes.

Colours are custom properties of the page's style sheet (``var(--name)``), which the page's script
resolves, so that a chart follows the reader's colour scheme.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from ...errors import ExtraMissing
from ..evaluation.comparison import OURS
from .legend import Key

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = [
    "Chart",
    "Table",
    "budget_colour",
    "new_figure",
    "percent",
    "provider_name",
    "tick",
    "tokens_label",
]

_BUDGET_COLOURS = 6
_TICK_CHARS = 16


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows of text; the first column names the row."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure, its legend, table and caption, and what it says for those who do not see it."""

    figure: Figure
    alt: str
    table: Table
    keys: Sequence[Key] = ()
    note: str = ""


def tokens_label(tokens: int) -> str:
    """Return a budget as it is written on the command line: ``32k``, ``120``."""
    return f"{tokens // 1000}k" if tokens >= 1000 and tokens % 1000 == 0 else f"{tokens:,}"


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share as a percentage, or a dash."""
    return "-" if share is None else f"{share:.{digits}%}"


def provider_name(provider: str) -> str:
    """Return a provider's name as a sentence has it before its prices."""
    known = {"anthropic": "Anthropic", "openai": "OpenAI", "study": "the study's"}
    return known.get(provider, provider)


def budget_colour(place: int) -> str:
    """Return the colour of a budget by its place among them, from light to dark."""
    return f"var(--budget-{place % _BUDGET_COLOURS})"


def tick(name: str) -> str:
    """Return a name for an axis, in lines that leave a phone room for the chart."""
    pieces = [
        piece[start : start + _TICK_CHARS]
        for piece in re.split(r"(?<=[-_:/ ])", name)
        for start in range(0, len(piece), _TICK_CHARS)
    ]
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > _TICK_CHARS:
            lines.append("")
        lines[-1] += piece
    text = "<br>".join(escape(line.strip()) for line in lines)
    return f"<b>{text}</b>" if name == OURS else text


def new_figure(height: int) -> Figure:
    """Return an empty figure of so many pixels, in the page's colours."""
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise ExtraMissing("a report", "plotly", "report") from None
    figure = go.Figure()
    axis = {"gridcolor": "var(--line)", "linecolor": "var(--line)", "automargin": True}
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 12, "t": 8, "b": 8, "pad": 4},
        paper_bgcolor="var(--card)",
        plot_bgcolor="var(--card)",
        font={"color": "var(--ink)", "family": "var(--font)", "size": 13},
        hoverlabel={
            "bgcolor": "var(--ink)",
            "bordercolor": "var(--ink)",
            "font": {"color": "var(--card)", "family": "var(--font)"},
            "align": "left",
        },
        hovermode="closest",
        dragmode=False,
        showlegend=False,
    )
    # A drag on a phone scrolls the page.
    figure.update_xaxes(
        **axis, fixedrange=True, zerolinecolor="var(--line)", title_standoff=12, title_font_size=13
    )
    figure.update_yaxes(
        **axis, fixedrange=True, zerolinecolor="var(--line)", title_standoff=8, title_font_size=13
    )
    return figure
