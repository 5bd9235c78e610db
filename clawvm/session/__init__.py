"""Session: one agent's memory, and `fit` for those who want one call."""

from .boundaries import BoundaryKind, BoundaryReport, Coverage
from .exchange import Entry
from .exits import commit_on_signals
from .fit import fit
from .prompt import Prompt, ToolCall
from .recall import Recall, RecallOutcome
from .recall_tool import RECALL_TOOL
from .reuse import SourceCheck, file_source
from .search import Match
from .session import Session

__all__ = [
    "RECALL_TOOL",
    "BoundaryKind",
    "BoundaryReport",
    "Coverage",
    "Entry",
    "Match",
    "Prompt",
    "Recall",
    "RecallOutcome",
    "Session",
    "SourceCheck",
    "ToolCall",
    "commit_on_signals",
    "file_source",
    "fit",
]
