"""A store in this process's memory: equal texts are held once."""

from __future__ import annotations

from .protocol import ContentKey

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keeps contents for as long as the object lives; closing it forgets nothing.

    Safe for use by several threads: each operation is one dictionary operation.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._keys: dict[ContentKey, str] = {}

    def put(self, key: ContentKey, text: str) -> None:
        """Keep `text` under `key`."""
        self._keys[key] = self._texts.setdefault(text, text)

    def get(self, key: ContentKey) -> str | None:
        """Return the text under `key`, or None."""
        return self._keys.get(key)

    def close(self) -> None:
        """Do nothing: memory needs no release."""
