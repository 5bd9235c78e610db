"""The judgement: a pure function of two measurements."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

__all__ = ["LIMIT", "Counts", "Finding", "Kind", "judge"]

Counts = dict[str, int]
"""Instructions by the name of a workload."""

Kind = Literal["same", "dearer", "added", "removed"]

LIMIT = Fraction(103, 100)
"""The most that head may need of what base needs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one workload.

    Parameters
    ----------
    name : str
        The workload.
    base, head : int or None
        Instructions in each revision; None where it has no such workload.
    kind : {"same", "dearer", "added", "removed"}
        ``same`` is within the limit, or below.
    is_allowed : bool
        Whether a commit between the two says that this is meant.
    """

    name: str
    base: int | None
    head: int | None
    kind: Kind
    is_allowed: bool = False

    @property
    def passes(self) -> bool:
        """Whether the gate lets this through."""
        return self.kind == "same" or self.is_allowed

    @property
    def ratio(self) -> float | None:
        """Head over base; None where one of them is missing."""
        return self.head / self.base if self.head and self.base else None


def judge(base: Counts, head: Counts, allowed: Set[str] = frozenset()) -> list[Finding]:
    """Compare two measurements, workload by workload, sorted by name.

    Parameters
    ----------
    base, head : dict of str to int
        Instructions by workload, above 0.
    allowed : set of str
        Workloads that are meant to become dearer, appear or go.
    """
    return [
        Finding(
            name,
            base.get(name),
            head.get(name),
            kind(base.get(name), head.get(name)),
            name in allowed,
        )
        for name in sorted(base.keys() | head.keys())
    ]


def kind(base: int | None, head: int | None) -> Kind:
    """Say what became of a workload."""
    if base is None:
        return "added"
    if head is None:
        return "removed"
    return "dearer" if head > LIMIT * base else "same"
