"""What both formats share about content blocks: estimates, cache marks, replacing a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

__all__ = [
    "AUDIO_TOKENS",
    "DOCUMENT_TOKENS",
    "IMAGE_TOKENS",
    "is_marked",
    "lines",
    "replace_block",
    "replace_blocks",
    "text_block",
]

# Media have no text to count, and their true cost is the provider's secret until it bills. These
# are upper estimates for one ordinary item, fixed so that the same prompt always costs the same.
IMAGE_TOKENS: Final = 1_600
AUDIO_TOKENS: Final = 1_000
DOCUMENT_TOKENS: Final = 3_000

_MARKS = ("cache_control", "prompt_cache_breakpoint")


def is_marked(block: dict[str, Any]) -> bool:
    """Tell whether a block carries a prompt cache mark."""
    return any(block.get(mark) is not None for mark in _MARKS)


def text_block(text: str) -> dict[str, Any]:
    """Build a text block; it is the same in both formats."""
    return {"type": "text", "text": text}


def lines(texts: Iterable[str]) -> str:
    """Join the texts of blocks, one per line, without the empty ones."""
    return "\n".join(text for text in texts if text)


def replace_block(block: dict[str, Any], text: str) -> dict[str, Any]:
    """Build the text block that takes the place of `block`: new text, same cache mark.

    Citations go: they quote what the old text said.
    """
    if block.get("type") == "text":
        return {key: value for key, value in block.items() if key != "citations"} | {"text": text}
    return text_block(text) | _marks(block)


def replace_blocks(blocks: Sequence[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Build the list that takes the place of a result's blocks: one text block, no media.

    A cache mark on any of the blocks stays, the last one if there are several.
    """
    base = next((block for block in blocks if block.get("type") == "text"), {"type": "text"})
    new = replace_block(base, text)
    for block in blocks:
        new |= _marks(block)
    return [new]


def _marks(block: dict[str, Any]) -> dict[str, Any]:
    return {mark: block[mark] for mark in _MARKS if block.get(mark) is not None}
