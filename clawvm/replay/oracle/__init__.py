"""What no policy can beat: the optimum of each turn, and bounds over whole sessions."""

from .billing import Price, billed_bound
from .coverage import AvailabilityBound, availability_bound
from .ground import Ground, Option, grounds
from .misses import MissBound, MissRules, least_misses
from .turn import GapSummary, GapWatch, TurnGap, gap_summary, optimum, turn_gaps

__all__ = [
    "AvailabilityBound",
    "GapSummary",
    "GapWatch",
    "Ground",
    "MissBound",
    "MissRules",
    "Option",
    "Price",
    "TurnGap",
    "availability_bound",
    "billed_bound",
    "gap_summary",
    "grounds",
    "least_misses",
    "optimum",
    "turn_gaps",
]
