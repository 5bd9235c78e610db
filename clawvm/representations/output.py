"""What harnesses wrap round a tool's output: status lines before it, reminders after it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .text import clip

__all__ = ["Output", "unwrap"]

# Codex: "Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\n".
_STATUS_LINE = re.compile(
    r"(?:Chunk ID|Wall time|Exit code|Process exited with code|Process running with session ID"
    r"|Original token count|Total output lines)\b[^\n]{0,200}\n"
)
_STATUS_LINES_MAX = 8
_OUTPUT_MARK = "Output:\n"
# Claude Code and mini-swe-agent: the first or the last line alone.
_EXIT_CODE = re.compile(
    r"(?:exit code|exited with code|exit status|returncode)\W{1,3}(-?\d{1,10})\b", re.IGNORECASE
)
_SESSION = re.compile(r"Process running with session ID (\d{1,20})")
_REMINDER = "<system-reminder>"
_REMINDER_CHARS = 100


@dataclass(frozen=True, slots=True)
class Output:
    """A tool result taken apart.

    Parameters
    ----------
    body : str
        The output itself.
    status : str
        ``"exit 0"``, ``"running, session 62115"`` or ``""`` where nothing was said.
    note : str
        The start of a reminder that the harness hung on, or ``""``.
    """

    body: str
    status: str
    note: str


@lru_cache(maxsize=2)
def unwrap(text: str) -> Output:
    """Take the harness's wrapping off a tool result.

    The last answers are remembered: one text is asked for by each of its forms.

    Parameters
    ----------
    text : str
        The result as the model read it.

    Returns
    -------
    Output
    """
    header_end = _header_end(text)
    header, body = text[:header_end], text[header_end:]
    body, note = _cut_reminder(body)
    return Output(body, _status(header, body), note)


def _header_end(text: str) -> int:
    end = 0
    for _ in range(_STATUS_LINES_MAX):
        match = _STATUS_LINE.match(text, end)
        if match is None:
            break
        end = match.end()
    if end and text.startswith(_OUTPUT_MARK, end):
        return end + len(_OUTPUT_MARK)
    return end


def _status(header: str, body: str) -> str:
    running = _SESSION.search(header)
    if running:
        return f"running, session {running[1]}"
    for part in (header, body[:200].split("\n", 1)[0], body[-200:].rstrip().rsplit("\n", 1)[-1]):
        if "xit" in part or "returncode" in part:
            code = _EXIT_CODE.search(part)
            if code:
                return f"exit {code[1]}"
    return ""


def _cut_reminder(body: str) -> tuple[str, str]:
    if not body.rstrip().endswith("</system-reminder>"):
        return body, ""
    start = body.rfind(_REMINDER)
    if start <= 0:
        return body, ""
    reminder = body[start + len(_REMINDER) :].rstrip().removesuffix("</system-reminder>")
    return body[:start], f"{_REMINDER} {clip(reminder, _REMINDER_CHARS)}"
