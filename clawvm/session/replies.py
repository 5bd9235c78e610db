"""Replies of the two SDKs, or plain messages, read as one message each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import MessageInvalid

__all__ = ["message_of"]


def message_of(reply: object) -> dict[str, Any]:
    """Return the assistant message that a reply carries.

    Parameters
    ----------
    reply : object
        A message dict; a whole response as a dict (``choices`` of OpenAI's chat API; ``role`` and
        ``content`` of Anthropic's); or an SDK object of either kind (anything with ``model_dump``).

    Returns
    -------
    dict
        A new dict with ``role`` and ``content`` and, where there are any, ``tool_calls``.

    Raises
    ------
    MessageInvalid
        When no assistant message can be found in it.
    """
    dump = getattr(reply, "model_dump", None)
    data = dump(exclude_none=True) if callable(dump) else reply
    if not isinstance(data, Mapping):
        raise MessageInvalid(
            f"a reply is a message dict or an SDK response, found {type(reply).__name__}"
        )
    choices = data.get("choices")
    if isinstance(choices, list):
        if not choices or not isinstance(choices[0], Mapping) or "message" not in choices[0]:
            raise MessageInvalid("the response has no choices[0].message; nothing was answered")
        return message_of(choices[0]["message"])
    if data.get("type") == "message":
        # The envelope of Anthropic's response (id, usage, stop_reason...) is no part of a message.
        return {"role": "assistant", "content": data.get("content", [])}
    message = dict(data)
    message.setdefault("role", "assistant")
    if message["role"] != "assistant":
        raise MessageInvalid(f"a reply has role 'assistant', found {message['role']!r}")
    if "content" not in message and message.get("tool_calls"):
        message["content"] = None
    return message
