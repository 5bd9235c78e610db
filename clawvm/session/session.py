"""Session: one agent's memory, and what of it outlives the process (paper, sections 5 and 6)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from ..audit import AuditLog
from ..errors import ClawVMError, OptionUnknown
from ..faults import FaultKind
from ..messages import Shape
from ..pages import PageType, Scope
from ..representations import Builders
from ..residency import Decision, Policy
from ..snapshot import StateDelta
from ..stores import Durability, Store
from ..tokens import TokenCounter
from ..writeback import Journal, OpKind, Principal, Rejection
from .assembler import OnInfeasible
from .boundaries import RESETS, Boundaries, BoundaryKind, BoundaryReport, Coverage, boundary_kind
from .conversation import RepairMode
from .durable import Durable
from .exits import watch
from .memory import Memory
from .prompt import Prompt
from .reuse import SourceCheck
from .saved import SessionParts, restore_parts, whole_of
from .tracing import Tracing

__all__ = ["Session"]
