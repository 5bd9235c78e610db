"""What a page is worth by kind and size."""

from __future__ import annotations

import pytest

from clawvm.residency import PageKind, outdated_weight, page_weight, superseded_weight

LENGTHS = [0, 1, 10, 199, 200, 400, 1_000, 5_000, 12_800, 12_801, 10**6, 10**9]


@pytest.mark.parametrize("kind", PageKind)
def test_a_weight_is_within_the_limits_of_the_page_table(kind):
    assert all(1 <= page_weight(kind, length) <= 1 << 24 for length in LENGTHS)


@pytest.mark.parametrize("kind", PageKind)
def test_a_longer_text_is_never_worth_less(kind):
    weights = [page_weight(kind, length) for length in range(0, 14_000, 7)]
    assert weights == sorted(weights)


@pytest.mark.parametrize("kind", PageKind)
def test_a_longer_text_is_worth_less_a_character(kind):
    assert page_weight(kind, 12_800) * 800 <= page_weight(kind, 800) * 12_800


def test_above_12800_characters_size_does_not_count():
    assert page_weight(PageKind.USER, 12_800) == page_weight(PageKind.USER, 10**6)


def test_under_400_characters_a_text_is_worth_a_third_and_under_200_a_tenth():
    assert page_weight(PageKind.SYSTEM, 399) * 29 // 10 < page_weight(PageKind.SYSTEM, 400)
    assert page_weight(PageKind.SYSTEM, 199) * 32 // 10 < page_weight(PageKind.SYSTEM, 200)


@pytest.mark.parametrize("length", [400, 1_000, 5_000, 12_800])
def test_the_weight_follows_the_power_three_quarters(length):
    exact = PageKind.SYSTEM.worth * length**0.75 * 256 / 64
    assert page_weight(PageKind.SYSTEM, length) == pytest.approx(exact, rel=0.01)


def test_an_own_edit_is_worth_more_than_twice_what_was_read_and_that_twice_a_commands_output():
    kinds = (PageKind.OWN_EDIT, PageKind.READ_RESULT, PageKind.SHELL_RESULT)
    edit, read, output = (page_weight(kind, 2_000) for kind in kinds)
    assert edit > 2 * read > 0
    assert read == pytest.approx(2 * output, rel=0.01)


def test_a_search_is_worth_little_and_a_confirmation_next_to_nothing():
    read, search, done = (
        page_weight(kind, 2_000)
        for kind in (PageKind.READ_RESULT, PageKind.SEARCH_RESULT, PageKind.EDIT_CONFIRMATION)
    )
    assert search < read / 4
    assert done == 1


@pytest.mark.parametrize(("weight", "left"), [(1, 1), (10, 1), (100, 7), (1 << 24, 1174405)])
def test_an_equal_call_leaves_seven_percent(weight, left):
    assert superseded_weight(weight) == left


@pytest.mark.parametrize(("weight", "left"), [(1, 1), (10, 3), (100, 30), (1 << 24, 5033164)])
def test_what_a_later_call_has_changed_keeps_thirty_percent(weight, left):
    assert outdated_weight(weight) == left
