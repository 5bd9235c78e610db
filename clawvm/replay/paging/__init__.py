"""Running a policy over a synthetic workload, page by page, and counting what went wrong."""

from .contenders import ABLATIONS, CONTENDERS, PAPER_POLICIES, Contender, Mechanisms, contender
from .result import PagingResult
from .simulator import simulate

__all__ = [
    "ABLATIONS",
    "CONTENDERS",
    "PAPER_POLICIES",
    "Contender",
    "Mechanisms",
    "PagingResult",
    "contender",
    "simulate",
]
