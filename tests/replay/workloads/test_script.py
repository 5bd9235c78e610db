"""Writing workloads down, and what is refused."""

from __future__ import annotations

import pytest

from clawvm.errors import PageInvalid
from clawvm.pages import Fidelity, PageType, Pin
from clawvm.replay.workloads.model import Demand
from clawvm.replay.workloads.script import Script, ladder


def test_what_is_not_said_is_as_the_type_has_it() -> None:
    script = Script()
    script.page("must", PageType.CONSTRAINT, (2, 6, None, 9))

    (page,) = script.pages

    assert (page.pin, page.floor, page.utility) == (Pin.HARD, Fidelity.STRUCTURED, 7)


def test_a_page_demanded_twice_in_a_turn_is_demanded_at_the_higher_level() -> None:
    script = Script()
    script.page("log", PageType.EVIDENCE, (2, 4, 9, 20))
    script.turn([Demand("log", Fidelity.FULL), Demand("log", Fidelity.POINTER)], puts=["log"])

    workload = script.build("one", "test", 0)

    assert workload.turns[0].demands == (Demand("log", Fidelity.FULL),)


def test_pages_are_sorted_by_id() -> None:
    script = Script()
    for name in ("b", "c", "a"):
        script.page(name, PageType.EVIDENCE, (2, 4, 9, 20))
    assert [page.id for page in script.build("one", "test", 0).pages] == ["a", "b", "c"]


@pytest.mark.parametrize("tokens", [(2, 2, None, 9), (5, 4, None, 9), (2, 4, None, None)])
def test_tokens_that_do_not_rise_to_the_full_text_are_refused(
    tokens: tuple[int | None, int | None, int | None, int | None],
) -> None:
    with pytest.raises(PageInvalid, match="page 'log' of a workload"):
        Script().page("log", PageType.EVIDENCE, tokens)


def test_a_second_page_of_the_same_id_is_refused() -> None:
    script = Script()
    script.page("log", PageType.EVIDENCE, (2, 4, 9, 20))
    with pytest.raises(PageInvalid, match="a new id"):
        script.page("log", PageType.EVIDENCE, (2, 4, 9, 20))


def test_a_demand_before_the_page_is_put_is_refused() -> None:
    script = Script()
    script.page("log", PageType.EVIDENCE, (2, 4, 9, 20))
    script.turn([Demand("log", Fidelity.FULL)])
    with pytest.raises(PageInvalid, match="turn 0: pages log are used before"):
        script.build("one", "test", 0)


def test_a_ladder_has_the_levels_of_its_type_and_a_pointer() -> None:
    assert ladder(PageType.EVIDENCE, 40, 2) == (2, 8, 18, 40)
    assert ladder(PageType.BOOTSTRAP, 40, 2) == (2, 24, None, 40)


def test_a_level_that_saves_nothing_is_left_out() -> None:
    assert ladder(PageType.EVIDENCE, 3, 2) == (2, None, None, 3)
    assert ladder(PageType.EVIDENCE, 2, 2) == (None, None, None, 2)
