"""What a synthetic workload is made of: pages with a price for each level, and turns.

A workload has no texts: its pages are what a policy decides by (sizes, utilities, pins), its turns
what the policy is judged by (which page is needed when, what changes, where context is destroyed).
"""

from __future__ import annotations

from dataclasses import dataclass

from ...pages import Fidelity, PageType, Pin
from ...session import BoundaryKind

__all__ = ["Demand", "PageSpec", "Turn", "Workload"]


@dataclass(frozen=True, slots=True)
class PageSpec:
    """A page of a synthetic workload.

    Parameters
    ----------
    id : str
        Unique in its workload.
    type : PageType
        Which of the six.
    pin : Pin
        How strongly it holds its floor.
    floor : Fidelity
        The least level that satisfies its invariant.
    tokens : tuple of (int or None)
        What it costs as pointer, structured, compressed and full; None where there is no such form.
    utility : int
        Base utility of the full page, >= 0, in arbitrary units.
    recompute : int
        What it takes to make it again, >= 0, in arbitrary units.
    """

    id: str
    type: PageType
    pin: Pin
    floor: Fidelity
    tokens: tuple[int | None, int | None, int | None, int | None]
    utility: int
    recompute: int


@dataclass(frozen=True, slots=True)
class Demand:
    """A page that a turn needs.

    Parameters
    ----------
    page_id : str
        Which page.
    level : Fidelity
        The least level that this turn needs.
    signature : str, optional
        A tool call whose result the page is; a repetition if the page was there before.
    """

    page_id: str
    level: Fidelity
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a workload.

    Parameters
    ----------
    boundary : BoundaryKind, optional
        Fires before the turn.
    puts : tuple of str
        Ids of pages that appear, or change (become dirty), in this turn.
    demands : tuple of Demand
        What the turn needs.
    """

    boundary: BoundaryKind | None = None
    puts: tuple[str, ...] = ()
    demands: tuple[Demand, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """A sequence of turns over a set of pages.

    Parameters
    ----------
    name : str
        Unique among all workloads.
    family : str
        What kind it is of.
    seed : int
        What it was made from.
    pages : tuple of PageSpec
        Sorted by id.
    turns : tuple of Turn
        In order.
    """

    name: str
    family: str
    seed: int
    pages: tuple[PageSpec, ...]
    turns: tuple[Turn, ...]
