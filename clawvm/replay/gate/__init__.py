"""The gate: whether recorded sessions fare worse than a baseline says.

Every figure is a whole number that the same code gives again, so the gate is never flaky.
`docs/gate.md` is for its users.
"""

from .baseline import Baseline, MadeWith, SessionRecord, read_baseline, write_baseline
from .judge import Change, Verdict, judge
from .run import run_gate
from .show import as_text, show

__all__ = [
    "Baseline",
    "Change",
    "MadeWith",
    "SessionRecord",
    "Verdict",
    "as_text",
    "judge",
    "read_baseline",
    "run_gate",
    "show",
    "write_baseline",
]
