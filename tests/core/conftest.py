"""Both back ends under one fixture, and short ways to fill a page table."""

from __future__ import annotations

import importlib
import os
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

LADDER = (10, 30, 60, 100)
QUALITY = (150, 400, 800, 1000)


def load(name: str) -> ModuleType:
    """Import a back end; skip where the compiled one was not asked for, fail where it was."""
    if name == "reference":
        return importlib.import_module("clawvm._reference")
    if os.environ.get("CLAWVM_NO_EXTENSIONS", "") not in ("", "0"):
        if os.environ.get("CLAWVM_REQUIRE_EXTENSION", "") not in ("", "0"):
            pytest.fail("CLAWVM_REQUIRE_EXTENSION and CLAWVM_NO_EXTENSIONS are both set")
        pytest.skip("CLAWVM_NO_EXTENSIONS is set: the compiled core is not tested")
    return importlib.import_module("clawvm._core")


@pytest.fixture(params=["compiled", "reference"])
def core(request: pytest.FixtureRequest) -> ModuleType:
    """One back end."""
    return load(request.param)


@pytest.fixture
def backends() -> tuple[ModuleType, ModuleType]:
    """Both back ends, the compiled one first."""
    return load("compiled"), load("reference")


@pytest.fixture
def table(core: ModuleType) -> Any:
    """An empty page table."""
    return core.PageTable()


@pytest.fixture(scope="session")
def put() -> Callable[..., int]:
    """``put(table, page_id, tokens, quality, weight, ...)`` with a default for everything else."""

    def call(
        table: Any,
        page_id: str,
        tokens: Any = LADDER,
        quality: Any = QUALITY,
        weight: Any = 1,
        **fields: Any,
    ) -> int:
        plain = {"page_type": 4, "pin": 0, "floor": 1, "digest": bytes(16), "turn": 0}
        slot: int = table.put(page_id, tokens, quality, weight, **(plain | fields))
        return slot

    return call


@pytest.fixture(scope="session")
def random_pages() -> Callable[..., list[dict[str, Any]]]:
    """``random_pages(rng, count)``: arguments of ``put`` for `count` pages of many shapes."""

    def ladder(rng: random.Random, tokens_max: int) -> list[int | None]:
        counts: list[int | None] = [*sorted(rng.sample(range(1, tokens_max + 4), 4))]
        for place in range(3):
            if rng.random() < 0.25:
                counts[place] = None
        return counts

    def quality(rng: random.Random) -> list[int]:
        worth = [rng.randint(1, 1000) for _ in range(3)]
        return [*(sorted(worth) if rng.random() < 0.7 else worth), 1000]

    def call(
        rng: random.Random, count: int, tokens_max: int = 100, weight_max: int = 30
    ) -> list[dict[str, Any]]:
        return [
            {
                "page_id": f"page {number}",
                "tokens": ladder(rng, tokens_max),
                "quality": quality(rng),
                "weight": rng.randint(1, weight_max),
                "page_type": rng.randint(0, 5),
                "pin": rng.choice([0, 0, 0, 0, 1, 2]),
                "floor": rng.randint(0, 4),
                "digest": rng.randbytes(16),
                "turn": rng.randint(0, 100),
            }
            for number in range(count)
        ]

    return call
