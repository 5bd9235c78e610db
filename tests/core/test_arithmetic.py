"""Integer logarithm, power and hull against plain mathematics."""

from __future__ import annotations

import math
import random
from decimal import Decimal, getcontext
from itertools import pairwise

import pytest

from clawvm._reference.arithmetic import MAX_SCORE, log2q, score, turn_heat
from clawvm._reference.frontier import densities
from clawvm._reference.layout import MISSING_LEVEL, NO_STEP

UNIT = 1 << 20


def test_log2q_is_exact_at_powers_of_two():
    assert [log2q(1 << power) for power in range(32)] == [power * UNIT for power in range(32)]


def test_log2q_is_low_by_less_than_the_margin_of_the_bound_assumes():
    rng = random.Random(1)
    numbers = [*range(1, 2000), *(rng.getrandbits(rng.randint(1, 32)) | 1 for _ in range(5000))]
    errors = [math.log2(x) * UNIT - log2q(x) for x in numbers]
    assert min(errors) > -1e-5
    assert max(errors) < 1.002


def test_log2q_never_falls():
    logs = [log2q(x) for x in range(1, 20_000)]
    assert all(before <= after for before, after in pairwise(logs))


def test_score_is_the_power_of_two_cut_down_by_at_most_what_the_bound_assumes():
    getcontext().prec = 50
    rng = random.Random(2)
    for _ in range(2000):
        exponent = rng.randrange(64 * UNIT)
        exact = Decimal(2) ** (Decimal(exponent) / UNIT)
        found = score(exponent - 40 * UNIT, 0)
        assert exact * (1 - Decimal(2) ** -26) - 1 < found <= exact


def test_score_never_falls_as_heat_rises():
    for start in (0, 40 * UNIT - 3000, 63 * UNIT - 3000):
        scores = [score(heat, 40 * UNIT) for heat in range(start, start + 6000)]
        assert all(before <= after for before, after in pairwise(scores))


def test_score_has_ends():
    assert score(0, 40 * UNIT) == 1
    assert score(0, 40 * UNIT + 1) == 0
    assert score(24 * UNIT, 0) == MAX_SCORE


def test_a_half_life_is_one_unit_of_heat():
    assert turn_heat(64, 32) == 2 * UNIT
    assert turn_heat((1 << 32) - 1, 1) == ((1 << 32) - 1) * UNIT


@pytest.mark.parametrize(
    ("tokens", "quality", "ends"),
    [
        ((10, 30, 60, 100), (150, 400, 800, 1000), (1, 3, 4)),
        ((10, 30, 60, 100), (400, 600, 800, 1000), (1, 2, 3, 4)),
        ((25, 50, 75, 100), (250, 500, 750, 1000), (4,)),
        ((10, MISSING_LEVEL, 60, 100), (900, 0, 100, 1000), (1, 4)),
    ],
)
def test_the_frontier_keeps_the_levels_that_no_mix_of_others_beats(tokens, quality, ends):
    steps = densities(tokens, quality, 0, 1000)
    assert tuple(level for level in range(1, 5) if steps[level - 1] != NO_STEP) == ends


def test_the_frontier_leaves_out_what_the_room_cannot_hold():
    assert densities((10, 30, 60, 100), (1, 2, 300, 1000), 0, 99)[3] == NO_STEP
    assert densities((10, 30, 60, 100), (1, 2, 300, 1000), 1, 90)[3] != NO_STEP


def test_densities_fall_along_a_frontier_even_where_rounding_would_not_let_them():
    rng = random.Random(3)
    closest = 1 << 30
    for _ in range(3000):
        size = rng.choice((1000, 1 << 20, 1 << 28))
        tokens = sorted(rng.sample(range(1, size), 4))
        quality = [max(1, min(1000, round(1000 * count / tokens[3]))) for count in tokens]
        steps = [density for density in densities(tokens, quality, 0, size) if density != NO_STEP]
        gaps = [before - after for before, after in pairwise(steps)]
        assert all(gap >= 1 for gap in gaps)
        closest = min([closest, *gaps])
    assert closest < 20
