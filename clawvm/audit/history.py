"""A log folded into what can be asked of it: where each page was in each turn, and what changed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import OptionUnknown
from .events import Level, Moved
from .explanation import Explanation, explanation_of
from .reader import Line, LogReader

__all__ = ["Difference", "History", "PageStep", "Turn"]


@dataclass(slots=True)
class Turn:
    """One decided prompt.

    Parameters
    ----------
    turn : int
        Its number.
    policy : str
        The policy that decided; empty when the log does not reach back to where it was named.
    decided : dict
        The fields of its event ``assemble``.
    moves : dict of str to Moved
        Its moves by page.
    put : set of str
        Pages that were put, or got a new content, since the prompt before.
    demands : dict of str to Level
        What was demanded of it.
    """

    turn: int
    policy: str
    decided: dict[str, Any]
    moves: dict[str, Moved]
    put: set[str]
    demands: dict[str, Level]


class PageStep(NamedTuple):
    """Something that happened to a page: before the prompt of `turn`, or in it.

    ``put`` and ``moved`` carry the event's fields; ``archived`` carries nothing.
    """

    turn: int
    kind: str
    put: dict[str, Any] | None = None
    moved: Moved | None = None


@dataclass(frozen=True, slots=True)
class Between:
    """An event that is listed in a difference: its turn and its fields."""

    turn: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from the prompt of one turn to that of a later one.

    Parameters
    ----------
    turn_a, turn_b : int
        The two turns.
    used_tokens : tuple of int
        What the two prompts cost.
    budget_tokens : tuple of int
        What they might have cost.
    epochs : list of int
        Turns after the first, up to the second, in which pages were demoted to make room.
    changed : list of Moved
        Pages at another level: id, levels, tokens at them; largest change of tokens first.
    faults, commits, rejections, boundaries : list of Between
        What happened after the first turn, up to the second.
    """

    turn_a: int
    turn_b: int
    used_tokens: tuple[int, int]
    budget_tokens: tuple[int, int]
    epochs: list[int]
    changed: list[Moved]
    faults: list[Between]
    commits: list[Between]
    rejections: list[Between]
    boundaries: list[Between]

    def to_json(self) -> bytes:
        """One line of JSON, without the newline; keys are only ever added."""
        import msgspec

        return msgspec.json.encode(self)


