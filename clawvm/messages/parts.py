"""Parts and envelopes: one view of a chat message, whatever the format it came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, Literal

from ..errors import MessageInvalid

__all__ = [
    "DROP",
    "PART_OVERHEAD",
    "WHOLE",
    "Drop",
    "Envelope",
    "Form",
    "Message",
    "Part",
    "PartKind",
    "Shape",
]

Message = dict[str, Any]
Shape = Literal["openai", "anthropic"]

PART_OVERHEAD: Final = 4
"""Tokens that every part costs beside its text, for role, delimiters and ids; by definition."""

WHOLE: Final = -1
"""The index of a part that is the whole value of its field, not one element of a list."""


class PartKind(StrEnum):
    """What a part is to a memory: text, a tool call, a tool result, or something kept as it is."""

    TEXT = "text"
    CALL = "call"
    RESULT = "result"
    OPAQUE = "opaque"


class Drop(Enum):
    """The type of :data:`DROP`."""

    DROP = "drop"


DROP: Final = Drop.DROP
"""The form of a part that is left out of the rendered message."""

Form = str | Drop | None
"""How a part is rendered: ``None`` as it was, a string in its place, or :data:`DROP`."""


@dataclass(slots=True)
class Part:
    """One block of one message.

    Parameters
    ----------
    kind : PartKind
        What it is.
    text : str
        What a token counter counts. TEXT: the text. CALL: name, a space, the arguments as JSON.
        RESULT: its text blocks, one per line. OPAQUE: its readable text, or ``""``.
    place : tuple of str and int
        The field of the message it stands in and its index there (:data:`WHOLE`: the whole field).
    call_id : str or None
        CALL, RESULT: the id as a string, ``None`` if there is none. OPAQUE: the id of a call that
        the provider ran itself, which its answer in the same message carries too.
    id_sound : bool
        False if the original id is missing, empty or not a string.
    name : str or None
        The tool's name, where the message tells it.
    arguments : Mapping, str or None
        CALL only: the decoded JSON object, or the text itself when it is not a JSON object.
    is_error : bool
        RESULT only: the result is marked as an error.
    extra_tokens : int
        Estimated tokens of what has no text (images, audio, documents).
    marked : bool
        It carries a prompt cache mark (``cache_control``).
    replaceable : bool
        A text may take its place. False for signed thinking and for calls that the provider ran.
    """

    kind: PartKind
    text: str
    place: tuple[str, int] = ("content", WHOLE)
    call_id: str | None = None
    id_sound: bool = True
    name: str | None = None
    arguments: Mapping[str, Any] | str | None = None
    is_error: bool = False
    extra_tokens: int = 0
    marked: bool = False
    replaceable: bool = True


@dataclass(slots=True)
class Envelope:
    """One message and its parts, in the order in which the model reads them; at least one part.

    Parameters
    ----------
    role : str
        The role as in the original.
    parts : list of Part
        Never empty: a message without content has one TEXT part with an empty text.
    message : dict
        The original, never mutated.
    shape : {"openai", "anthropic"}
        Its format.
    """

    role: str
    parts: list[Part]
    message: Message
    shape: Shape


def invalid(where: str, expected: str, found: object, advice: str = "") -> MessageInvalid:
    """Build the error for something that cannot be read at `where`."""
    tail = f"; {advice}" if advice else ""
    return MessageInvalid(f"{where}: expected {expected}, found {found}{tail}")


def type_of(value: object) -> str:
    """Name the type of a value for an error message."""
    return "None" if value is None else type(value).__name__


def require_role(message: object, roles: Sequence[str], where: str) -> tuple[Message, str]:
    """Check that `message` is a dict with one of `roles`; answer both.

    Raises
    ------
    MessageInvalid
        Not a dict, no role, or an unknown one.
    """
    if not isinstance(message, dict):
        raise invalid(
            where, "a dict", type_of(message), "convert an SDK object with its model_dump()"
        )
    known = ", ".join(roles)
    if "role" not in message:
        raise invalid(where, f"a role ({known})", "none")
    role = message["role"]
    if not isinstance(role, str) or role not in roles:
        raise invalid(where, f"a role ({known})", repr(role)[:80])
    return message, role


def require_block(block: object, where: str) -> tuple[dict[str, Any], str]:
    """Check that `block` is a dict with a type; answer both.

    Raises
    ------
    MessageInvalid
        Not a dict, or its ``type`` is not a string.
    """
    if not isinstance(block, dict):
        raise invalid(
            where, "a dict", type_of(block), "convert an SDK object with its model_dump()"
        )
    kind = block.get("type")
    if not isinstance(kind, str):
        raise invalid(where, "a block with a string 'type'", type_of(kind))
    return block, kind


def require_text(owner: Mapping[str, Any], key: str, where: str) -> str:
    """Answer the string ``owner[key]``.

    Raises
    ------
    MessageInvalid
        Missing, or not a string.
    """
    value = owner.get(key)
    if not isinstance(value, str):
        found = type_of(value) if key in owner else "nothing"
        raise invalid(where, f"a string as '{key}'", found)
    return value


def normal_id(raw: object) -> tuple[str | None, bool]:
    """Answer a call id as a string and whether the original was a proper one.

    A whole number still pairs calls with results, so it is kept as its digits.
    """
    if isinstance(raw, str) and raw:
        return raw, True
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw), False
    return None, False
