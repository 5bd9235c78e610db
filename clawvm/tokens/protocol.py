"""What a token counter is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["TokenCounter"]


@runtime_checkable
class TokenCounter(Protocol):
    """Anything that counts the tokens of a text.

    Attributes
    ----------
    name : str
        What a report calls it: an encoding's name, ``"approximate"``, or the callable's.
    exact : bool
        False when `count` is an estimate.
    """

    @property
    def name(self) -> str: ...

    @property
    def exact(self) -> bool: ...

    def count(self, text: str) -> int:
        """Tokens of ``text``, special-token text counted as the ordinary text that it is."""
        ...