@dataclass(slots=True)
class History:
    """What a log says of a session's pages, turn by turn.

    Parameters
    ----------
    source : str
        The log's own file.
    session : str
        The session's id, or the source where the log does not reach back to it.
    turns : dict of int to Turn
        The prompts that were decided.
    pages : dict of str to list of PageStep
        What happened to each page, in order.
    faults, commits, rejections, boundaries : list of Between
        These events, in order.
    dropped : int
        Lines that rotation has dropped, of which nothing is known.
    torn_bytes : int
        Length of a torn last line, which was passed over.
    """

    source: str
    session: str = ""
    turns: dict[int, Turn] = field(default_factory=dict)
    pages: dict[str, list[PageStep]] = field(default_factory=dict)
    faults: list[Between] = field(default_factory=list)
    commits: list[Between] = field(default_factory=list)
    rejections: list[Between] = field(default_factory=list)
    boundaries: list[Between] = field(default_factory=list)
    dropped: int = 0
    torn_bytes: int = 0
    _policy: str = ""
    _last: int = 0
    _put: set[str] = field(default_factory=set)
    _demands: dict[str, Level] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> History:
        """Read a log, checking it on the way.

        Raises
        ------
        AuditInvalid
            At the first line that is not as it was written; a torn last line is passed over.
        """
        history = cls(str(path), str(path))
        reader = LogReader(Path(path))
        for line in reader:
            history._take(line)
        history.dropped = reader.first - 1
        history.torn_bytes = reader.torn_bytes
        return history

    def level(self, page_id: str, turn: int) -> Level:
        """Return a page's level in the prompt of a turn; ``none`` for one that was not there."""
        steps = self.pages.get(page_id, [])
        told = [step for step in steps if step.kind != "put"]
        last = next((step for step in reversed(told) if step.turn <= turn), None)
        if last is not None:
            return "none" if last.moved is None else last.moved[2]
        is_new = bool(steps) and steps[0].put is not None and steps[0].put["version"] == 1
        if self.dropped and not is_new and told and told[0].moved is not None:
            # All that is left of a beginning that was dropped is what its next move came from.
            return told[0].moved[1]
        return "none"

    def tokens(self, page_id: str, turn: int) -> int:
        """Return what a page cost in the prompt of a turn."""
        level = self.level(page_id, turn)
        if level == "none":
            return 0
        known = 0
        for step in self.pages[page_id]:
            if step.turn > turn:
                if not known and step.moved is not None:
                    return step.moved[3]
                break
            if step.put is not None:
                known = step.put["tokens"].get(level, known)
            elif step.moved is not None:
                known = step.moved[4]
        return known

    def explain(self, page_id: str, turn: int) -> str:
        """Say at which level a page was in the prompt of a turn, since when, and why.

        Raises
        ------
        OptionUnknown
            When the log has no such turn.
        """
        return str(self.explanation(page_id, turn))

    def explanation(self, page_id: str, turn: int) -> Explanation:
        """Return what `explain` says, with its parts; same errors."""
        self._check_turn(turn)
        faults = [fault for fault in self.faults if fault.fields["page_id"] == page_id]
        steps = self.pages.get(page_id, [])
        return explanation_of(
            page_id,
            self.turns[turn],
            self.level(page_id, turn),
            self.turns,
            steps,
            [fault for fault in faults if fault.turn <= turn],
            dropped=self.dropped,
        )

    def diff(self, turn_a: int, turn_b: int) -> Difference:
        """Tell what changed from one turn's prompt to a later one's.

        Raises
        ------
        OptionUnknown
            When the log has no such turns, or the second is before the first.
        """
        self._check_turn(turn_a)
        self._check_turn(turn_b)
        if turn_a > turn_b:
            raise OptionUnknown(
                f"two turns are given with the earlier first, found {turn_a} and {turn_b}"
            )
        first, second = self.turns[turn_a].decided, self.turns[turn_b].decided
        changed = [
            (page_id, old, new, self.tokens(page_id, turn_a), self.tokens(page_id, turn_b))
            for page_id in self.pages
            if (old := self.level(page_id, turn_a)) != (new := self.level(page_id, turn_b))
        ]
        changed.sort(key=lambda move: (-abs(move[4] - move[3]), move[0]))
        return Difference(
            turn_a,
            turn_b,
            (first["used"], second["used"]),
            (first["budget"], second["budget"]),
            [t for t in sorted(self.turns) if turn_a < t <= turn_b and self._is_epoch(t)],
            changed,
            *(
                [event for event in listed if turn_a < event.turn <= turn_b]
                for listed in (self.faults, self.commits, self.rejections, self.boundaries)
            ),
        )

    def _is_epoch(self, turn: int) -> bool:
        epoch: bool = self.turns[turn].decided["epoch"]
        return epoch

    def _check_turn(self, turn: int) -> None:
        if turn in self.turns:
            return
        known = f"{min(self.turns)} to {max(self.turns)}" if self.turns else "none"
        gone = f" ({self.dropped:,} lines before that were dropped)" if self.dropped else ""
        raise OptionUnknown(f"audit log {self.source} has the turns {known}{gone}, found {turn}")

    # Folding

    def _take(self, line: Line) -> None:
        fields = line.fields
        match line.event:
            case "open":
                self._resume(line.turn)
                self.session, self._policy = fields["session"], fields["policy"]
            case "page":
                self._put.add(fields["page_id"])
                self._step(fields["page_id"], PageStep(self._last + 1, "put", put=fields))
            case "demand":
                self._demands[fields["page_id"]] = fields["level"]
            case "archive":
                self._step(fields["page_id"], PageStep(self._last + 1, "archived"))
            case "assemble":
                self._decide(line)
            case "fault":
                self.faults.append(Between(line.turn, fields))
            case "commit":
                self.commits.append(Between(line.turn, fields))
            case "rejection":
                self.rejections.append(Between(line.turn, fields))
            case "boundary":
                self.boundaries.append(Between(line.turn, fields))
            case _:
                pass  # says nothing of pages and turns

    def _step(self, page_id: str, step: PageStep) -> None:
        self.pages.setdefault(page_id, []).append(step)

    def _decide(self, line: Line) -> None:
        moves = {move[0]: move for move in line.fields["moves"]}
        self.turns[line.turn] = Turn(
            line.turn, self._policy, line.fields, moves, self._put, self._demands
        )
        for page_id, moved in moves.items():
            self._step(page_id, PageStep(line.turn, "moved", moved=moved))
        self._last = line.turn
        self._put, self._demands = set(), {}

    def _resume(self, turn: int) -> None:
        """Forget the turns that a resumed session does not remember: they were not committed.

        Pages that were put for the turn after the one it remembers may have been.
        """
        if self._last > turn:
            self.turns = {number: kept for number, kept in self.turns.items() if number <= turn}
            for page_id, steps in self.pages.items():
                self.pages[page_id] = [
                    step for step in steps if step.turn <= turn + (step.kind != "moved")
                ]
        self._last = turn
        self._demands = {}
