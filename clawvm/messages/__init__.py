"""Chat formats (OpenAI, Anthropic) and parts: reading, writing, pairing, repairing, counting.

Knows formats; knows no sessions and no budgets. Content is never interpreted: a text that looks
like a handle or a marker of ours is a text.
"""

from .arguments import decode_arguments, dump_json, shorten_arguments, signature, size_marker
from .findings import Finding, FindingKind, RepairReport
from .pairing import Pairs, Place, pairs
from .parts import DROP, PART_OVERHEAD, Drop, Envelope, Form, Message, Part, PartKind, Shape
from .repair import repair
from .shapes import (
    detect_shape,
    form_tokens,
    parse,
    parse_all,
    prompt_tokens,
    render,
    shape_of,
)

__all__ = [
    "DROP",
    "PART_OVERHEAD",
    "Drop",
    "Envelope",
    "Finding",
    "FindingKind",
    "Form",
    "Message",
    "Pairs",
    "Part",
    "PartKind",
    "Place",
    "RepairReport",
    "Shape",
    "decode_arguments",
    "detect_shape",
    "dump_json",
    "form_tokens",
    "pairs",
    "parse",
    "parse_all",
    "prompt_tokens",
    "render",
    "repair",
    "shape_of",
    "shorten_arguments",
    "signature",
    "size_marker",
]
