"""What an import read, left out and mended, in counts with the lines where it happened."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ImportReport", "Tally"]

_LINES_SHOWN = 5


@dataclass(slots=True)
class Tally:
    """How often something happened, and the first five lines where it did."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count one more, at `line`."""
        self.count += 1
        if len(self.lines) < _LINES_SHOWN and line not in self.lines:
            self.lines.append(line)

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.lines) else ""
        word = "line" if self.count == 1 else "lines"
        return f"{self.count} ({word} {', '.join(map(str, self.lines))}{more})"


@dataclass(slots=True)
class ImportReport:
    """The account of one imported session.

    Parameters
    ----------
    lines : int
        Lines (or entries of a list) that were read.
    events : int
        Events that they gave.
    ignored : dict
        Left out as the format means it: records that are not part of the prompt. Reason to `Tally`.
    damaged : dict
        Left out because they cannot be read or make no sense. Reason to `Tally`.
    mended : dict
        Kept after a repair. Reason to `Tally`.
    """

    lines: int = 0
    events: int = 0
    ignored: dict[str, Tally] = field(default_factory=dict)
    damaged: dict[str, Tally] = field(default_factory=dict)
    mended: dict[str, Tally] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was damaged or mended."""
        return not self.damaged and not self.mended

    @property
    def skipped(self) -> dict[str, int]:
        """Reason to count, of what was left out for either cause."""
        both = (*self.ignored.items(), *self.damaged.items())
        return {reason: tally.count for reason, tally in both}

    def __str__(self) -> str:
        parts = [f"{self.lines} lines read, {self.events} events"]
        for word, tallies in (
            ("damaged", self.damaged),
            ("mended", self.mended),
            ("ignored", self.ignored),
        ):
            parts += [f"  {word}: {reason}: {tally}" for reason, tally in tallies.items()]
        return "\n".join(parts)
