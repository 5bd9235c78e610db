"""The ``clawvm`` command."""

from .app import main

__all__ = ["main"]
