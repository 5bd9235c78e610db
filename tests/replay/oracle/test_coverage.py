"""The bound on span availability: by hand, and each request's choices against every choice."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

import pytest
from hand_traces import Words, call, result, said, trace, user, words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clawvm.errors import ExtraMissing
from clawvm.pages import Fidelity
from clawvm.replay import Recording
from clawvm.replay.oracle import Option, availability_bound, coverage, grounds
from clawvm.replay.oracle.coverage import least_tokens, most_covered

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


@pytest.fixture(params=[0, 2_000], ids=["by the solver", "by enumeration"])
def _either_way(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coverage, "_ENUMERATED_MAX", request.param)
        yield


@pytest.mark.usefixtures("_either_way")
class TestChoices:
    @given(options_of_few_pages, st.integers(-1, 25))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_none_shows_more_and_one_shows_as_many(self, options: list[Option], room: int) -> None:
        shown = [spans for tokens, spans in choices(options) if tokens <= room]
        assert most_covered(options, room) == (max(shown, default=0), True)

    @given(options_of_few_pages, st.integers(-1, 25))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_none_shows_so_many_for_less_and_one_does_for_as_much(
        self, options: list[Option], room: int
    ) -> None:
        fitting = [choice for choice in choices(options) if choice[0] <= room]
        most = max((shown for _, shown in fitting), default=-1)
        assert least_tokens(options, room) == [
            min(tokens for tokens, shown in fitting if shown >= count) for count in range(most + 1)
        ]


def many_options() -> list[Option]:
    """Twelve pages and more spans than can be enumerated; each costs 5, any eight fit in 40."""
    return [
        Option(f"page {number}", Fidelity.FULL, 5, (number, number + 12)) for number in range(12)
    ]


def test_what_is_too_much_to_enumerate_is_solved() -> None:
    assert most_covered(many_options(), 40) == (16, True)
    assert least_tokens(many_options(), 40) == [0, *(5 * (count // 2 + 1) for count in range(16))]


def test_without_the_solver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python", None)
    with pytest.raises(ExtraMissing, match=r"needs ortools.*pip install 'clawvm\[eval\]'"):
        most_covered(many_options(), 40)


def test_what_can_be_enumerated_needs_no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python", None)
    assert bound(TWO_TEXTS, 15 + 34) == (2, 1, 1)
