"""Legends as lists of HTML, which wrap on a phone where a legend inside a chart would not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

__all__ = ["SYMBOLS", "Key", "legend"]

_OUTLINES = {
    "circle": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z",
    "square": "M-5-5H5V5H-5Z",
    "diamond": "M0-6.5 6.5 0 0 6.5-6.5 0Z",
    "triangle-up": "M0-6 6 4.5H-6Z",
    "cross": "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
    "x": "M-6-3.5-3.5-6 0-2.5 3.5-6 6-3.5 2.5 0 6 3.5 3.5 6 0 2.5-3.5 6-6 3.5-2.5 0Z",
    "triangle-down": "M0 6 6-4.5H-6Z",
    "pentagon": "M0-6 5.7-1.9 3.5 4.9H-3.5L-5.7-1.9Z",
    "star": "M0-7 1.8-2.2 6.7-2.2 2.7.8 4.1 5.7 0 2.8-4.1 5.7-2.7.8-6.7-2.2-1.8-2.2Z",
}
SYMBOLS = tuple(_OUTLINES)
"""Plotly's symbols that a legend can draw."""


@dataclass(frozen=True, slots=True)
class Key:
    """One entry: a label, its colour (a custom property), its symbol, whether it has a line.

    Parameters
    ----------
    line : {"", "solid", "dot"}
        The line through the symbols.
    """

    label: str
    colour: str
    symbol: str = "circle"
    line: str = ""


def legend(keys: Iterable[Key]) -> str:
    """Return the list; blank where there is nothing to tell apart."""
    items = "".join(f"<li>{_drawing(key)}{escape(key.label)}</li>" for key in keys)
    return f'<ul class="legend" aria-label="Legend">{items}</ul>' if items else ""


def _drawing(key: Key) -> str:
    stroke = ""
    if key.line:
        dashes = ' stroke-dasharray="3 3"' if key.line == "dot" else ""
        stroke = f'<path d="M-12 0H12" stroke="{key.colour}" stroke-width="2"{dashes}/>'
    wide = 12 if key.line else 7
    return (
        f'<svg aria-hidden="true" width="{2 * wide}" height="14" '
        f'viewBox="{-wide} -7 {2 * wide} 14">'
        f'{stroke}<path d="{_OUTLINES[key.symbol]}" fill="{key.colour}"/></svg>'
    )
