"""Session: one agent's memory, and `fit` for those who want one call."""

from .exchange import Entry
from .fit import fit
from .prompt import Prompt, ToolCall
from .recall import Recall, RecallOutcome
from .session import Session

__all__ = ["Entry", "Prompt", "Recall", "RecallOutcome", "Session", "ToolCall", "fit"]
