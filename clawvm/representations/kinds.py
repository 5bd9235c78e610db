"""Which kind of content a text is."""

from __future__ import annotations

import re

from .diffs import changes
from .forms import ContentKind
from .numbered import is_numbered
from .output import unwrap
from .search_results import HIT, PATH
from .text import split_lines, words

__all__ = ["detect"]

_SAMPLE_CHARS = 6_000
_SAMPLE_LINES = 60

_CODE_SUFFIXES = words(
    "py pyx pxd pyi go rs c h cc cpp hpp cs java kt kts scala swift rb php pl lua sh bash zsh "
    "fish ps1 js jsx mjs cjs ts tsx vue svelte css scss sql r jl ex exs erl hs ml clj dart m mm "
    "zig nim proto tf yaml yml toml ini cfg graphql html xml gradle cmake mk"
)
_PROSE_SUFFIXES = words("md mdx rst txt adoc org")
_SEARCH_TOOLS = ("grep", "glob", "find_file", "search_file", "search_dir", "list_dir", "find_path")
_PROSE_TOOLS = ("webfetch", "web_fetch", "websearch", "web_search", "task", "agent")

_DIFF_START = re.compile(
    r"^(?:diff --git |@@ -\d+|\*\*\* (?:Begin Patch|Update File|Add File))", re.MULTILINE
)
_LOG_LINE = re.compile(
    r"\W{0,3}(?:\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d"
    r"|(?:DEBUG|INFO|WARN|WARNING|ERROR|TRACE|FATAL)\b|=== |--- )"
)
_CODE_START = re.compile(
    r"\s*(?:import|from|def|class|func|fn|function|export|const|let|var|return|if|for|while|else|elif|try"
    r"|public|private|protected|static|package|use|struct|enum|interface|type|async|await|case|switch|#include"
    r"|//|/\*|\*/?\s|#|@\w|\}|\{|\)|\])(?![\w-])"
)
_PROSE_LINE = re.compile(r"\s*(?:#{1,6} |[-*+•] |\d{1,3}[.)] |>)")


def detect(
    text: str, *, tool: str | None = None, path: str | None = None, role: str | None = None
) -> ContentKind:
    """Tell the kind of a text from its looks, then from what it came from.

    Parameters
    ----------
    text : str
        The text; only its start is looked at.
    tool : str, optional
        The tool that returned it.
    path : str, optional
        The file that it shows.
    role : str, optional
        Who said it. A message that no tool returned is chat, or prose for ``system`` and
        ``developer``, unless it is plainly a diff or JSON.

    Returns
    -------
    ContentKind
    """
    body = unwrap(text).body
    sample = body[:_SAMPLE_CHARS]
    if _looks_like_json(body):
        return ContentKind.JSON
    if _looks_like_diff(sample):
        return ContentKind.DIFF
    if tool is None and role is not None:
        return ContentKind.PROSE if role in ("system", "developer") else ContentKind.CHAT
    return _kind_of_file(path) or _kind_of_tool(tool) or _kind_of_lines(sample)


def _looks_like_json(body: str) -> bool:
    start, end = body[:200].lstrip(), body[-200:].rstrip()
    if not start or not end or start[0] not in "{[" or end[-1] not in "}]":
        return False
    follows = start[1:].lstrip()[:1]
    # "[lint] done" and "[1/3] building" start like arrays.
    return follows in ('"', "{", "[", "}", "]") if start[0] == "{" or end[-1] == "]" else False


def _looks_like_diff(sample: str) -> bool:
    if _DIFF_START.search(sample) is None:
        return False
    _, files = changes(sample)
    return any(file.added or file.removed for file in files)


def _kind_of_file(path: str | None) -> ContentKind | None:
    name = (path or "").rsplit("/", 1)[-1].lower()
    suffix = name.rpartition(".")[2] if "." in name else ""
    if suffix in _CODE_SUFFIXES or name in ("makefile", "dockerfile"):
        return ContentKind.CODE
    if suffix in _PROSE_SUFFIXES:
        return ContentKind.PROSE
    return ContentKind.LOG if suffix == "log" else None


def _kind_of_tool(tool: str | None) -> ContentKind | None:
    name = (tool or "").lower()
    if name.endswith(_SEARCH_TOOLS):
        return ContentKind.SEARCH
    return ContentKind.PROSE if name in _PROSE_TOOLS else None


def _kind_of_lines(sample: str) -> ContentKind:
    lines = [line for line in split_lines(sample)[:_SAMPLE_LINES] if line.strip()]
    if not lines:
        return ContentKind.LOG
    hits = sum(_is_hit(line) for line in lines)
    if hits >= 0.6 * len(lines):
        return ContentKind.SEARCH
    if is_numbered(lines):
        return ContentKind.CODE
    if sum(_LOG_LINE.match(line) is not None for line in lines) >= 0.3 * len(lines):
        return ContentKind.LOG
    code = sum(_is_code(line) for line in lines)
    prose = sum(_is_prose(line) for line in lines)
    if prose >= 0.3 * len(lines) and prose >= code:
        return ContentKind.PROSE
    return ContentKind.CODE if code >= 0.4 * len(lines) else ContentKind.LOG


def _is_hit(line: str) -> bool:
    match = HIT.match(line)
    if match:
        return "." in match[1] or "/" in match[1]
    return ("/" in line or "." in line) and PATH.fullmatch(line.strip()) is not None


def _is_code(line: str) -> bool:
    return line.rstrip()[-1] in "{};,()[:" or _CODE_START.match(line) is not None


def _is_prose(line: str) -> bool:
    return _PROSE_LINE.match(line) is not None or (
        len(line.split()) > 8 and line.rstrip()[-1] in ".:?!`"
    )
