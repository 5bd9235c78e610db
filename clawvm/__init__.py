"""ClawVM: virtual memory for LLM agents that use tools and keep state."""

from ._backend import backend
from ._version import __version__
from .errors import BudgetInfeasible, ClawVMError
from .faults import Fault, FaultKind
from .pages import Fidelity, Page, PageType, Pin, Provenance, Scope
from .residency import Plan
from .session import (
    BoundaryKind,
    Prompt,
    Recall,
    RecallOutcome,
    Session,
    ToolCall,
    commit_on_signals,
    file_source,
    fit,
)

__all__ = [
    "BoundaryKind",
    "BudgetInfeasible",
    "ClawVMError",
    "Fault",
    "FaultKind",
    "Fidelity",
    "Page",
    "PageType",
    "Pin",
    "Plan",
    "Prompt",
    "Provenance",
    "Recall",
    "RecallOutcome",
    "Scope",
    "Session",
    "ToolCall",
    "__version__",
    "backend",
    "commit_on_signals",
    "file_source",
    "fit",
]
