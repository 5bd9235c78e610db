"""Draws: the published generator, and what is made of its bits."""

from __future__ import annotations

from clawvm.replay.workloads.draws import Draws


def test_the_stream_is_splitmix64() -> None:
    # The first outputs for the state 1234567, as every port of the generator is checked by.
    draws = Draws(0)
    draws._state = 1234567

    found = [draws.below(1 << 64) for _ in range(3)]

    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_a_label_makes_a_stream_of_its_own() -> None:
    one, same, other = (
        [draws.below(1000) for _ in range(5)]
        for draws in (Draws(1, "a"), Draws(1, "a"), Draws(1, "b"))
    )
    assert one == same != other


def test_both_ends_are_drawn() -> None:
    draws = Draws(3)
    assert {draws.between(4, 6) for _ in range(100)} == {4, 5, 6}


def test_skewed_sizes_stay_in_range_and_are_mostly_small() -> None:
    draws = Draws(3)

    found = sorted(draws.skewed(250, 3000) for _ in range(1000))

    assert found[0] >= 250
    assert 2000 < found[-1] <= 3000
    assert found[500] < (250 + 3000) // 2


def test_a_chance_of_a_hundred_is_certain_and_of_none_never() -> None:
    draws = Draws(3)
    assert all(draws.chance(100) and not draws.chance(0) for _ in range(50))
