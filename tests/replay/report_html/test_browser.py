"""A report in a real browser: it renders, answers, fits a phone and follows the colour scheme."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import ARGUMENTS, BROWSER, NAMES, overlapping, texts_of
from report_folders import HOSTILE, long_timeline, whole_folder, write_rows

from clawvm.replay.report_html import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")
pytest.importorskip("plotly", reason="the extra `report` is not installed")

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason=f"no browser to look with: none of {', '.join(NAMES)} is installed"
)

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
READY = "document.documentElement.dataset.ready === 'yes'"
TURNS, PAGES = 2000, 4000
NODES_MAX = 3000
LOOKS_MAX = 400


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_report(whole_folder(folder / "results"), folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def long_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_rows(tmp_path_factory.mktemp("long"))
    (folder / "timelines").mkdir()
    timeline = long_timeline(TURNS, PAGES)
    (folder / "timelines" / "long.json").write_bytes(timeline.to_json())
    write_report(folder, folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield started
        started.close()


class Opened:
    """A report in a window, and all that it complained of or asked for."""

    def __init__(self, browser: Any, path: Path, size: dict[str, int], scheme: str) -> None:
        phone = size == PHONE
        self.context = browser.new_context(
            viewport=size, color_scheme=scheme, is_mobile=phone, has_touch=phone
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.until(READY)

    def until(self, condition: str) -> None:
        """Wait until an expression holds; the page forbids what `wait_for_function` does."""
        for _ in range(LOOKS_MAX):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never came true: {condition}")

    def box(self, selector: str = "#map") -> dict[str, float]:
        place = self.page.locator(selector)
        place.scroll_into_view_if_needed()
        box: dict[str, float] = place.bounding_box()
        return box

    def point_at(self, across: float, down: float) -> None:
        """Move the mouse to a place of the map, in shares of its size."""
        box = self.box()
        x, y = box["x"] + across * box["width"], box["y"] + down * box["height"]
        self.page.mouse.move(x - 4, y)
        self.page.mouse.move(x, y)

    def inspected(self) -> str:
        self.page.wait_for_selector("#inspector h3")
        text: str = self.page.inner_text("#inspector")
        return text

    def ranges(self) -> list[list[float]]:
        found: list[list[float]] = self.page.evaluate(
            "['xaxis', 'yaxis'].map((axis) => document.getElementById('map').layout[axis].range)"
        )
        return found


@pytest.fixture
def open_report(browser: Any) -> Iterator[Any]:
    """Opens reports in windows of the test's own."""
    opened: list[Opened] = []

    def open_one(path: Path, size: dict[str, int] = DESK) -> Opened:
        opened.append(Opened(browser, path, size, "light"))
        return opened[-1]

    yield open_one
    for each in opened:
        each.context.close()


@pytest.fixture(scope="module")
def look_at(browser: Any) -> Iterator[Any]:
    """Opens reports for tests that only look; those of the same kind share a window."""
    opened: dict[tuple[Path, int, str], Opened] = {}

    def look(path: Path, size: dict[str, int] = DESK, scheme: str = "light") -> Opened:
        key = (path, size["width"], scheme)
        if key not in opened:
            opened[key] = Opened(browser, path, size, scheme)
        return opened[key]

    yield look
    for each in opened.values():
        each.context.close()


def test_every_chart_is_drawn_without_a_complaint(look_at: Any, report: Path) -> None:
    opened = look_at(report)
    sizes = opened.page.evaluate(
        "[...document.querySelectorAll('.chart')].map((chart) => {"
        " const box = chart.querySelector('svg.main-svg').getBoundingClientRect();"
        " return [box.width, box.height]; })"
    )
    assert len(sizes) == 19
    assert all(width > 300 and height > 150 for width, height in sizes)
    assert opened.complaints == []


