"""The bound on span availability: by hand, and each request's choices against every choice."""

from __future__ import annotations

import itertools
import sys

import pytest
from hand_traces import Words, call, result, said, trace, user, words
from hypothesis import given
from hypothesis import strategies as st

from clawvm.errors import ExtraMissing
from clawvm.pages import Fidelity
from clawvm.replay import Recording
from clawvm.replay.oracle import Option, availability_bound, grounds
from clawvm.replay.oracle.coverage import fewest_tokens, most_covered

ALPHA, BETA = words(30, "alpha"), words(30, "beta")
# The last reply quotes both texts. Its floor is the pinned "begin" (1 + 4 tokens) and the tail,
# "sure" and "now" (5 each); each text costs 34.
TWO_TEXTS = Recording.of(
    "two texts",
    trace(
        user("begin"),
        said("ok"),
        user(ALPHA),
        said("yes"),
        user(BETA),
        said("sure"),
        user("now"),
        said(f"{ALPHA} and {BETA}"),
    ),
)


def bound(recording: Recording, budget: int) -> tuple[int, int, int]:
    found = availability_bound(grounds(recording, budget, Words()))
    assert found.proven
    return found.spans, found.available, found.whole_pages


@pytest.mark.parametrize(
    ("budget", "available"), [(15 + 33, 0), (15 + 34, 1), (15 + 67, 1), (15 + 68, 2)]
)
def test_what_fits_beside_the_floor_can_be_available(budget: int, available: int) -> None:
    assert bound(TWO_TEXTS, budget) == (2, available, available)


def test_where_the_floor_does_not_fit_nothing_can_be() -> None:
    assert bound(TWO_TEXTS, 14)[:2] == (2, 0)


def test_a_reduced_form_that_holds_the_quotation_counts_unless_pages_are_to_be_whole() -> None:
    """The pointer of a result names its command, which the model runs again later."""
    command = "python -m pytest tests/unit --maxfail=1 -q"
    recording = Recording.of(
        "command",
        trace(
            user("begin"),
            call("1", "bash", {"command": command}),
            result("1", words(300)),
            said("done"),
            user("again"),
            call("2", "bash", {"command": command}),
        ),
    )
    assert bound(recording, 100) == (1, 1, 0)
    assert bound(recording, 1_000) == (1, 1, 1)


options_of_few_pages = st.lists(
    st.builds(
        Option,
        st.sampled_from("abcd"),
        st.sampled_from((Fidelity.POINTER, Fidelity.FULL)),
        st.integers(0, 9),
        st.sets(st.integers(0, 5), min_size=1).map(lambda spans: tuple(sorted(spans))),
    ),
    max_size=7,
    unique_by=lambda option: (option.page, option.level),
)


def choices(options: list[Option]) -> list[tuple[int, int]]:
    """Tokens and shown spans of everything that can be taken at once."""
    return [
        (
            sum(option.more_tokens for option in taken),
            len({span for option in taken for span in option.spans}),
        )
        for count in range(len(options) + 1)
        for taken in itertools.combinations(options, count)
        if len({option.page for option in taken}) == count
    ]


@given(options_of_few_pages, st.integers(-1, 25))
def test_no_choice_shows_more_and_one_shows_as_many(options: list[Option], room: int) -> None:
    shown = [spans for tokens, spans in choices(options) if tokens <= room]
    assert most_covered(options, room) == (max(shown, default=0), True)


@given(options_of_few_pages, st.integers(0, 7))
def test_no_choice_shows_so_many_for_less_and_one_does_for_as_much(
    options: list[Option], spans: int
) -> None:
    costs = [tokens for tokens, shown in choices(options) if shown >= spans]
    assert fewest_tokens(options, spans) == min(costs, default=None)


def test_without_the_solver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python", None)
    with pytest.raises(ExtraMissing, match=r"needs ortools.*pip install 'clawvm\[eval\]'"):
        bound(TWO_TEXTS, 15 + 34)


def test_what_fits_whole_needs_no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python", None)
    assert bound(TWO_TEXTS, 1_000) == (2, 2, 2)
