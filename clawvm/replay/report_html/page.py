"""One self-contained HTML file: style, script, plotly.js, charts and timelines are all in it."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...errors import ExtraMissing
from ..evaluation.comparison import OURS
from ..evaluation.results import Results, read_results
from ..timeline import Timeline
from .figures import Chart, Table, tokens_label
from .legend import legend
from .sections import REFERENCE_BUDGET, Section, our_faults, sections

__all__ = ["report_html", "write_report"]

_SCRIPTS = ("theme.js", "map.js", "timeline.js")


def write_report(directory: Path, output: Path) -> int:
    """Make the report of a folder that `clawvm eval` wrote.

    Parameters
    ----------
    directory : Path
        The folder.
    output : Path
        The file to write; one that is there is replaced.

    Returns
    -------
    int
        Its size in bytes.

    Raises
    ------
    ResultsInvalid
        When the folder is missing or not whole; nothing is written then.
    ExtraMissing
        When plotly is not installed.
    """
    page = report_html(read_results(directory)).encode()
    output.write_bytes(page)
    return len(page)


def report_html(results: Results) -> str:
    """Return the report as one HTML document that fetches nothing."""
    parts = list(sections(results))
    charts = [chart for part in parts for _, chart in part.charts]
    scripts = [_plotly(), *map(_asset, _SCRIPTS)]
    body = "\n".join(
        [
            _header(results),
            _contents(parts, results.timelines),
            "<main>",
            *_timeline_section(results.timelines),
            *_sections(parts),
            "</main>",
            _footer(results),
            _data("charts", [json.loads(chart.figure.to_json()) for chart in charts]),
            *(_packed(place, each) for place, each in enumerate(results.timelines)),
            *(f"<script>{script}</script>" for script in scripts),
        ]
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta name="generator" content="clawvm {__version__}">\n'
        f"<title>ClawVM report</title>\n<style>{_asset('report.css')}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _policy(scripts: Sequence[str]) -> str:
    """Allow the scripts of ours by their digests, and nothing from anywhere else."""
    digests = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return (
        f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise ExtraMissing("a report", "plotly", "report") from None
    source: str = get_plotlyjs()
    return source


def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _data(name: str, value: Any) -> str:
    # In a script element only `<` could end it or begin a comment.
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _packed(place: int, timeline: Timeline) -> str:
    packed = base64.b64encode(zlib.compress(timeline.to_json(), 9)).decode()
    return f'<script type="text/plain" id="timeline-{place}">{packed}</script>'


def _header(results: Results) -> str:
    facts = [(label, value) for label, value in _facts(results) if value]
    tiles = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in facts
    )
    tiles = f'<dl class="tiles">{tiles}</dl>' if tiles else ""
    return (
        "<header><h1>ClawVM report</h1>"
        "<p>What each policy kept in the prompt, what that cost, and how often something was "
        f"missing.</p>{tiles}"
        "<noscript><p>The charts need JavaScript; every figure is in the tables as well.</p>"
        "</noscript></header>"
    )


def _facts(results: Results) -> Iterator[tuple[str, str]]:
    real = {(row.trace, row.cut): row.turns for row in results.real}
    policies = {row.policy for row in results.real}
    families = {row.family for rows in results.synthetic.values() for row in rows}
    faults = our_faults(results)
    yield "recorded sessions", f"{len({trace for trace, _ in real}):,}" if real else ""
    yield "requests replayed", f"{sum(row.turns for row in results.real):,}" if real else ""
    yield "workload families", f"{len(families):,}" if families else ""
    yield "policies", f"{len(policies):,}" if policies else ""
    yield f"faults of {OURS}", "" if faults is None else f"{faults:,}"


def _contents(parts: Sequence[Section], timelines: Sequence[Timeline]) -> str:
    links = [(part.id, part.title.split(",")[0]) for part in parts]
    if timelines:
        links.insert(0, ("timeline", "Timeline"))
    items = "".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in links)
    return f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def _timeline_section(timelines: Sequence[Timeline]) -> Iterator[str]:
    if not timelines:
        return
    yield (
        '<section id="timeline" aria-labelledby="timeline-title">'
        '<h2 id="timeline-title">A session, page by page</h2>'
        "<p>Above, what the prompt of each turn cost; below, a row for each page in the order in "
        "which the pages came, and a column for each turn. Point at a field, or focus the chart "
        "and use the arrow keys, to see why a page is there.</p>"
        '<div class="controls"><label for="which">Policy and session</label>'
        f'<select id="which">{_options(timelines)}</select>'
        '<div role="group" aria-label="Zoom"><button type="button" id="zoom-in">Zoom in</button>'
        '<button type="button" id="zoom-out">Zoom out</button>'
        '<button type="button" id="zoom-all">Show all</button></div></div>'
        '<ul id="legend" class="legend" aria-label="Legend"></ul>'
        '<div class="explorer"><div id="map" class="chart" tabindex="0" role="application" '
        'aria-label="Residency timeline. Arrow keys move from field to field." '
        'aria-describedby="inspector"></div>'
        '<div id="inspector" aria-live="polite"></div></div></section>'
    )


def _options(timelines: Sequence[Timeline]) -> str:
    first = max(timelines, key=_telling)
    return "".join(
        # The session last: it is the part that a narrow screen can do without.
        f'<option value="{place}"{" selected" if each is first else ""}>{escape(each.policy)} at '
        f"{tokens_label(each.budget_tokens)}: {escape(each.trace)}</option>"
        for place, each in enumerate(timelines)
    )


def _telling(timeline: Timeline) -> tuple[bool, int, int]:
    """Rank what is shown first: our policy, the budget that is spoken of, the longest session."""
    far = abs(timeline.budget_tokens - REFERENCE_BUDGET)
    return timeline.policy == OURS, -far, len(timeline.used)


def _sections(parts: Sequence[Section]) -> Iterator[str]:
    number = 0
    for part in parts:
        yield (
            f'<section id="{part.id}" aria-labelledby="{part.id}-title">'
            f'<h2 id="{part.id}-title">{escape(part.title)}</h2><p>{escape(part.text)}</p>'
        )
        if part.table is not None:
            yield _table(part.table, part.title)
        for heading, chart in part.charts:
            yield _figure(number, heading, chart)
            number += 1
        yield "</section>"


def _figure(number: int, heading: str, chart: Chart) -> str:
    head = f"<h3>{escape(heading)}</h3>" if heading else ""
    note = f"<figcaption>{escape(chart.note)}</figcaption>" if chart.note else ""
    return (
        f'{head}<figure>{legend(chart.keys)}<div class="chart" data-chart="{number}" role="img" '
        f'aria-label="{escape(chart.alt)}" '
        f'style="height:{chart.figure.layout.height}px"></div>'
        f"{note}<details><summary>The figures as a table</summary>"
        f"{_table(chart.table, chart.alt)}</details></figure>"
    )


def _table(table: Table, caption: str) -> str:
    # The roles say again what the elements are: on a phone they are laid out as blocks, and each
    # cell stands on a line of its own, with its heading.
    head = "".join(
        f'<th role="columnheader" scope="col">{escape(cell)}</th>' for cell in table.head
    )
    rows = "".join(
        f'<tr role="row"><th role="rowheader" scope="row">{escape(row[0])}</th>'
        + "".join(
            f'<td role="cell" data-head="{escape(name)}">{escape(cell)}</td>'
            for name, cell in zip(table.head[1:], row[1:], strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    return (
        f'<table role="table" aria-label="{escape(caption)}"><thead role="rowgroup">'
        f'<tr role="row">{head}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>'
    )


def _footer(results: Results) -> str:
    left_out = ", ".join(f"{count:,} {kind}" for kind, count in results.not_shown.items())
    told = f" Rows of kinds without a chart: {escape(left_out)}." if left_out else ""
    return f"<footer><p>Made by ClawVM {__version__}, offline.{told}</p></footer>"
