"""What the gate watches, figure by figure, and how far each may go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

from ...errors import BaselineInvalid
from ...faults import FaultKind
from ..results import ReplayResult

__all__ = ["AVAILABLE", "Tolerance", "allowed", "check_tolerances", "figures_of", "is_named"]

Tolerance = int | str
"""A whole number, or a share of the baseline like ``"3%"``."""

AVAILABLE = "spans.available"
"""The only figure of which more is better."""

# A change of policy that costs nothing a user sees moves these a little.
_TOLERANCES: Mapping[str, Tolerance] = {"work": "3%"}
# Where an id is looked for follows its hash, which is another one in every process.
_UNSTEADY = ("probes",)
_PERCENT = re.compile(r"(\d{1,4}(?:\.\d{1,6})?)%")


def figures_of(result: ReplayResult) -> dict[str, int]:
    """Return the watched figures of a replay, sorted by name.

    Tokens billed are in thousandths of an uncached input token, all others are counts. Of the
    faults those that a policy can do something about: the alert is none.
    """
    figures = {f"faults.{kind}": result.faults[kind] for kind in FaultKind}
    del figures[f"faults.{FaultKind.DUPLICATE_SIGNATURE}"]
    figures |= {
        f"billed.{provider}": bill.billed_millitokens for provider, bill in result.bills.items()
    }
    figures["turns.over-budget"] = result.turns_over_budget
    figures["turns.infeasible"] = result.turns_infeasible
    figures[AVAILABLE] = result.spans.available
    figures |= {
        f"work.{name}": count for name, count in result.work.items() if name not in _UNSTEADY
    }
    return dict(sorted(figures.items()))


def allowed(figure: str, recorded: int, tolerances: Mapping[str, Tolerance]) -> int:
    """Return the worst value that a figure may have, rounded to the strict side.

    Parameters
    ----------
    figure : str
        A name like ``"work.steps"``; its group is what stands before the dot.
    recorded : int
        The baseline's value.
    tolerances : mapping
        By figure or group; the figure's own goes first. Of neither: 3 % for work, else 0.
    """
    group = figure.partition(".")[0]
    own = tolerances.get(figure, tolerances.get(group, _TOLERANCES.get(group, 0)))
    room = own if isinstance(own, int) else int(recorded * _fraction(own))
    return recorded - room if figure == AVAILABLE else recorded + room


def check_tolerances(tolerances: Mapping[str, Tolerance], figures: Iterable[str]) -> None:
    """Refuse a tolerance that cannot be read, or that is for no figure.

    Raises
    ------
    BaselineInvalid
        Naming the tolerance.
    """
    names = sorted(figures)
    for name, tolerance in sorted(tolerances.items()):
        fits = tolerance >= 0 if isinstance(tolerance, int) else _PERCENT.fullmatch(tolerance)
        if not fits:
            raise BaselineInvalid(
                f"tolerance of {name!r}: expected a whole number of at least 0, or a share of the "
                f'baseline like "3%"; found {tolerance!r}'
            )
        if not is_named(name, names):
            raise BaselineInvalid(
                f"tolerance of {name!r}: no figure and no group of figures is called so; there are "
                f"{', '.join(names)}"
            )


def is_named(name: str, figures: Iterable[str]) -> bool:
    """Return whether a name is that of a figure, or of the group of one."""
    return any(name in (figure, figure.partition(".")[0]) for figure in figures)


def _fraction(percent: str) -> Fraction:
    return Fraction(percent.removesuffix("%")) / 100