def test_nothing_is_fetched_but_the_file(look_at: Any, report: Path) -> None:
    opened = look_at(report)
    assert opened.requests[0] == report.as_uri()
    assert all(url.startswith(("data:", "blob:")) for url in opened.requests[1:])


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_nothing_overlaps_or_is_cut_off(look_at: Any, report: Path, size: dict[str, int]) -> None:
    page = look_at(report, size).page
    for tables_open in ("true", "false"):
        page.evaluate(
            f"document.querySelectorAll('details').forEach((each) => (each.open = {tables_open}))"
        )
        texts = texts_of(page)
        assert len(texts) > 200
        assert overlapping(texts) == []
        assert [each for each in texts if each["left"] < 0 or each["right"] > size["width"]] == []
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_texts_of_a_chart_are_inside_it(
    look_at: Any, report: Path, size: dict[str, int]
) -> None:
    outside = look_at(report, size).page.evaluate(
        "[...document.querySelectorAll('.chart')].flatMap((chart) => {"
        " const outer = chart.getBoundingClientRect();"
        " return [...chart.querySelectorAll('text')].filter((text) => {"
        "  const box = text.getBoundingClientRect();"
        "  return box.width && (box.left < outer.left - 1 || box.right > outer.right + 1"
        "   || box.top < outer.top - 1 || box.bottom > outer.bottom + 1); })"
        "  .map((text) => text.textContent); })"
    )
    assert outside == []


def test_pointing_at_a_field_says_page_level_turn_tokens_and_why(
    open_report: Any, long_report: Path
) -> None:
    opened = open_report(long_report)
    # A field in the band of pointers, behind the diagonal.
    opened.page.evaluate(
        "Plotly.relayout('map', {'xaxis.range': [999.5, 1029.5], 'yaxis.range': [1969.5, 1909.5]})"
    )
    opened.point_at(0.5, 0.6)
    said = opened.inspected()
    assert "read exchange page-19" in said
    assert "pointer\n" in said
    assert "100 of 400 tokens" in said
    assert "before that full" in said
    assert "the budget was spent on pages worth more per token" in said
    assert "Turn 1,01" in said
    assert "of 32,000 tokens used" in said


def test_a_fault_is_marked_and_told(open_report: Any, report: Path) -> None:
    opened = open_report(report)
    opened.page.select_option("#which", label="sliding-window at 60: by hand")
    opened.until("document.getElementById('map').data[1].x.length === 1")
    x, y = opened.page.evaluate(
        "(() => { const map = document.getElementById('map'), [, mark] = map.data;"
        " const { xaxis, yaxis } = map._fullLayout;"
        " return [xaxis._offset + xaxis.d2p(mark.x[0]), yaxis._offset + yaxis.d2p(mark.y[0])]; })()"
    )
    box = opened.box()
    opened.page.mouse.move(box["x"] + x - 3, box["y"] + y)
    opened.page.mouse.move(box["x"] + x, box["y"] + y)
    assert "repeats it with the same result" in opened.inspected()


def test_a_turn_without_a_prompt_is_marked(look_at: Any, long_report: Path) -> None:
    page = look_at(long_report).page
    marked = page.evaluate(
        "document.getElementById('map').data.find((each) => each.marker?.symbol === 'x-thin').x"
    )
    assert marked == [8]
    assert "no prompt" in page.inner_text("#legend")


def test_another_session_can_be_chosen(open_report: Any, report: Path) -> None:
    opened = open_report(report)
    turns = opened.ranges()[0][1]
    opened.page.select_option("#which", label=f"clawvm at 120: {HOSTILE}")
    opened.until(f"document.getElementById('map').layout.xaxis.range[1] < {turns}")
    opened.point_at(0.5, 0.4)
    assert opened.inspected()
    assert opened.complaints == []


def test_the_arrow_keys_go_from_field_to_field(open_report: Any, report: Path) -> None:
    page = open_report(report).page
    page.focus("#map")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#inspector h3")
    assert "Turn 2:" in page.inner_text("#inspector")
    assert page.evaluate("document.getElementById('map').data[2].x") == [2]
    page.keyboard.press("ArrowLeft")
    assert "Turn 1:" in page.inner_text("#inspector")


def test_a_chart_answers_the_mouse(open_report: Any, report: Path) -> None:
    opened = open_report(report)
    dot = opened.page.locator("#billed .chart .points path").first
    dot.scroll_into_view_if_needed()
    dot.hover(force=True)
    opened.page.wait_for_selector("#billed .hoverlayer text")
    assert "clawvm" in opened.page.text_content("#billed .hoverlayer")


