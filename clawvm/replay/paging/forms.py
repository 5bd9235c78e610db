"""Pages of a workload as the page table and the policies see them."""

from __future__ import annotations

from ..._backend import core
from ...pages import RULES, Fidelity, Page, PageForm, PageType, Provenance
from ..workloads import PageSpec

__all__ = ["QUALITY", "WEIGHT_UNIT", "page_of", "put_page"]

QUALITY = {
    Fidelity.POINTER: 150,
    Fidelity.STRUCTURED: 400,
    Fidelity.COMPRESSED: 700,
    Fidelity.FULL: 1000,
}
"""What a level is worth, in thousandths of the full page; a line is worth what it is in a session,
where the rest is one recall away."""

WEIGHT_UNIT = 1000
"""Weight of a page in the page table for each unit of its utility, so that decay loses nothing."""


def page_of(spec: PageSpec, turn: int, *, cheaper_forms: bool) -> Page:
    """Return the page that a workload describes.

    Parameters
    ----------
    spec : PageSpec
        Its description.
    turn : int
        At which it is put.
    cheaper_forms : bool
        Whether it has levels beside its floor and the full text.
    """
    levels = {
        Fidelity(number): cost for number, cost in enumerate(spec.tokens, 1) if cost is not None
    }
    if not cheaper_forms:
        floor = min(level for level in levels if level >= spec.floor)
        levels = {level: levels[level] for level in (floor, Fidelity.FULL)}
    return Page(
        spec.id,
        spec.type,
        Provenance("workload", spec.id, turn),
        RULES[spec.type].scope,
        spec.pin,
        spec.floor,
        (spec.id,),
        {level: PageForm((None,), (cost,), QUALITY[level]) for level, cost in levels.items()},
        max(1, spec.utility * WEIGHT_UNIT),
        recompute_cost=spec.recompute,
        is_tool=spec.type is PageType.EVIDENCE,
        label=f"{spec.type.name.lower()} page",
        request=turn,
    )


def put_page(
    table: core.PageTable, page: Page, turn: int, *, pins: bool = True, version: int = 1
) -> int:
    """Put a page into a page table, and return its slot; `pins` whether its pin goes with it."""
    tokens = [page.ladder[level].tokens if level in page.ladder else None for level in QUALITY]
    return table.put(
        page.id,
        tokens,
        list(QUALITY.values()),
        page.weight,
        page_type=page.type,
        pin=page.pin if pins else 0,
        floor=page.floor,
        digest=version.to_bytes(16, "little"),
        turn=turn,
    )
