"""The tool by which a model gets back what its prompt only points to, and what executes it.

The answer of a call is a tool result like any other: it stands at the end of the next prompt, so
that what the provider has cached of the prompt before it stays valid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..messages import Shape
from ..pages import Page, PageType
from .book import PageBook, handle_of
from .prompt import ToolCall
from .recall import Recall
from .search import MATCHES_MAX, search

__all__ = ["RECALL_TOOL", "answer", "definition"]

RECALL_TOOL = "clawvm_recall"
_DESCRIPTION = (
    "Get back the exact text of something that this conversation only points to. Lines that start "
    "with clawvm:// are handles: pass one to read the whole text. Without a handle, pass words to "
    "search everything that was read, said or done before, also what is no longer shown."
)
_TYPES = [page_type.name.lower() for page_type in PageType]
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "handle": {
            "type": "string",
            "description": "A handle, as it stands in the conversation, or a page id.",
        },
        "query": {
            "type": "string",
            "description": "Words that all stand in the text or the id of what is looked for.",
        },
        "type": {
            "type": "string",
            "enum": _TYPES,
            "description": "With query: only pages of this type.",
        },
    },
}


def definition(shape: Shape) -> dict[str, Any]:
    """Return the definition of the recall tool in a format's shape, a new object at each call."""
    schema = {
        **_SCHEMA,
        "properties": {name: dict(field) for name, field in _SCHEMA["properties"].items()},
    }
    if shape == "anthropic":
        return {"name": RECALL_TOOL, "description": _DESCRIPTION, "input_schema": schema}
    function = {"name": RECALL_TOOL, "description": _DESCRIPTION, "parameters": schema}
    return {"type": "function", "function": function}


def answer(call: ToolCall, book: PageBook, recall: Callable[[str], Recall]) -> tuple[str, bool]:
    """Execute a call of the recall tool.

    Parameters
    ----------
    call : ToolCall
        What the model asked for; anything may be in its arguments.
    book : PageBook
        Where a search looks.
    recall : callable
        Looks one handle or page id up, and counts what comes of it.

    Returns
    -------
    text : str
        For the model: the exact text under a line that says what it is, a list of what was found,
        or one sentence that says why there is nothing.
    is_error : bool
        Whether it is such a sentence.
    """
    arguments = call.arguments
    if isinstance(arguments, str):
        return f"{RECALL_TOOL}: its arguments are no JSON object; pass handle or query", True
    handle, query, name = (arguments.get(key) for key in ("handle", "query", "type"))
    if isinstance(handle, str) and handle.strip():
        return _read(book, recall(handle.strip()))
    if name is not None and name not in _TYPES:
        return f"{RECALL_TOOL}: type is one of {', '.join(_TYPES)}, found {name!r}", True
    if not isinstance(query, str) or not query.strip():
        return f"{RECALL_TOOL}: pass a handle to read, or words as query to search for", True
    return _list(book, query, None if name is None else PageType[name.upper()])


def _read(book: PageBook, found: Recall) -> tuple[str, bool]:
    if found.text is None:
        return f"{found.outcome.value}: {found.reason}; search with query", True
    page = book.live.get(found.page_id) or book.archived.get(found.page_id)
    handle = handle_of(book.session_id, found.page_id, found.version)
    text = found.text
    if page is not None and page.is_tool and page.version == found.version:
        # The call itself stands in the id and in the pointer; its result is what is asked for.
        text = page.texts[-1]
    note = "" if found.found else f" ({found.outcome.value}: {found.reason})"
    return f"{handle}{note}, {len(text)} characters:\n{text}", False


def _list(book: PageBook, query: str, page_type: PageType | None) -> tuple[str, bool]:
    matches = search(book, query, page_type, MATCHES_MAX + 1)
    if not matches:
        kind = "page" if page_type is None else f"{page_type.name.lower()} page"
        return f"no-match: no {kind} of this session has all the words of {query!r}", True
    lines = [_line(book, match.page, match.excerpt) for match in matches[:MATCHES_MAX]]
    if len(matches) > MATCHES_MAX:
        lines.append(f"... and more: add words, at most {MATCHES_MAX} are listed")
    return "\n".join(lines), False


def _line(book: PageBook, page: Page, excerpt: str) -> str:
    handle = handle_of(book.session_id, page.id, page.version)
    return (
        f"{handle} {page.label}, turn {page.request}, {len(page.texts[-1])} characters: {excerpt}"
    )
