"""The rivals choose well, and alike."""

from __future__ import annotations

import random
from itertools import product

import pytest

from bench.rivals import Instance, NumpyArgsort, plain_greedy, steps_of
from bench.tables import LEVEL_QUALITY, page_ladder


def instance(pages, seed=1):
    rng = random.Random(seed)
    made = Instance(budget=0)
    for page in range(pages):
        required = 1 if page % 10 == 0 else 0
        made.put(page, page_ladder(rng), LEVEL_QUALITY, rng.randint(1, 100), page, required)
    made.budget = sum(tokens[3] or 0 for tokens in made.tokens) // 10
    return made


def tokens_of(given, raises):
    return sum(
        given.base_tokens(page) + sum(tokens for _, tokens in steps_of(given, page)[:count])
        for page, count in enumerate(raises)
    )


@pytest.mark.parametrize("pages", [1, 10, 300])
@pytest.mark.parametrize("seed", range(5))
def test_both_choose_the_same_raises_within_the_budget(pages, seed):
    given = instance(pages, seed)
    raises = plain_greedy(given)
    assert NumpyArgsort(given).select().tolist() == raises
    if pages > 1:
        assert 0.5 * given.budget < tokens_of(given, raises) <= given.budget


def test_what_changes_is_taken_over():
    given = instance(50)
    kept = NumpyArgsort(given)
    rng = random.Random(9)
    for page in rng.sample(range(50), 10):
        given.put(page, page_ladder(rng), LEVEL_QUALITY, rng.randint(1, 100), 60, 0)
        kept.update(page)
    assert kept.select().tolist() == plain_greedy(given)


def test_the_raises_of_a_page_are_worth_less_and_less_a_token():
    given = instance(200)
    for page in range(200):
        densities = [density for density, _ in steps_of(given, page)]
        assert densities == sorted(densities, reverse=True)


def test_the_choice_of_a_small_instance_is_the_best_prefix():
    given = Instance(budget=25)
    for page, weight in enumerate((8, 1, 4)):
        given.put(page, [None, None, None, 10], LEVEL_QUALITY, weight, 0, 0)
    best = max(
        (choice for choice in product((0, 1), repeat=3) if tokens_of(given, choice) <= 25),
        key=lambda choice: sum(
            taken * weight for taken, weight in zip(choice, (8, 1, 4), strict=True)
        ),
    )
    assert plain_greedy(given) == list(best) == [1, 0, 1]
