"""The charts of cost against availability."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from ..evaluation.comparison import OURS, Point, in_order
from .figures import (
    Chart,
    Table,
    budget_colour,
    new_figure,
    percent,
    provider_name,
    tokens_label,
)
from .legend import SYMBOLS, Key

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["cost_chart", "sweep_chart"]

_SERIES_COLOURS = 8


def cost_chart(points: Sequence[Point], provider: str) -> Chart:
    """Draw what each policy has available over what it costs, a line through its budgets."""
    figure = _cost_figure()
    keys = []
    policies = in_order(point.policy for point in points)
    for place, policy in enumerate(policies):
        line = [point for point in points if point.policy == policy]
        key = Key(
            policy,
            f"var(--series-{place % _SERIES_COLOURS})",
            SYMBOLS[place % len(SYMBOLS)],
            "solid",
        )
        keys.append(key)
        _add_line(figure, line, provider, key)
        if policy == OURS:
            # Beside a curve that rises to the right; at the low end of it the others begin.
            figure.data[-1].update(
                mode="lines+markers+text",
                text=[tokens_label(point.budget) for point in line],
                textposition=["top left"] + ["bottom right"] * (len(line) - 1),
                cliponaxis=False,
            )
    alt = (
        f"Span availability over cost at {provider_name(provider)} prices: a line for each "
        "policy, a point for each budget; further up and further left is better. The table has "
        "every point."
    )
    return Chart(figure, alt, _cost_table(points, provider), keys)


def sweep_chart(points: Sequence[Point], provider: str) -> Chart:
    """Draw the same for our policy under other low-water marks, a line for each budget.

    A point without a mark is the policy as it is, and is drawn as a ring.
    """
    figure = _cost_figure()
    keys = []
    budgets = sorted({point.budget for point in points})
    for place, budget in enumerate(budgets):
        of_budget = [point for point in points if point.budget == budget]
        swept = [point for point in of_budget if point.low_water_percent is not None]
        key = Key(tokens_label(budget), budget_colour(place), line="solid")
        keys.append(key)
        _add_line(figure, swept, provider, key)
        _add_line(figure, [point for point in of_budget if point not in swept], provider, key)
        figure.data[-1].marker.update(symbol="circle-open", size=17, line={"width": 2.5})
    alt = (
        f"Span availability over cost at {provider_name(provider)} prices for other low-water "
        "marks of our policy: a line for each budget. The table has every point."
    )
    return Chart(figure, alt, _cost_table(points, provider), keys)


def _cost_figure() -> Figure:
    figure = new_figure(460)
    figure.update_xaxes(title_text="billed", tickformat=".0%", rangemode="tozero", nticks=5)
    figure.update_yaxes(title_text="spans available", tickformat=".0%")
    return figure


def _add_line(figure: Figure, line: Sequence[Point], provider: str, key: Key) -> None:
    figure.add_scatter(
        x=[point.billed[provider] for point in line],
        y=[point.available for point in line],
        mode="lines+markers",
        line={"color": key.colour, "width": 2},
        marker={"color": key.colour, "symbol": key.symbol, "size": 10},
        hovertext=[_cost_hover(point, provider) for point in line],
        hoverinfo="text",
    )


def _cost_table(points: Sequence[Point], provider: str) -> Table:
    rows = [
        [
            point.policy,
            tokens_label(point.budget),
            "-" if point.low_water_percent is None else f"{point.low_water_percent}%",
            percent(point.billed[provider], 1),
            percent(point.available, 1),
        ]
        for point in points
    ]
    return Table(("policy", "budget", "low-water mark", "billed", "spans available"), rows)


def _cost_hover(point: Point, provider: str) -> str:
    mark = "" if point.low_water_percent is None else f", low water {point.low_water_percent}%"
    return (
        f"<b>{escape(point.policy)}</b> at {tokens_label(point.budget)}{mark}<br>"
        f"{percent(point.billed[provider], 1)} billed<br>{percent(point.available, 1)} available"
    )
