"""What was decided and why: utilities, policies, plans, explanations."""

from .floor import required_levels, unmet_floor
from .paper import PaperPolicy
from .plan import Decision, Move, Plan, View, apply_levels, last_turn
from .policy import ClawVMPolicy, Policy, StatefulPolicy, policy_named
from .utility import PageKind, outdated_weight, page_weight, superseded_weight

__all__ = [
    "ClawVMPolicy",
    "Decision",
    "Move",
    "PageKind",
    "PaperPolicy",
    "Plan",
    "Policy",
    "StatefulPolicy",
    "View",
    "apply_levels",
    "last_turn",
    "outdated_weight",
    "page_weight",
    "policy_named",
    "required_levels",
    "superseded_weight",
    "unmet_floor",
]
