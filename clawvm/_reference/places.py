"""Where the pages stand, and which of these places look different."""

from __future__ import annotations

from collections.abc import Iterable

from . import validate

__all__ = ["Places"]


class Places:
    """The positions at which pages stand, by slot, and those of them that are stale.

    Thread safety: each public call is atomic; two calls in a row are not.
    """

    def __init__(self) -> None:
        self._positions: dict[int, list[int]] = {}
        self._stale: set[int] = set()

    def add(self, slot: int, position: int) -> None:
        """Note that the page in a slot stands at a position; once is enough.

        Raises
        ------
        PageInvalid
            Here and below, when there can be no such slot or position.
        """
        slot, position = validate.place_slot(slot), validate.position(position, -1)
        positions = self._positions.setdefault(slot, [])
        if position not in positions:
            positions.append(position)

    def of(self, slot: int) -> list[int]:
        """Return the positions at which the page in a slot stands, in the order of `add`."""
        return list(self._positions.get(validate.place_slot(slot), ()))

    def remove(self, slot: int) -> list[int]:
        """Return the positions at which the page in a slot stood; now it stands nowhere."""
        return self._positions.pop(validate.place_slot(slot), [])

    def mark(self, position: int) -> None:
        """Note that what stands at a position looks different."""
        self._stale.add(validate.position(position, -1))

    def touch(self, slots: Iterable[int]) -> None:
        """Note that the pages in these slots look different."""
        for slot in slots:
            self._stale.update(self.of(slot))

    def stale(self) -> list[int]:
        """Return the positions that look different, in order."""
        return sorted(self._stale)

    def settle(self) -> None:
        """Count all of them as shown."""
        self._stale.clear()
