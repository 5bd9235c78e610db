"""The structure of a report: what is in it, that it is whole, safe and the same every time."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import zlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from html_outline import Outline
from report_folders import (
    HOSTILE,
    long_timeline,
    optimum_row,
    real_row,
    whole_folder,
    write_rows,
)

pytest.importorskip("plotly", reason="the extra `report` is not installed")

from clawvm.errors import ExtraMissing
from clawvm.replay.evaluation.comparison import Faults, points
from clawvm.replay.report_html import read_results, report_html, write_report
from clawvm.replay.report_html.charts import fault_chart
from clawvm.replay.report_html.costs import sweep_chart
from clawvm.replay.report_html.figures import percent, tokens_label
from clawvm.replay.report_html.legend import SYMBOLS, Key, legend
from clawvm.replay.report_html.sections import sections
from clawvm.replay.timeline import Timeline


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_folder(tmp_path_factory.mktemp("report") / "results")


@pytest.fixture(scope="module")
def document(folder: Path) -> str:
    return report_html(read_results(folder))


@pytest.fixture(scope="module")
def outline(document: str) -> Outline:
    return Outline(document)


def test_every_part_has_a_heading(outline: Outline) -> None:
    assert outline.texts("h2") == [
        "A session, page by page",
        "At a glance, at 120",
        "Tokens billed",
        "Cost against availability",
        "Low-water marks",
        "Gap to the bound",
        "Faults on recorded sessions",
        "Synthetic workloads",
        "Task replays",
        "Adversarial workloads",
        "Ablations",
        "Lifecycle gates",
    ]
    assert outline.texts("h1") == ["ClawVM report"]


def test_headings_skip_no_level(outline: Outline) -> None:
    levels = [int(each.tag[1]) for each in outline.elements if re.fullmatch("h[1-6]", each.tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_contents_lead_to_every_part(outline: Outline) -> None:
    targets = [link.get("href") for link in outline.all("a")]
    assert targets == [f"#{section.get('id')}" for section in outline.all("section")]


def test_every_chart_says_what_it_shows_and_has_a_table(outline: Outline) -> None:
    charts = [each for each in outline.elements if each.get("data-chart")]
    assert len(charts) == 18
    assert all(chart.get("role") == "img" and len(chart.get("aria-label")) > 40 for chart in charts)
    assert len(outline.all("table")) == len(charts) + 3


def test_every_control_has_a_name(outline: Outline) -> None:
    assert [label.get("for") for label in outline.all("label")] == ["which"]
    assert all(button.text for button in outline.all("button"))


def test_nothing_is_fetched(outline: Outline) -> None:
    for element in outline.elements:
        assert not element.get("src"), element.tag
        assert element.tag != "link"
    assert all("url(" not in style and "@import" not in style for style in outline.texts("style"))
    (policy,) = [
        meta.get("content")
        for meta in outline.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")


def test_names_from_traces_are_only_text(document: str, outline: Outline) -> None:
    scripts = [each for each in outline.all("script") if not each.get("type")]
    assert len(scripts) == 4  # plotly and ours
    assert not any('document.title = "taken"' in script.text for script in scripts)
    assert HOSTILE not in document
    assert any(HOSTILE in option for option in outline.texts("option"))


def test_every_timeline_is_in_it(folder: Path, outline: Outline) -> None:
    packed = [each.text for each in outline.all("script") if each.get("type") == "text/plain"]
    found = [
        msgspec.json.decode(zlib.decompress(base64.b64decode(text)), type=Timeline)
        for text in packed
    ]
    assert found == read_results(folder).timelines
    assert len(outline.all("option")) == len(found)


def test_charts_hold_only_colours_of_the_style_sheet(outline: Outline) -> None:
    (charts,) = [each.text for each in outline.all("script") if each.get("id") == "charts"]
    (style,) = outline.texts("style")
    assert len(json.loads(charts)) == 18
    used = set(re.findall(r"var\((--[\w-]+)\)", charts))
    assert used
    assert used <= set(re.findall(r"(--[\w-]+):", style))
    assert not re.search(r'"#[0-9a-f]{3,8}"|"rgb', charts)


def test_both_colour_schemes_name_the_same_colours(outline: Outline) -> None:
    (style,) = outline.texts("style")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    names = [set(re.findall(r"(--[\w-]+):", block)) for block in (light, dark)]
    assert names[0] - names[1] == {"--font"}
    assert names[1] <= names[0]


def test_rows_without_a_chart_are_told(outline: Outline) -> None:
    assert any("Rows of kinds without a chart: 1 tier3." in text for text in outline.texts("p"))


def test_only_timelines(tmp_path: Path) -> None:
    write_rows(tmp_path)
    (tmp_path / "timelines").mkdir()
    (tmp_path / "timelines" / "a.json").write_bytes(long_timeline(10, 10).to_json())
    assert Outline(report_html(read_results(tmp_path))).texts("h2") == ["A session, page by page"]


def test_a_sweep_rings_the_mark_that_the_policy_has(folder: Path) -> None:
    every = points(read_results(folder).real)
    swept = [point for point in every if point.policy == "clawvm"]
    chart = sweep_chart(swept, "anthropic")
    assert [key.label for key in chart.keys] == ["60", "120"]
    lines = [(len(trace.x), trace.marker.symbol) for trace in chart.figure.data]
    assert lines == [(2, "circle"), (1, "circle-open")] * 2
    assert [row[2] for row in chart.table.rows] == ["-", "50%", "90%"] * 2


def test_the_gap_to_the_optimum_is_that_of_the_worst_session(tmp_path: Path) -> None:
    rows = [
        optimum_row(trace="a", median_ppm=100, p99_ppm=50_000),
        optimum_row(trace="b", median_ppm=900, p99_ppm=1_000),
        optimum_row(trace="c", plans=0, proven=0),
    ]
    results = read_results(write_rows(tmp_path, real_row(), *rows))
    (bound,) = [part for part in sections(results) if part.id == "bound"]
    assert bound.table is not None
    assert bound.table.rows == [["8k", "20", "18", "0.09%", "5.00%"]]


def test_what_was_replayed_once_is_in_the_glance_all_the_same(tmp_path: Path) -> None:
    rows = [
        real_row(),
        real_row(budget_tokens=8000),
        real_row(policy="recorded", budget_tokens=128_000),
    ]
    glance, *_ = sections(read_results(write_rows(tmp_path, *rows)))
    assert glance.table is not None
    assert [row[0] for row in glance.table.rows] == ["clawvm", "recorded"]


def test_only_one_row_without_any_figure(tmp_path: Path) -> None:
    outline = Outline(report_html(read_results(write_rows(tmp_path, real_row()))))
    assert outline.texts("h2") == ["At a glance, at 32k", "Faults on recorded sessions"]


def test_the_bytes_are_the_same_in_another_process(folder: Path, document: str) -> None:
    program = (
        "import pathlib, sys\n"
        "from clawvm.replay.report_html import read_results, report_html\n"
        f"page = report_html(read_results(pathlib.Path({str(folder)!r})))\n"
        "sys.stdout.buffer.write(page.encode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=120
    )
    assert done.stdout == document.encode()


def test_a_report_that_is_there_is_replaced(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    assert write_report(folder, path) == path.stat().st_size
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_without_plotly_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("plotly", "plotly.graph_objects", "plotly.offline"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ExtraMissing, match=r"install 'clawvm\[report\]'"):
        report_html(read_results(folder))


def faults(**kinds: int) -> Faults:
    return Faults(count=sum(kinds.values()), kinds=Counter(kinds))


def test_faults_are_in_the_table_by_kind() -> None:
    some = Faults(count=3, insufficient=1, kinds=Counter(refetch=3, flush=1))
    cells = {("lru", 8000): some, ("clawvm", 500): Faults()}
    chart = fault_chart(cells, "budget", "Tasks")
    assert chart.table.head == ["policy", "500", "8k"]
    assert chart.table.rows == [
        ["clawvm", "0", "-"],
        ["lru", "-", "3 (1 flush, 3 refetch, 1 of these where the floor did not fit)"],
    ]
    assert chart.alt == "Tasks: faults by policy and budget. clawvm has 0 in all."


def test_a_policy_of_others_without_a_fault_is_only_named() -> None:
    cells = {
        ("clawvm", 8000): faults(),
        ("lru", 8000): faults(refetch=1),
        ("full", 8000): faults(),
        ("paper", 8000): faults(),
    }
    chart = fault_chart(cells, "budget", "Tasks")
    assert chart.figure.data[0].y == ("<b>clawvm</b>", "lru")
    assert chart.note == "No fault anywhere: full, paper."


def test_workloads_are_rows_and_policies_columns() -> None:
    cells = {("clawvm", "churn"): faults(), ("lru", "churn"): faults(refetch=2)}
    (heat,) = fault_chart(cells, "workload", "Adversaries").figure.data
    assert (heat.x, heat.y) == (("<b>clawvm</b>", "lru"), ("churn",))
    assert list(map(tuple, heat.text)) == [("0", "2")]


def test_a_long_name_is_broken_into_lines() -> None:
    name = "retrieval_only_cached (78% on <multi>_session)"
    (heat,) = fault_chart({(name, 120): faults(refetch=1)}, "budget", "x").figure.data
    (tick,) = heat.y
    assert tick == "retrieval_only_<br>cached (78% on<br>&lt;multi&gt;_session)"


@pytest.mark.parametrize(
    ("tokens", "label"), [(120, "120"), (8000, "8k"), (128_000, "128k"), (1500, "1,500")]
)
def test_budgets_are_written_as_on_the_command_line(tokens: int, label: str) -> None:
    assert tokens_label(tokens) == label


def test_what_has_no_share_has_a_dash() -> None:
    assert (percent(None), percent(0.1234, 1), percent(1.0)) == ("-", "12.3%", "100%")


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_legend_draws_every_symbol(symbol: str) -> None:
    drawn = Outline(legend([Key("<lru>", "var(--series-1)", symbol, "dot")]))
    assert [path.get("stroke-dasharray") for path in drawn.all("path")] == ["3 3", ""]
    assert "<lru>" in drawn.all("li")[0].text
