"""Session: one agent's memory, and `fit` for those who want one call."""

from .exchange import Entry
from .fit import fit
from .prompt import Prompt, ToolCall
from .session import Session

__all__ = ["Entry", "Prompt", "Session", "ToolCall", "fit"]
