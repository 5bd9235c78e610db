"""Prose and chat: an extract of whole sentences, the ones that a reader goes by."""

from __future__ import annotations

import re

from .forms import Form, Source
from .output import unwrap
from .text import clip, constraint_words, finish, ink, sentences, split_lines

__all__ = ["compress", "compress_chat", "headings"]

_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s")
_FENCE = ("```", "~~~")
_CODE_SHOWN = 3
_ITEM_CHARS = 160
_SENTENCE_CHARS = 400


def compress(source: Source) -> Form | None:
    """Extract of prose: headings, the first sentence of each paragraph, list items, what binds.

    Every sentence that says what must or must never be done is kept. Code blocks keep their first
    three lines.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form or None
        ``None`` for a text without a line.
    """
    return _extract(source, chat=False)


def compress_chat(source: Source) -> Form | None:
    """Extract of a message: first sentences, questions, constraints, headings and list items.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form or None
        ``None`` for a text without a line.
    """
    return _extract(source, chat=True)


def headings(text: str) -> list[str]:
    """Headings of a Markdown text, without their marks."""
    return [line.strip("# \t") for line in split_lines(text) if _HEADING.match(line)]


def _extract(source: Source, *, chat: bool) -> Form | None:
    output = unwrap(source.text)
    total = ink(output.body)
    if not total:
        return None
    extract = _Extract(chat, constraint_words(output.body.lower()))
    for line in split_lines(output.body):
        extract.read(line.rstrip())
    extract.end_paragraph()
    quality = min(0.95, ink("\n".join(extract.lines)) / total)
    lines = [*extract.lines, output.note] if output.note else extract.lines
    return finish("extract", source, "\n".join(lines), quality, status=output.status)


class _Extract:
    """Reads lines, keeps what stands out."""

    def __init__(self, chat: bool, binding: tuple[str, ...]) -> None:
        self.lines: list[str] = []
        self._chat = chat
        self._binding = binding  # the words that bind which the text holds
        self._paragraph: list[str] = []
        self._code_lines: int | None = None  # lines read of the open code block

    def read(self, line: str) -> None:
        stripped = line.strip()
        if self._code_lines is not None:
            self._read_code(line, stripped)
        elif stripped.startswith(_FENCE):
            self.end_paragraph()
            self._code_lines = 0
            self._keep(line)
        elif not stripped:
            self.end_paragraph()
        elif _HEADING.match(line):
            self.end_paragraph()
            self._keep(line)
        elif _ITEM.match(line) or stripped[0] in "|<":
            self.end_paragraph()
            self._read_item(line)
        else:
            self._paragraph.append(stripped)

    def end_paragraph(self) -> None:
        """Keep the sentences of the paragraph that say what it is about, ask, or bind."""
        if not self._paragraph:
            return
        kept = []
        for index, sentence in enumerate(sentences("\n".join(self._paragraph))):
            asks = self._chat and "?" in sentence
            if index == 0 or asks or self._binds(sentence):
                kept.append(sentence)
        self._paragraph = []
        for sentence in kept:
            self._keep(
                sentence if len(sentence) <= _SENTENCE_CHARS else clip(sentence, _SENTENCE_CHARS)
            )

    def _read_code(self, line: str, stripped: str) -> None:
        assert self._code_lines is not None
        if stripped.startswith(_FENCE):
            if self._code_lines > _CODE_SHOWN:
                self.lines.append(f"… {self._code_lines - _CODE_SHOWN} more lines")
            self._keep(line)
            self._code_lines = None
            return
        if self._code_lines < _CODE_SHOWN:
            self._keep(line if len(line) <= _SENTENCE_CHARS else clip(line, _SENTENCE_CHARS))
        self._code_lines += 1

    def _read_item(self, line: str) -> None:
        if len(line) <= _ITEM_CHARS:
            self._keep(line)
            return
        found = enumerate(sentences(line))
        kept = [sentence for index, sentence in found if index == 0 or self._binds(sentence)]
        self._keep(clip(" ".join(kept), _SENTENCE_CHARS))

    def _binds(self, sentence: str) -> bool:
        if not self._binding:
            return False
        lowered = sentence.lower()
        return any(word in lowered for word in self._binding)

    def _keep(self, text: str) -> None:
        self.lines.append(text)
