"""The solvers behind the bounds, imported when one is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...errors import ExtraMissing

if TYPE_CHECKING:
    from ortools.linear_solver.python import model_builder
    from ortools.sat.python import cp_model

__all__ = ["integer_solver", "linear_solver"]

# In the solver's own unit of work, which is about a second and the same on every machine.
_WORK_MAX = 20.0


def integer_solver() -> tuple[cp_model.CpModel, cp_model.CpSolver]:
    """Return an empty model and CP-SAT, set up to answer alike in every run.

    Raises
    ------
    ExtraMissing
        Without OR-tools.
    """
    with _extra():
        from ortools.sat.python import cp_model
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = _WORK_MAX
    return cp_model.CpModel(), solver


def linear_solver() -> tuple[model_builder.Model, model_builder.Solver]:
    """Return an empty linear program and Glop, OR-tools' simplex.

    Raises
    ------
    ExtraMissing
        Without OR-tools.
    """
    with _extra():
        from ortools.linear_solver.python import model_builder
    model = model_builder.Model()  # type: ignore[no-untyped-call]
    return model, model_builder.Solver("GLOP")


@contextmanager
def _extra() -> Iterator[None]:
    """Say which extra is missing where an import fails."""
    try:
        yield
    except ImportError:
        raise ExtraMissing("a bound that no policy can beat", "ortools", "eval") from None