def test_a_tap_on_a_phone_answers(open_report: Any, report: Path) -> None:
    opened = open_report(report, PHONE)
    box = opened.box()
    opened.page.touchscreen.tap(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    assert "Turn" in opened.inspected()
    assert opened.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


class TestTwoThousandTurns:
    def test_the_document_stays_small(self, look_at: Any, long_report: Path) -> None:
        opened = look_at(long_report)
        assert opened.page.evaluate("document.querySelectorAll('*').length") < NODES_MAX
        assert opened.complaints == []

    def test_what_is_drawn_is_no_finer_than_a_screen(self, look_at: Any, long_report: Path) -> None:
        rows, columns = look_at(long_report).page.evaluate(
            "(({ z }) => [z.length, z[0].length])(document.getElementById('map').data[0])"
        )
        assert (rows, columns) == (308, 400)  # of 13 pages and 5 turns each
        assert rows * 13 >= PAGES
        assert columns * 5 == TURNS

    def test_each_move_of_the_mouse_is_answered(self, open_report: Any, long_report: Path) -> None:
        opened = open_report(long_report)
        opened.page.evaluate(
            "window.answers = 0;"
            "document.getElementById('map').on('plotly_hover', () => (window.answers += 1))"
        )
        said = set()
        for place in range(10):
            opened.point_at(0.5 + place / 30, 0.5)
            opened.until(f"window.answers > {place}")
            said.add(opened.inspected().splitlines()[-1])
        assert len(said) == 10

    def test_zooming_in_shows_single_pages(self, open_report: Any, long_report: Path) -> None:
        opened = open_report(long_report)
        opened.point_at(0.5, 0.5)
        assert "This field stands for 13 pages and 5 turns" in opened.inspected()
        for _ in range(5):
            opened.page.click("#zoom-in")
        opened.point_at(0.5, 0.5)
        assert "This field stands for" not in opened.inspected()
        opened.page.click("#zoom-all")
        assert opened.ranges() == [[0.5, TURNS + 0.5], [PAGES - 0.5, -0.5]]

    def test_dragging_zooms_and_a_double_click_shows_all(
        self, open_report: Any, long_report: Path
    ) -> None:
        opened = open_report(long_report)
        mouse, box = opened.page.mouse, opened.box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 90, y + 90, steps=6)
        mouse.up()
        opened.until("document.getElementById('map').data[0].dx === 1")
        (left, right), _ = opened.ranges()
        assert 0.5 < left < right < TURNS
        mouse.dblclick(x, y)
        opened.until("document.getElementById('map').data[0].dx === 5")
        assert opened.ranges()[0] == [0.5, TURNS + 0.5]


class TestColourSchemes:
    BACKGROUNDS = (
        "[getComputedStyle(document.body).backgroundColor,"
        " ...[...document.querySelectorAll('.chart')].map((chart) =>"
        "  getComputedStyle(chart.querySelector('.main-svg')).backgroundColor)]"
    )

    @pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
    def test_the_page_and_every_chart_have_the_same(
        self, look_at: Any, report: Path, scheme: str, is_dark: bool
    ) -> None:
        found = look_at(report, scheme=scheme).page.evaluate(self.BACKGROUNDS)
        assert len(found) == 20
        assert {brightness(colour) < 128 for colour in found} == {is_dark}

    def test_a_change_is_followed_at_once(self, open_report: Any, report: Path) -> None:
        opened = open_report(report)
        opened.page.emulate_media(color_scheme="dark")
        opened.until(
            "document.querySelector('#map').layout.paper_bgcolor =="
            " getComputedStyle(document.documentElement).getPropertyValue('--card').trim()"
        )
        assert all(brightness(colour) < 128 for colour in opened.page.evaluate(self.BACKGROUNDS))

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_texts_stand_out_from_what_is_behind_them(
        self, look_at: Any, report: Path, scheme: str
    ) -> None:
        colours = look_at(report, scheme=scheme).page.evaluate(
            "(() => { const probe = document.body.appendChild(document.createElement('i'));"
            " return Object.fromEntries(['page', 'card', 'ink', 'muted', 'accent', 'fault']"
            " .map((name) => { probe.style.color = `var(--${name})`;"
            "  return [name, getComputedStyle(probe).color]; })); })()"
        )
        for text in ("ink", "muted", "accent", "fault"):
            for ground in ("page", "card"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def test_hostile_names_run_nothing(look_at: Any, report: Path) -> None:
    opened = look_at(report)
    assert opened.page.title() == "ClawVM report"
    assert HOSTILE in opened.page.text_content("#which")
    assert HOSTILE[:17] in opened.page.text_content("#tier2 details")
    assert opened.complaints == []


def parts(colour: str) -> list[int]:
    """Red, green and blue of ``rgb(r, g, b)``."""
    return [int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]


def brightness(colour: str) -> float:
    return sum(parts(colour)) / 3


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2 (1 to 21)."""

    def luminance(colour: str) -> float:
        linear = [
            part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4
            for part in parts(colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
