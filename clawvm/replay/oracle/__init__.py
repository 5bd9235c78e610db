"""What no policy can beat: the optimum of each turn, and bounds over whole sessions."""

from .turn import GapSummary, GapWatch, TurnGap, gap_summary, optimum, turn_gaps

__all__ = ["GapSummary", "GapWatch", "TurnGap", "gap_summary", "optimum", "turn_gaps"]
