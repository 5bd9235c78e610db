"""The texts of a container: each once, wherever and however often it is referred to.

Texts have numbers from 1, in the order in which they were first referred to; 0 stands for no text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from .._backend import core
from .._reference.trees import TEXT_CHARS_MIN, is_plain
from ..errors import SnapshotInvalid
from ..stores.protocol import CONTENT_BYTES_MIN
from .header import Header, digest_of_all
from .sections import section

__all__ = ["Numbers", "read_texts", "refer", "write_texts"]

Numbers: TypeAlias = dict[str, int]
"""The numbers of texts, from 1; one that is not in it gets the next."""


def refer(text: str, numbers: Numbers) -> str | int:
    """Return a short text as it is, or the number of a long one.

    A short text that cannot be written as UTF-8 (a lone surrogate) counts as long: the texts have
    an encoding that can.
    """
    if len(text) < TEXT_CHARS_MIN and is_plain(text):
        return text
    return numbers.setdefault(text, len(numbers) + 1)


def write_texts(
    payload: bytearray, numbers: Numbers, external: bool, known: Mapping[str, int]
) -> tuple[list[bytes | int], list[str]]:
    """Add the sections of the texts.

    Returns
    -------
    tuple of (list of (bytes or int), list of str)
        Those that are left to a store: their bytes, or the ids under which the store has them
        already; and the texts themselves.
    """
    if not numbers:
        return [], []
    with section(payload, b"TEXT"):
        least = CONTENT_BYTES_MIN if external else 0
        outside, outside_texts = core.pack_texts(payload, numbers, least)
    if outside:
        with section(payload, b"CONT"):
            payload += digest_of_all(outside)
    contents = [known.get(text, data) for text, data in zip(outside_texts, outside, strict=True)]
    return contents, outside_texts


def read_texts(
    sections: Mapping[bytes, memoryview], header: Header, contents: Sequence[bytes]
) -> tuple[list[str | None], list[str]]:
    """Return the texts by number, and those of them that `contents` are.

    Raises
    ------
    SnapshotInvalid
        When their number is not the header's, or the contents are others.
    """
    texts: list[str | None] = [None]
    if b"TEXT" in sections:
        texts += core.unpack_texts(sections[b"TEXT"])
    outside = texts.count(None) - 1
    if len(texts) - 1 != header.texts or outside != header.contents:
        raise SnapshotInvalid(
            f"section TEXT has {len(texts) - 1} texts, {outside} of them elsewhere; the header "
            f"says {header.texts} and {header.contents}"
        )
    if len(contents) != outside:
        raise SnapshotInvalid(
            f"the record refers to {outside} contents of its store and was given {len(contents)}"
        )
    if bytes(sections.get(b"CONT", b"")) != (digest_of_all(contents) if contents else b""):
        raise SnapshotInvalid(
            f"the {outside} contents are not those that the record was written with"
        )
    return texts, _put_in(texts, contents)


def _put_in(texts: list[str | None], contents: Sequence[bytes]) -> list[str]:
    """Put the texts of contents into their places, and return them."""
    place, found = 0, []
    for content in contents:
        place = texts.index(None, place + 1)
        try:
            text = str(content, "utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise SnapshotInvalid(f"a text of the snapshot is no UTF-8 ({error})") from error
        texts[place] = text
        found.append(text)
    return found
