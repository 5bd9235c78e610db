"""Images and documents, as the blocks of an Anthropic message."""

from __future__ import annotations

from typing import Any

__all__ = ["media_block"]

_TYPES = {"image/": "image", "application/pdf": "document"}


def media_block(mime: object, data: object) -> dict[str, Any] | None:
    """Return the content block of a file, or None for one that a message cannot hold.

    Parameters
    ----------
    mime : str
        Its type; images and PDF are possible.
    data : str
        Its bytes in base64, bare or as a ``data:`` address.
    """
    if not isinstance(mime, str) or not isinstance(data, str):
        return None
    head, comma, rest = data.partition(",")
    if head.startswith("data:"):
        data = rest
    elif comma or ":" in head:
        return None  # an address of something that the recording does not hold
    for prefix, kind in _TYPES.items():
        if mime.startswith(prefix) and data:
            source = {"type": "base64", "media_type": mime, "data": data}
            return {"type": kind, "source": source}
    return None
