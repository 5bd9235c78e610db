"""What the gate raises where it cannot judge."""

__all__ = ["GateError"]


class GateError(Exception):
    """A revision could not be checked out, built or measured."""
