"""The two scales: the paper's abstract tokens, and what real prompts cost."""

from __future__ import annotations

from dataclasses import dataclass

from ...pages import PageType
from .draws import Draws
from .script import Tokens, ladder

__all__ = ["ABSTRACT", "REAL", "SCALES", "Scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How big and how long workloads are.

    Parameters
    ----------
    name : str
        In the names of workloads.
    budgets : tuple of int
        Budgets that are swept, in tokens.
    turns : int
        Turns of a workload.
    evidence : int
        Pages of evidence that exist at its end.
    pointer : int
        Tokens of a pointer.
    full : dict of PageType to (int, int)
        Least and most tokens of a full page of each type.
    """

    name: str
    budgets: tuple[int, ...]
    turns: int
    evidence: int
    pointer: int
    full: dict[PageType, tuple[int, int]]

    def tokens(self, draws: Draws, page_type: PageType) -> Tokens:
        """Draw the size of a page, and return what its levels cost."""
        return ladder(page_type, draws.skewed(*self.full[page_type]), self.pointer)


# Sizes as small against the budgets as the paper's: at 120 tokens the floor of any turn fits and
# little else does, at 500 almost everything.
ABSTRACT = Scale(
    name="abstract",
    budgets=(120, 180, 240, 300, 380, 500),
    turns=48,
    evidence=18,
    pointer=2,
    full={
        PageType.BOOTSTRAP: (18, 24),
        PageType.CONSTRAINT: (6, 9),
        PageType.PLAN: (12, 18),
        PageType.PREFERENCE: (6, 10),
        PageType.EVIDENCE: (16, 32),
        PageType.CONVERSATION: (6, 12),
    },
)

# As in recorded sessions of coding agents: results of a few hundred to a few thousand tokens, texts
# of the model around 150, a hundred to two hundred requests.
REAL = Scale(
    name="real",
    budgets=(8_000, 16_000, 32_000, 64_000, 128_000),
    turns=160,
    evidence=110,
    pointer=40,
    full={
        PageType.BOOTSTRAP: (700, 1_200),
        PageType.CONSTRAINT: (60, 140),
        PageType.PLAN: (150, 500),
        PageType.PREFERENCE: (60, 160),
        PageType.EVIDENCE: (250, 3_000),
        PageType.CONVERSATION: (60, 400),
    },
)

SCALES = {scale.name: scale for scale in (ABSTRACT, REAL)}
