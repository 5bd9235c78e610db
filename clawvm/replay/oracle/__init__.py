"""What no policy can beat: the optimum of each turn, and bounds over whole sessions."""

from .availability import AvailabilityBound, availability_bound
from .billing import billed_bound
from .ground import Ground, Option, grounds
from .turn import GapSummary, GapWatch, TurnGap, gap_summary, optimum, turn_gaps

__all__ = [
    "AvailabilityBound",
    "GapSummary",
    "GapWatch",
    "Ground",
    "Option",
    "TurnGap",
    "availability_bound",
    "billed_bound",
    "gap_summary",
    "grounds",
    "optimum",
    "turn_gaps",
]
