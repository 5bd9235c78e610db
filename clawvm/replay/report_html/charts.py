"""The charts that compare policies by budget or by workload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log10
from typing import TYPE_CHECKING

from ..evaluation.comparison import OURS, Column, Faults, in_order
from .figures import Chart, Table, budget_colour, new_figure, percent, tick, tokens_label
from .legend import Key

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["dot_chart", "fault_chart"]

_ROW_PX = 38
_CELL_PX = 34
_LINE_PX = 17
_NAMES_PX = 70  # what the names of policies take below a chart, where they stand upright
_PAD_PX = 92  # the axis below a chart, its title, and room above


def dot_chart(
    shares: Mapping[tuple[str, int], float], axis: str, subject: str, line_at: float
) -> Chart:
    """Draw a row for each policy and in it a dot for each budget.

    Parameters
    ----------
    shares : mapping of (policy, budget) to float
        What is drawn.
    axis : str
        What the share is, for the axis.
    subject : str
        What the chart shows, for those who do not see it.
    line_at : float
        The share to compare with.
    """
    policies = in_order(policy for policy, _ in shares)
    budgets = sorted({budget for _, budget in shares})
    row = {policy: place for place, policy in enumerate(policies)}
    figure = new_figure(_PAD_PX + _ROW_PX * len(policies))
    colours = list(map(budget_colour, range(len(budgets))))
    for place, budget in enumerate(budgets):
        dots = [(policy, shares[policy, budget]) for policy in row if (policy, budget) in shares]
        offset = (place - (len(budgets) - 1) / 2) * 0.55 / max(1, len(budgets) - 1)
        figure.add_scatter(
            x=[share for _, share in dots],
            y=[row[policy] + offset for policy, _ in dots],
            mode="markers",
            cliponaxis=False,
            marker={
                "color": colours[place],
                "size": 9 + min(place, 5),
                "line": {"color": "var(--card)", "width": 1},
            },
            hovertext=[
                f"<b>{escape(policy)}</b> at {tokens_label(budget)}<br>{percent(share, 1)}"
                for policy, share in dots
            ],
            hoverinfo="text",
        )
    for place in range(0, len(policies), 2):  # bands, so that the dots of a row stay together
        figure.add_hrect(
            y0=place - 0.5, y1=place + 0.5, fillcolor="var(--page)", line_width=0, layer="below"
        )
    figure.add_vline(x=line_at, line={"color": "var(--ink)", "width": 1, "dash": "dot"})
    figure.update_xaxes(
        title_text=axis, tickformat=".0%", rangemode="tozero", nticks=5, tickangle=0
    )
    figure.update_yaxes(
        tickvals=list(row.values()),
        ticktext=[tick(policy) for policy in policies],
        range=[len(policies) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    cells: dict[tuple[str, Column], str] = {key: percent(share, 1) for key, share in shares.items()}
    table = _table(policies, budgets, cells)
    keys = [Key(tokens_label(budget), colours[place]) for place, budget in enumerate(budgets)]
    return Chart(figure, f"{subject}, by policy and budget. {_ours(shares)}", table, keys)


def fault_chart(cells: Mapping[tuple[str, Column], Faults], axis: str, subject: str) -> Chart:
    """Draw the number of faults by policy and budget or workload, stronger where there are more.

    Budgets are columns. Workloads, of which there are more, are rows, and policies the columns.
    Policies of others without any fault are only named.

    Parameters
    ----------
    cells : mapping of (policy, budget or workload) to Faults
        What is drawn.
    axis : {"budget", "workload"}
        What the second key is.
    subject : str
        What the chart shows, for those who do not see it.
    """
    policies = in_order(policy for policy, _ in cells)
    columns = sorted({column for _, column in cells}, key=_column_order)
    faulty = {policy for (policy, _), cell in cells.items() if cell.count} | {OURS}
    shown = [policy for policy in policies if policy in faulty]
    keys = [[(policy, column) for column in columns] for policy in shown]
    across, down = list(map(_column_label, columns)), shown
    if axis == "workload":
        keys = [list(line) for line in zip(*keys, strict=True)]
        across, down = shown, across
    figure = _heatmap(keys, across, down, cells)
    figure.update_xaxes(title_text=axis if axis == "budget" else "")
    if axis == "workload":
        figure.update_layout(height=figure.layout.height + _NAMES_PX)
    silent = [policy for policy in policies if policy not in faulty]
    note = f"No fault anywhere: {', '.join(silent)}." if silent else ""
    table = _table(policies, columns, {key: _split(cell) for key, cell in cells.items()})
    ours = sum(cell.count for (policy, _), cell in cells.items() if policy == OURS)
    told = f" {OURS} has {ours:,} in all." if OURS in policies else ""
    return Chart(figure, f"{subject}: faults by policy and {axis}.{told}", table, note=note)


def _heatmap(
    keys: Sequence[Sequence[tuple[str, Column]]],
    across: Sequence[str],
    down: Sequence[str],
    cells: Mapping[tuple[str, Column], Faults],
) -> Figure:
    found = [[cells.get(key) for key in line] for line in keys]
    ticks = list(map(tick, down))
    lines = max((each.count("<br>") + 1 for each in ticks), default=1)
    figure = new_figure(_PAD_PX + max(_CELL_PX, _LINE_PX * lines + 8) * len(down))
    figure.add_heatmap(
        x=list(map(tick, across)),
        y=ticks,
        z=[[None if cell is None else log10(1 + cell.count) for cell in line] for line in found],
        text=[["" if cell is None else _short(cell.count) for cell in line] for line in found],
        texttemplate="%{text}",
        textfont={"size": 12},
        hovertext=[[_fault_hover(key, cells.get(key)) for key in line] for line in keys],
        hoverinfo="text",
        colorscale=[[0, "var(--calm)"], [0.0001, "var(--faults-low)"], [1, "var(--faults-high)"]],
        zmin=0,
        zmax=max([0.1, *(log10(1 + cell.count) for cell in cells.values())]),
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure


def _fault_hover(key: tuple[str, Column], cell: Faults | None) -> str:
    policy, column = key
    lines = ["not run"] if cell is None else _told(cell) or ["no fault"]
    where = "budget " if isinstance(column, int) else ""
    head = f"<b>{escape(policy)}</b><br>{where}{escape(_column_label(column))}"
    return "<br>".join([head, *map(escape, lines)])


def _column_order(column: Column) -> tuple[int, str]:
    return (column, "") if isinstance(column, int) else (0, column)


def _column_label(column: Column) -> str:
    return tokens_label(column) if isinstance(column, int) else column.replace("_", " ")


def _short(count: int) -> str:
    if count < 1000:
        return str(count)
    return f"{count / 1000:.{1 if count < 10_000 else 0}f}k"


def _told(cell: Faults) -> list[str]:
    kinds = [f"{count:,} {kind}" for kind, count in sorted(cell.kinds.items())]
    if cell.insufficient:
        kinds.append(f"{cell.insufficient:,} of these where the floor did not fit")
    return kinds


def _split(cell: Faults) -> str:
    return f"{cell.count:,} ({', '.join(_told(cell))})" if cell.kinds else "0"


def _ours(shares: Mapping[tuple[str, int], float]) -> str:
    told = ", ".join(
        f"{percent(share, 1)} at {tokens_label(budget)}"
        for (policy, budget), share in sorted(shares.items())
        if policy == OURS
    )
    return f"{OURS}: {told}." if told else "The table has every figure."


def _table(
    policies: Sequence[str], columns: Sequence[Column], cells: Mapping[tuple[str, Column], str]
) -> Table:
    rows = [
        [policy, *(cells.get((policy, column), "-") for column in columns)] for policy in policies
    ]
    return Table(["policy", *map(_column_label, columns)], rows)
