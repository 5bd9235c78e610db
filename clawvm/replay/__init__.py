"""Recorded sessions in, numbers out."""

from .runner import Recording, ReplayResult, replay

__all__ = ["Recording", "ReplayResult", "replay"]
