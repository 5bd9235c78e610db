"""Pages and views made by hand."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from clawvm.pages import RULES, Fidelity, Page, PageForm, PageType, Pin, Provenance
from clawvm.residency import View


def load(name: str) -> ModuleType:
    """Import a back end; skip where the compiled one was not asked for."""
    if name == "reference":
        return importlib.import_module("clawvm._reference")
    if os.environ.get("CLAWVM_NO_EXTENSIONS", "") not in ("", "0"):
        pytest.skip("CLAWVM_NO_EXTENSIONS is set: the compiled core is not tested")
    return importlib.import_module("clawvm._core")


@pytest.fixture(params=["compiled", "reference"])
def core(request: pytest.FixtureRequest) -> ModuleType:
    """One back end."""
    return load(request.param)


@pytest.fixture(scope="session")
def make_page() -> Callable[..., Page]:
    """``make_page(id, {level: tokens}, ...)``: a page of one part with that ladder."""

    def call(
        page_id: str,
        tokens: Mapping[Fidelity, int],
        page_type: PageType = PageType.EVIDENCE,
        *,
        pin: Pin | None = None,
        floor: Fidelity | None = None,
        cost: int = 0,
        weight: int = 100,
    ) -> Page:
        rules = RULES[page_type]
        ladder = {
            level: PageForm((None,), (count,), 250 * level) for level, count in tokens.items()
        }
        return Page(
            id=page_id,
            type=page_type,
            provenance=Provenance("test", page_id),
            scope=rules.scope,
            pin=rules.pin if pin is None else pin,
            floor=rules.floor if floor is None else floor,
            texts=(page_id,),
            ladder=ladder,
            weight=weight,
            recompute_cost=cost,
        )

    return call


def view_of(core: ModuleType, pages: list[Page], budget: int, **fields: Any) -> View:
    """Put the pages into a new page table."""
    table = core.PageTable()
    levels = list(Fidelity)[1:]
    for page in pages:
        ladder = page.ladder
        page.slot = table.put(
            page.id,
            [ladder[level].tokens if level in ladder else None for level in levels],
            [ladder[level].quality if level in ladder else 1 for level in levels],
            page.weight,
            page_type=page.type,
            pin=page.pin,
            floor=page.floor,
            digest=bytes(16),
            turn=0,
        )
    by_slot = {page.slot: page for page in pages}
    plain = {
        "turn": 1,
        "fresh": list(by_slot),
        "tail": [],
        "demands": {},
        "pinned": {slot: page for slot, page in by_slot.items() if page.pin is Pin.HARD},
    }
    return View(table=table, pages=by_slot, budget=budget, **(plain | fields))


@pytest.fixture
def make_view(core: ModuleType) -> Callable[..., View]:
    """``make_view(pages, budget, ...)``: a view of those pages in a new page table."""
    return partial(view_of, core)


@pytest.fixture
def on_both() -> Callable[[Callable[[Callable[..., View]], Any]], list[Any]]:
    """``on_both(run)``: what `run` answers, given the `make_view` of each back end in turn."""
    makers = [partial(view_of, load(name)) for name in ("compiled", "reference")]
    return lambda run: [run(make_view) for make_view in makers]
