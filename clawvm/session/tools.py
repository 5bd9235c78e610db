"""What a tool call does, judged by its name: the kinds that a page's worth depends on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from ..messages import decode_arguments, dump_json, size_marker
from ..residency import PageKind

__all__ = [
    "ToolKind",
    "call_target",
    "file_of",
    "tool_kind",
    "tool_labelled",
    "without_removed",
]


class ToolKind(Enum):
    """Kinds of tool: the worth of the call, that of its result, what it takes to run again."""

    READ = (PageKind.OWN_CALL, PageKind.READ_RESULT, 8)
    SEARCH = (PageKind.OWN_CALL, PageKind.SEARCH_RESULT, 6)
    EDIT = (PageKind.OWN_EDIT, PageKind.EDIT_CONFIRMATION, 12)
    SHELL = (PageKind.OWN_SHELL, PageKind.SHELL_RESULT, 8)
    AGENT = (PageKind.OWN_CALL, PageKind.AGENT_RESULT, 12)
    OTHER = (PageKind.OWN_CALL, PageKind.OTHER_RESULT, 6)

    def __init__(self, call: PageKind, result: PageKind, recompute_cost: int) -> None:
        self.call = call
        self.result = result
        self.recompute_cost = recompute_cost

    @property
    def label(self) -> str:
        """What a call and its result are, for a reader."""
        return f"{self.name.lower()} exchange"

    @property
    def retrieves(self) -> bool:
        """Whether a repetition fetches what was there before, rather than doing something again."""
        return self in (ToolKind.READ, ToolKind.SEARCH)


_WORDS = (
    # Typing into a command that runs already.
    (ToolKind.SHELL, ("stdin",)),
    (ToolKind.EDIT, ("edit", "write", "patch", "replace", "insert", "save")),
    (ToolKind.SEARCH, ("grep", "glob", "search", "find", "ls")),
    (ToolKind.AGENT, ("task", "agent", "subagent")),
    (ToolKind.SHELL, ("bash", "shell", "exec", "run", "terminal", "command", "python")),
    (ToolKind.READ, ("read", "view", "open", "cat", "fetch", "get", "list", "lookup", "show")),
)
_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_TARGET_KEYS = ("file_path", "path", "filename", "notebook_path", "url", "uri")
_PATCHED_FILE = re.compile(r"^\*\*\* (?:Update|Add|Delete) File: (.+)$", re.MULTILINE)
# What an edit takes away: by the names that tools give it, and in a patch.
_REMOVED_KEYS = ("old_string", "oldString", "old_str", "oldText", "old_text")
_PATCH_START = "*** Begin Patch"
_EDITS_DEPTH = 4  # tools nest them no deeper, and what is hostile nests without end


_BY_LABEL = {kind.label: kind for kind in ToolKind}
# A path in a command line, told by its suffix.
_COMMANDED_FILE = re.compile(r"[\w.~@+/-]{0,200}\w\.[A-Za-z]\w{0,4}(?![\w.])")
_COMMAND_CHARS_MAX = 1_000


def tool_labelled(label: str) -> ToolKind:
    """Return the kind whose exchanges have this label; `ToolKind.OTHER` when none has."""
    return _BY_LABEL.get(label, ToolKind.OTHER)


def file_of(tool: ToolKind, target: str | None, call_text: str) -> str | None:
    """Return the file that a call is about, so that calls which name it differently agree.

    Parameters
    ----------
    tool : ToolKind
        What the tool does.
    target : str or None
        The file or address that the call names as such (`call_target`).
    call_text : str
        The call as text; of a command, the last file of its beginning is taken.

    Returns
    -------
    str or None
        The last two parts of its path.
    """
    if target is None and tool is ToolKind.SHELL:
        named = _COMMANDED_FILE.findall(call_text[:_COMMAND_CHARS_MAX])
        target = named[-1] if named else None
    return None if target is None else "/".join(target.rsplit("/", 2)[-2:])


def tool_kind(name: str) -> ToolKind:
    """Judge a tool by the words of its name; `ToolKind.OTHER` when none is known."""
    words = {word.lower() for word in _SPLIT.split(name) if word} | {name.lower()}
    for kind, known in _WORDS:
        if words.intersection(known):
            return kind
    return ToolKind.OTHER


def call_target(arguments: Mapping[str, object] | str) -> str | None:
    """Return the file or address that a call names, or None.

    A call that names it again is taken as a use of what is known of it.
    """
    if isinstance(arguments, str):
        patched = _PATCHED_FILE.search(arguments)
        return patched.group(1).strip() if patched else None
    for key in _TARGET_KEYS:
        value = arguments.get(key)
        if isinstance(value, str) and value:
            return value
    return None


def without_removed(arguments: Mapping[str, object] | str) -> str | None:
    """Write an edit's arguments without the text that it takes away.

    That is in the file no more once the edit is done: of all that is quoted from edits later, one
    in ten is from there, and it is a third of their text.

    Parameters
    ----------
    arguments : mapping or str
        Decoded arguments, or their text.

    Returns
    -------
    str or None
        The arguments as JSON text (of free text, the text), with a marker for each text that was
        replaced and without the lines that a patch removes; None when they say of none.
    """
    whole = decode_arguments(arguments) if isinstance(arguments, str) else arguments
    kept = _without_removed(whole)
    if kept == whole:
        return None
    return kept if isinstance(kept, str) else dump_json(kept, "arguments")


def _without_removed(value: object, depth: int = _EDITS_DEPTH) -> object:
    if isinstance(value, str):
        return _without_removed_lines(value) if value.lstrip().startswith(_PATCH_START) else value
    if isinstance(value, Mapping) and depth:
        return {
            key: size_marker(len(item))
            if _is_removed(key, item)
            else _without_removed(item, depth - 1)
            for key, item in value.items()
        }
    if isinstance(value, list) and depth:
        return [_without_removed(item, depth - 1) for item in value]
    return value


def _is_removed(key: object, value: object) -> bool:
    """Whether an argument is a text that goes, and longer than what would say so."""
    is_text = key in _REMOVED_KEYS and isinstance(value, str)
    return is_text and len(size_marker(len(str(value)))) < len(str(value))


def _without_removed_lines(patch: str) -> str:
    return "\n".join(line for line in patch.split("\n") if not line.startswith("-"))
