"""Which format a history is in, and the way from a message to its parts and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .anthropic import parse_anthropic, render_anthropic
from .arguments import decode_arguments, dump_json
from .openai import parse_openai, render_openai
from .parts import (
    DROP,
    PART_OVERHEAD,
    Envelope,
    Form,
    Message,
    Part,
    PartKind,
    Shape,
    invalid,
    type_of,
)

__all__ = [
    "detect_shape",
    "form_tokens",
    "parse",
    "parse_all",
    "prompt_tokens",
    "render",
    "shape_of",
]

_OPENAI_ROLES = frozenset({"developer", "tool", "function"})
_OPENAI_KEYS = ("tool_calls", "function_call", "refusal", "audio", "tool_call_id")
_OPENAI_BLOCKS = frozenset({"image_url", "input_audio", "file", "refusal"})
_ANTHROPIC_BLOCKS = frozenset(
    {
        "tool_use",
        "tool_result",
        "thinking",
        "redacted_thinking",
        "image",
        "document",
        "search_result",
        "container_upload",
    }
)


def shape_of(message: object) -> Shape | None:
    """Tell which format a single message can only be in; ``None`` if it would do in both."""
    if not isinstance(message, dict):
        return None
    role = message.get("role")
    if (isinstance(role, str) and role in _OPENAI_ROLES) or any(
        message.get(key) is not None for key in _OPENAI_KEYS
    ):
        return "openai"
    content = message.get("content")
    for block in content if isinstance(content, list) else ():
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str):
            continue
        if kind in _OPENAI_BLOCKS:
            return "openai"
        if kind in _ANTHROPIC_BLOCKS or kind.endswith(("_tool_use", "_tool_result")):
            return "anthropic"
    return None


def detect_shape(messages: Iterable[object]) -> Shape:
    """Tell which chat format a history is in.

    Plain texts are the same in both formats; a history of nothing else counts as OpenAI's.

    Raises
    ------
    MessageInvalid
        One message can only be OpenAI's and another only Anthropic's.
    """
    found: Shape | None = None
    first = 0
    for index, message in enumerate(messages):
        shape = shape_of(message)
        if shape is None or shape == found:
            continue
        if found is not None:
            raise invalid(
                f"message {index}",
                f"the {found} format, like message {first}",
                f"the {shape} format",
                "convert the history to one of the two",
            )
        found, first = shape, index
    return found or "openai"


def parse(message: object, shape: Shape, index: int | None = None) -> Envelope:
    """Read one message into its parts; the message is kept, not copied, and never mutated.

    Parameters
    ----------
    message : dict
        A chat message.
    shape : {"openai", "anthropic"}
        Its format.
    index : int, optional
        Its place in the history, for errors.

    Raises
    ------
    MessageInvalid
        Not a dict, no known role, or content of a wrong type; it names index, expected and found.
    """
    where = "the message" if index is None else f"message {index}"
    if shape == "openai":
        return parse_openai(message, where)
    if shape == "anthropic":
        return parse_anthropic(message, where)
    raise invalid(where, "shape 'openai' or 'anthropic'", repr(shape))


def parse_all(messages: Iterable[object], shape: Shape) -> list[Envelope]:
    """Read a whole history; see :func:`parse`."""
    return [parse(message, shape, index) for index, message in enumerate(messages)]


def render(envelope: Envelope, forms: Sequence[Form]) -> Message | None:
    """Write a message with its parts in the given forms.

    Parameters
    ----------
    envelope : Envelope
        What :func:`parse` answered.
    forms : sequence of (None, str or DROP)
        One per part. ``None``: as it was. A string: in its place (for a CALL the new arguments as
        JSON text). :data:`DROP`: left out. It is for the caller to drop a call with its result.

    Returns
    -------
    dict or None
        The original object itself when nothing changes; ``None`` when every part is dropped.
        Otherwise a new dict that shares the untouched nested objects with the original: treat both
        as read-only. Keys keep their order.

    Raises
    ------
    MessageInvalid
        As many forms as parts are needed; a part that is not replaceable got a string; the new
        arguments of an Anthropic call are not a JSON object.
    """
    if len(forms) != len(envelope.parts):
        raise invalid("render", f"{len(envelope.parts)} forms, one per part", len(forms))
    # Most messages are shown whole or not at all; counting is several times faster than all().
    if forms.count(None) == len(forms):
        return envelope.message
    if forms.count(DROP) == len(forms):
        return None
    for part, form in zip(envelope.parts, forms, strict=True):
        if isinstance(form, str) and not part.replaceable:
            raise invalid(
                f"render, part {part.place}", "None or DROP (it cannot be rewritten)", type_of(form)
            )
    if envelope.shape == "openai":
        return render_openai(envelope, forms)
    return render_anthropic(envelope, forms)


def form_tokens(part: Part, form: Form, shape: Shape, count: Callable[[str], int]) -> int:
    """Count what a part costs in a form: text, extra tokens and :data:`PART_OVERHEAD`.

    The sum over the parts of a history is what :func:`prompt_tokens` counts for the rendered one
    (never less: see there).
    """
    if form is DROP:
        return 0
    if form is None:
        return count(part.text) + part.extra_tokens + PART_OVERHEAD
    if part.kind is PartKind.CALL:
        # Anthropic's input is an object: the white space of the given JSON text does not survive.
        same = shape == "openai"
        text = form if same else dump_json(decode_arguments(form), f"call of {part.name!r}")
        return count(f"{part.name} {text}") + PART_OVERHEAD
    return count(form) + PART_OVERHEAD


def prompt_tokens(messages: Iterable[object], shape: Shape, count: Callable[[str], int]) -> int:
    """Count a rendered prompt: over all parts, text + extra tokens + :data:`PART_OVERHEAD`.

    This is the definition of the cost of a prompt everywhere in ClawVM, computed from the messages
    alone. Fields that no part stands for (names, ids, unknown keys) are in the overhead.

    Parameters
    ----------
    messages : iterable of dict
        The prompt.
    shape : {"openai", "anthropic"}
        Its format.
    count : callable
        Tokens of a text.

    Raises
    ------
    MessageInvalid
        A message cannot be read.
    """
    return sum(
        form_tokens(part, None, shape, count)
        for index, message in enumerate(messages)
        for part in parse(message, shape, index).parts
    )
