"""Repairing a history that a service would refuse, or refusing it ourselves.

Sessions do get poisoned: a crash between a call and its result, two histories glued together, a
cut in the wrong place. From then on every request fails, for ever. A repair makes the history
valid again, loses no text that the model has seen, and says what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, Literal

from ..errors import MessageInvalid
from . import repair_anthropic, repair_openai
from .findings import Finding, RepairReport
from .pairing import pairs
from .parts import Envelope, Message, Shape, invalid
from .shapes import detect_shape, parse, parse_all

__all__ = ["repair"]

_Tidy = Callable[[Envelope, int], tuple[Message | None, list[Finding]]]
_FINDINGS_SHOWN = 50


def repair(
    messages: Sequence[Any],
    shape: Shape | None = None,
    mode: Literal["repair", "refuse"] = "repair",
    *,
    open_calls: bool = False,
    taken: Collection[str] = (),
) -> tuple[list[Message], RepairReport]:
    """Make a history valid, with a report; or refuse it with every finding.

    A call without a result gets an error result. A result without a call, or a second one, becomes
    a user text that names it. A result in the wrong place is moved right behind its call. An id
    that is used twice, or is no id, is replaced. What a service refuses as empty goes. A healthy
    history comes back equal, message objects and all, with an empty report; a repaired one is
    healthy. Linear time; the input is never mutated.

    Parameters
    ----------
    messages : sequence of dict
        The history.
    shape : {"openai", "anthropic"}, optional
        Its format; detected if not given.
    mode : {"repair", "refuse"}
        ``"refuse"``: raise when there is anything to repair.
    open_calls : bool
        Calls of the last assistant message may lack their results: they are about to run.
    taken : collection of str
        Ids of calls that stand before these messages, when they are the rest of a longer history.

    Returns
    -------
    tuple of list and RepairReport
        The valid history and what was done.

    Raises
    ------
    MessageInvalid
        A message cannot be read (in both modes), or, in mode ``"refuse"``, the history is broken:
        it names the first 50 findings with their messages, and how many more there are.
    """
    if mode not in ("repair", "refuse"):
        raise invalid("repair", "mode 'repair' or 'refuse'", repr(mode))
    shape = shape or detect_shape(messages)
    room = repair_openai if shape == "openai" else repair_anthropic
    envelopes, origins, findings = _tidy(parse_all(messages, shape), room.tidy)
    paired = pairs(envelopes, open_calls=open_calls, taken=taken)
    findings += [replace(found, message=origins[found.message]) for found in paired.findings]
    findings.sort(key=lambda finding: finding.message)
    if findings and mode == "refuse":
        raise MessageInvalid(_refusal(findings))
    if not findings:
        return list(messages), RepairReport()
    return room.rebuild(envelopes, paired), RepairReport(findings)


def _tidy(
    envelopes: Sequence[Envelope], tidy: _Tidy
) -> tuple[list[Envelope], list[int], list[Finding]]:
    """Clean each message by itself; answer what is left, where it came from, and the findings."""
    kept: list[Envelope] = []
    origins: list[int] = []
    findings: list[Finding] = []
    for index, envelope in enumerate(envelopes):
        message, found = tidy(envelope, index)
        findings += found
        if message is not None:
            same = message is envelope.message
            kept.append(envelope if same else parse(message, envelope.shape, index))
            origins.append(index)
    return kept, origins, findings


def _refusal(findings: Sequence[Finding]) -> str:
    shown = [f"message {found.message}: {found.problem}" for found in findings[:_FINDINGS_SHOWN]]
    if len(findings) > _FINDINGS_SHOWN:
        shown.append(f"and {len(findings) - _FINDINGS_SHOWN} more")
    return (
        "expected a history that a service accepts, found "
        + "; ".join(shown)
        + "; repair it with mode='repair'"
    )
