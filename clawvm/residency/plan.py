"""What a policy is given, what it answers, and the plan that a caller reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..pages import LEVELS, Fidelity, Page

if TYPE_CHECKING:
    from .._backend import core

__all__ = ["Decision", "Move", "Plan", "View", "apply_levels", "last_turn"]


class Move(NamedTuple):
    """A page that changed level."""

    page_id: str
    old: Fidelity
    new: Fidelity


@dataclass(slots=True)
class View:
    """What a policy sees when a prompt is to be assembled.

    Parameters
    ----------
    table : PageTable
        The page table; the policy sets levels there.
    pages : mapping of int to Page
        The live pages by slot.
    pinned : mapping of int to Page
        Those of them with a hard pin.
    budget : int
        Most that the prompt may cost, in tokens.
    turn : int
        The session's turn, from 1.
    fresh : sequence of int
        Slots of the pages put or changed since the last plan, oldest first.
    tail : sequence of int
        Slots of what the model wrote last and of what arrived since, oldest first.
    demands : mapping of int to Fidelity
        The least level that a page must have in this prompt.
    compacting : bool
        Whether the harness asked for a compaction since the last plan.
    """

    table: core.PageTable
    pages: Mapping[int, Page]
    pinned: Mapping[int, Page]
    budget: int
    turn: int
    fresh: Sequence[int]
    tail: Sequence[int]
    demands: Mapping[int, Fidelity]
    compacting: bool = False


@dataclass(slots=True)
class Decision:
    """What a policy decided.

    Parameters
    ----------
    moves : list of (slot, old level, new level)
        Every page whose level differs from that of the last plan, in slot order.
    used_tokens, floor_tokens : int
        What the prompt costs, and what its floor does.
    epoch : bool
        Whether pages were demoted to make room.
    value, bound : int or None
        Value of the selection and an upper bound on that of any selection; None where nothing was
        selected.
    proven : bool or None
        Whether no selection has more value; None where that was not asked.
    required : sequence of int
        Slots of the floor, dearest first; only when it does not fit.
    feasible : bool
        Whether the floor fitted; if not, no page has moved.
    """

    moves: list[tuple[int, int, int]]
    used_tokens: int
    floor_tokens: int = 0
    epoch: bool = False
    value: int | None = None
    bound: int | None = None
    proven: bool | None = None
    required: Sequence[int] = ()
    feasible: bool = True


class Plan:
    """What was decided for one prompt; nobody changes it.

    Parameters
    ----------
    policy : str
        Name of the policy that decided.
    turn : int
        The session's turn, from 1.
    budget_tokens, used_tokens, floor_tokens : int
        The budget, what the prompt costs, and what its floor costs (0 when nothing was selected).
    moves : sequence of (page id, old level, new level)
        Pages that changed level since the last plan; an attribute as a tuple of `Move`.
    epoch : bool
        Whether pages were demoted to make room.
    prefix_tokens_kept : int
        Tokens of the last prompt up to the first message that differs now.
    value, bound : int or None
        Value of the selection, and an upper bound on that of any selection within the same budget
        and floor; None when nothing was selected in this turn.
    proven : bool or None
        Whether no selection within the budget and floor has more value; None where the policy was
        not asked to prove it, or nothing was selected.
    missing_tokens : int
        How much the floor is over the budget; above 0 only in a report of infeasibility.
    required : tuple of str
        The pages of a floor that does not fit, dearest first.
    """

    FIELDS = (
        *("policy", "turn", "budget_tokens", "used_tokens", "floor_tokens", "moves", "epoch"),
        *("prefix_tokens_kept", "value", "bound", "missing_tokens", "required", "proven"),
    )

    __slots__ = (*(name for name in FIELDS if name != "moves"), "_moves", "changes")

    def __init__(
        self,
        policy: str,
        turn: int,
        budget_tokens: int,
        used_tokens: int,
        floor_tokens: int,
        moves: Sequence[tuple[str, int, int]],
        epoch: bool,
        prefix_tokens_kept: int,
        value: int | None = None,
        bound: int | None = None,
        missing_tokens: int = 0,
        required: tuple[str, ...] = (),
        proven: bool | None = None,
    ) -> None:
        self.policy = policy
        self.turn = turn
        self.budget_tokens = budget_tokens
        self.used_tokens = used_tokens
        self.floor_tokens = floor_tokens
        # As they came: a turn does not wait for objects that nobody may look at.
        self.changes = moves
        self._moves: tuple[Move, ...] | None = None
        self.epoch = epoch
        self.prefix_tokens_kept = prefix_tokens_kept
        self.value = value
        self.bound = bound
        self.missing_tokens = missing_tokens
        self.required = required
        self.proven = proven

    @property
    def moves(self) -> tuple[Move, ...]:
        """The pages that changed level since the last plan."""
        if self._moves is None:
            self._moves = tuple(
                [Move(page_id, LEVELS[old], LEVELS[new]) for page_id, old, new in self.changes]
            )
        return self._moves

    @property
    def feasible(self) -> bool:
        """Whether the floor fitted the budget."""
        return self.missing_tokens == 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Plan):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.FIELDS)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.FIELDS)
        return f"Plan({shown})"


def last_turn(table: core.PageTable, slot: int) -> int:
    """Return the turn at which a page was last touched."""
    turn = table.record(slot)["last_turn"]
    assert isinstance(turn, int)
    return turn


def apply_levels(view: View, levels: Mapping[int, Fidelity]) -> Decision:
    """Give every live page its level of `levels`, ``NONE`` where it has none, and tell what moved.

    For policies that decide all pages anew; ``epoch`` tells whether any of them was demoted.
    """
    moves = []
    demoted = False
    for slot in sorted(view.pages):
        new = levels.get(slot, Fidelity.NONE)
        old = view.table.level(slot)
        if old != new:
            view.table.set_level(slot, new)
            moves.append((slot, old, int(new)))
            demoted = demoted or new < old
    return Decision(moves, view.table.used_tokens, epoch=demoted)
