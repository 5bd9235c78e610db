"""Snapshots in files, written so that a file is either the old one or the new one."""

from __future__ import annotations

import os

from .state import Decoded, StateDelta

__all__ = ["load", "load_delta", "save", "save_delta"]


def save(path: str | os.PathLike[str], state: StateDelta) -> bytes:
    """Write a whole state to a file and return its digest; after a crash it is old or new."""
    raise NotImplementedError


def load(path: str | os.PathLike[str]) -> Decoded:
    """Read a file of `save`."""
    raise NotImplementedError


def save_delta(path: str | os.PathLike[str], delta: StateDelta, base: bytes) -> bytes:
    """Write what changed since the state or delta of digest `base`; returns the new digest."""
    raise NotImplementedError


def load_delta(path: str | os.PathLike[str], base: bytes) -> Decoded:
    """Read a file of `save_delta`, which must be one on `base`."""
    raise NotImplementedError
