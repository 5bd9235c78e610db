"""Recorded sessions in, numbers out."""

from .results import ReplayResult
from .runner import Recording, replay

__all__ = ["Recording", "ReplayResult", "replay"]
