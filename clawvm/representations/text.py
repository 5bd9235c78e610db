"""What the builders share: lines, clips, sentences, lines that carry errors, headers, qualities.

Everything here is one pass over the text; no regular expression has two ways to match the same run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .forms import Form, Source

__all__ = [
    "QUALITY_MAX",
    "carries_error",
    "clean",
    "clip",
    "constraint_words",
    "error_lines",
    "error_words",
    "finish",
    "first_sentence",
    "ink",
    "is_success",
    "line_count",
    "listed",
    "sentences",
    "size",
    "split_lines",
    "words",
]

QUALITY_MAX = 999

_CONTROLS = "".join(map(chr, (*range(9), 11, 12, *range(13, 32), 127)))
_TO_REPLACEMENT = str.maketrans(dict.fromkeys(_CONTROLS, "\ufffd"))

# Substrings of lower-cased lines. Without word borders on purpose: "ValueError", "npm ERR!" and
# "cannotFind" are to be kept, and a false alarm costs one line.
_ERROR_WORDS = (
    "error",
    "err!",
    "warn",
    "fail",
    "fatal",
    "panic",
    "exception",
    "traceback",
    "assert",
    "denied",
    "not found",
    "no such",
    "cannot",
    "can't",
    "unable to",
    "refused",
    "timed out",
    "timeout",
    "abort",
    "killed",
    "segmentation",
    "undefined",
    "unresolved",
    "conflict",
    "not ok",
    "expected",
    "mismatch",
    "✗",
    "✘",
    "×",  # noqa: RUF001 (the cross that JavaScript tools print)
)

# A line that starts like this reports a success, whatever its test or package is called.
_SUCCESS = (
    "ok ",
    "ok\t",
    "pass",
    "--- pass",
    "=== run",
    "=== pause",
    "=== cont",
    "✓",
    "✔",
    "√",
)

_CONSTRAINT_WORDS = (
    "must",
    "never",
    "always",
    "don't",
    "don’t",  # noqa: RUF001 (what editors make of the apostrophe)
    "do not",
    "should not",
    "shouldn't",
    " only",
    "require",
    "forbid",
    "forbidden",
    "important",
    "ensure",
    "avoid",
    "make sure",
)
_SENTENCE_END = re.compile(r"[.!?。!?][\"')\]*_`]*(?=\s)")
_MIN_SENTENCE = 12  # shorter ones are "e.g.", "1." and the like: read on


def split_lines(text: str) -> list[str]:
    """Lines of a text; ``\\r\\n`` is read as ``\\n``, and no other character ends a line."""
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    return text.split("\n")


def line_count(text: str) -> int:
    """Return the number of lines; a last line break opens no line."""
    return text.count("\n") + (not text.endswith("\n")) if text else 0


def size(text: str) -> str:
    """Size of a text as every form states it."""
    count = line_count(text)
    return f"{len(text)} chars, {count} line{'' if count == 1 else 's'}"


def clean(text: str) -> str:
    """Text that any JSON or UTF-8 channel takes: no control characters, no lone surrogates."""
    if any(control in text for control in _CONTROLS):
        text = text.translate(_TO_REPLACEMENT)
    if text.isascii():
        return text
    # "ignore" would join what stood apart; a question mark shows that something was there.
    return text.encode("utf-8", "replace").decode("utf-8")


def clip(text: str, limit: int) -> str:
    """One line of at most `limit` characters, runs of white space as one blank."""
    # Only what can be shown is looked at: the text may be a megabyte.
    line = " ".join(text[: 4 * limit + 64].split())
    return line if len(line) <= limit and len(text) <= 4 * limit + 64 else line[: limit - 1] + "…"


def carries_error(line: str) -> bool:
    """Whether a line of output carries an error or a warning.

    Parameters
    ----------
    line : str
        One line. Upper and lower case are the same.

    Returns
    -------
    bool
        True for a line with a word such as *error*, *warning*, *failed*, *cannot*, unless it starts
        with a success marker (``ok``, ``PASS``, ``=== RUN``, ``✓``).
    """
    lowered = line.lower()
    return any(word in lowered for word in _ERROR_WORDS) and not is_success(lowered)


def is_success(lowered: str) -> bool:
    """Whether a lower-cased line starts with a success marker."""
    return lowered.lstrip().startswith(_SUCCESS)


def error_words(lowered: str) -> tuple[str, ...]:
    """Error words that a lower-cased text holds: its lines are to be tested for these only."""
    return tuple(word for word in _ERROR_WORDS if word in lowered)


def error_lines(lines: list[str]) -> list[str]:
    """Lines that carry errors, in order; see :func:`carries_error`."""
    words = error_words("\n".join(lines).lower())
    if not words:
        return []
    return [
        line
        for line in lines
        if any(word in (low := line.lower()) for word in words) and not is_success(low)
    ]


def constraint_words(lowered: str) -> tuple[str, ...]:
    """Words that bind (*must*, *never*, *don't*, *only*...) which a lower-cased text holds."""
    return tuple(word for word in _CONSTRAINT_WORDS if word in lowered)


def sentences(paragraph: str) -> Iterator[str]:
    """Sentences of a paragraph of prose, in order, without the space between them."""
    start = 0
    for end in _SENTENCE_END.finditer(paragraph):
        if end.end() - start >= _MIN_SENTENCE:
            yield paragraph[start : end.end()].strip()
            start = end.end()
    if rest := paragraph[start:].strip():
        yield rest


def first_sentence(text: str, limit: int) -> str:
    """First sentence of a text as one line of at most `limit` characters."""
    start = text[: 4 * limit + 64].strip()
    return clip(next(sentences(start.split("\n\n", 1)[0]), ""), limit)


def listed(names: Iterable[str], limit: int, separator: str = ", ") -> str:
    """Names joined up to about `limit` characters, then how many more there are."""
    shown: list[str] = []
    length = 0
    remaining = list(names)
    for name in remaining:
        length += len(name) + len(separator)
        if shown and length > limit:
            return f"{separator.join(shown)}{separator}+{len(remaining) - len(shown)} more"
        shown.append(clip(name, limit))
    return separator.join(shown)


def ink(text: str) -> int:
    """Characters of a text that are no blank, tab or line break: what quality is a share of."""
    return len(text) - text.count(" ") - text.count("\t") - text.count("\n") - text.count("\r")


def finish(label: str, source: Source, body: str, quality: float, *, status: str = "") -> Form:
    """A form: the line that says what it is and of which size, then the body.

    Parameters
    ----------
    label : str
        What was done: ``"outline"``, ``"folded"``...
    source : Source
        What it was made of.
    body : str
        The reduced text.
    quality : float
        Share of later verbatim needs that the form keeps, 0 to 1.
    status : str
        Exit code or the like, shown in the first line.

    Returns
    -------
    Form
    """
    note = f"; {status}" if status else ""
    text = clean(f"[{label} of {size(source.text)}{note}]\n{body}".rstrip())
    return Form(text, min(QUALITY_MAX, max(1, round(quality * 1000))))


def words(text: str) -> frozenset[str]:
    """Set of the words of a constant."""
    return frozenset(text.split())
