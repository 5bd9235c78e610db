"""Availability: a span counts when one text that the prompt shows holds all of it."""

import pytest

from clawvm.replay.availability import AGE_BUCKETS, Availability, SpanTotals, age_bucket
from clawvm.replay.blocks import Block
from clawvm.replay.spans import Span, measured_spans

SENTENCE = "The heating in the study stays below nineteen degrees at night."
PAGE = f"House rules\n{SENTENCE}\nNo music after ten."


@pytest.fixture
def session() -> list[Block]:
    """Two pages that hold a sentence, and a model that quotes it a request later."""
    return [
        Block(0, 0, "in", "result", PAGE),
        Block(1, 0, "in", "result", f"copy: {SENTENCE}"),
        Block(2, 0, "out", "text", "Read.", leaves=("Read.",), path_leaves=(False,)),
        Block(3, 1, "in", "user", "What about the study?"),
        Block(4, 1, "out", "text", SENTENCE, leaves=(SENTENCE,), path_leaves=(False,)),
    ]


def totals(session: list[Block], shown: dict[int, str]) -> SpanTotals:
    availability = Availability(measured_spans(session), session)
    reduced = [text for index, text in shown.items() if text != session[index].text]
    for request in range(2):
        availability.observe(request, shown.get, lambda: reduced)
    return availability.totals


def test_a_page_shown_whole_makes_its_spans_available(session: list[Block]) -> None:
    assert totals(session, {0: session[0].text}) == SpanTotals(1, 1, 0)


def test_any_one_source_is_enough(session: list[Block]) -> None:
    assert totals(session, {0: "[cleared]", 1: session[1].text}) == SpanTotals(1, 1, 0)


def test_a_reduced_form_counts_when_it_holds_the_whole_span(session: list[Block]) -> None:
    assert totals(session, {0: f"[...] {SENTENCE} [...]"}) == SpanTotals(1, 1, 0)


def test_a_form_that_lost_part_of_the_span_is_one_recall_away(session: list[Block]) -> None:
    assert totals(session, {0: SENTENCE[:-1], 1: SENTENCE[1:]}) == SpanTotals(1, 0, 1)


def test_a_page_of_which_nothing_is_shown_is_neither(session: list[Block]) -> None:
    assert totals(session, {}) == SpanTotals(1, 0, 0)
    assert totals(session, {0: ""}) == SpanTotals(1, 0, 0)


def test_a_reduced_form_of_another_page_counts_when_it_quotes_the_whole_span(
    session: list[Block],
) -> None:
    assert totals(session, {0: "[cleared]", 3: f"pointer: {SENTENCE}"}) == SpanTotals(1, 1, 0)


def test_something_shown_of_a_page_that_is_no_source_is_no_recall_away(
    session: list[Block],
) -> None:
    assert totals(session, {3: "[cleared]"}) == SpanTotals(1, 0, 0)


def test_a_request_without_a_prompt_leaves_its_spans_unavailable(session: list[Block]) -> None:
    availability = Availability(measured_spans(session), session)
    availability.observe(0, lambda index: session[index].text)
    assert availability.totals == SpanTotals(1, 0, 0)


def test_a_request_counts_once(session: list[Block]) -> None:
    availability = Availability(measured_spans(session), session)
    for _ in range(2):
        availability.observe(1, lambda index: session[index].text)
    assert availability.totals == SpanTotals(1, 1, 0)


def test_a_session_without_spans_has_no_share() -> None:
    assert SpanTotals(0, 0, 0).share is None
    assert SpanTotals(4, 3, 1).share == 0.75


def test_what_is_neither_available_nor_one_recall_away_is_gone() -> None:
    assert SpanTotals(7, 3, 2).counts() == {
        "spans": 7,
        "available": 3,
        "one_recall_away": 2,
        "gone": 2,
    }


def test_the_newest_source_that_is_shown_is_the_one_that_was_used(session: list[Block]) -> None:
    """Blocks 0 and 1 both hold the sentence that request 1 quotes."""

    def used(*shown: int) -> list[int]:
        availability = Availability(measured_spans(session), session)
        return availability.observe(1, lambda i: session[i].text if i in shown else None)

    assert used(0, 1) == [1]
    assert used(0) == [0]
    assert used() == []


def test_a_quotation_that_only_another_page_s_form_holds_uses_no_source(
    session: list[Block],
) -> None:
    availability = Availability(measured_spans(session), session)
    assert availability.observe(1, lambda _: None, lambda: [f"pointer: {SENTENCE}"]) == []
    assert availability.totals == SpanTotals(1, 1, 0)


def span(request: int, source: int, age: int = 0) -> Span:
    return Span(request, 9, 0, 0, "quoted", (source,), age)


def test_spans_are_told_by_group() -> None:
    """Of block 0 one span was in the prompt and one came too early; of block 1 a part was shown."""
    blocks = [Block(0, 0, "in", "result", "quoted"), Block(1, 0, "in", "user", "quoted")]
    availability = Availability([span(1, 0), span(1, 1), span(2, 0)], blocks)
    availability.observe(1, {0: blocks[0].text, 1: "quo"}.get)
    assert availability.by_kind() == {"result": SpanTotals(2, 1, 0), "user": SpanTotals(1, 0, 1)}
    assert availability.by(lambda span: f"request {span.request}") == {
        "request 1": SpanTotals(2, 1, 1),
        "request 2": SpanTotals(1, 0, 0),
    }


@pytest.mark.parametrize(
    ("characters", "bucket"),
    [
        (0, "0-8k"),
        (31_999, "0-8k"),
        (32_000, "8-16k"),
        (64_000, "16-32k"),
        (128_000, "32-64k"),
        (255_999, "32-64k"),
        (256_000, "64k+"),
        (10_000_000, "64k+"),
    ],
)
def test_an_age_is_a_fourth_of_the_characters_behind(characters: int, bucket: str) -> None:
    """A bucket of 8k tokens begins at 8,000 x 4 = 32,000 characters."""
    assert age_bucket(span(1, 0, characters)) == bucket
    by_age = Availability([span(1, 0, characters)], []).by_age()
    assert {name: totals.spans for name, totals in by_age.items()} == {
        name: int(name == bucket) for name in AGE_BUCKETS
    }
