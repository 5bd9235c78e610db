"""The texts of a container: each once, wherever and however often it is referred to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Final, NamedTuple

from ..errors import SnapshotInvalid
from ..stores.protocol import CONTENT_BYTES_MIN
from .header import digest_of_all

__all__ = ["TEXT_CHARS_MIN", "TextPool", "Written", "read_texts"]

TEXT_CHARS_MIN: Final = 64
"""A text of at least so many characters is kept once and referred to by its number."""
_ENCODING: Final = ("utf-8", "surrogatepass")


class Written(NamedTuple):
    """The texts of a pool, as they are stored.

    Parameters
    ----------
    items : list of (bytes or None)
        Each text's bytes; None for one that is left to a store.
    contents : list of (bytes or int)
        The bytes of those, or the ids under which the store has them already.
    content_texts : list of str
        Their texts.
    digest : bytes or None
        What names the contents all together, if there are any.
    """

    items: list[bytes | None]
    contents: list[bytes | int]
    content_texts: list[str]
    digest: bytes | None


class TextPool:
    """Texts by number, in the order in which they were first referred to."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, text: str) -> int:
        """Return a text's number; a new text gets the next one."""
        return self._numbers.setdefault(text, len(self._numbers))

    def refer(self, text: str) -> str | int:
        """Return a short text as it is, or the number of a long one.

        A short text that cannot be written as UTF-8 (a lone surrogate) counts as long: texts have
        an encoding that can.
        """
        if len(text) < TEXT_CHARS_MIN and (text.isascii() or _is_plain(text)):
            return text
        return self._numbers.setdefault(text, len(self._numbers))

    def written(self, external: bool, known: Mapping[str, int]) -> Written:
        """Return what is stored here of each text, and what is left to a store."""
        items: list[bytes | None] = [text.encode(*_ENCODING) for text in self._numbers]
        if not external:
            return Written(items, [], [], None)
        contents: list[bytes | int] = []
        content_texts: list[str] = []
        kept: list[bytes] = []
        for number, text in enumerate(self._numbers):
            data = items[number]
            if data is not None and len(data) >= CONTENT_BYTES_MIN:
                items[number] = None
                contents.append(known.get(text, data))
                content_texts.append(text)
                kept.append(data)
        return Written(items, contents, content_texts, digest_of_all(kept) if kept else None)


def read_texts(items: Sequence[bytes | None], contents: Sequence[bytes]) -> list[str]:
    """Return the texts by number, those that a store keeps taken from `contents` in order."""
    data: Iterable[bytes] = items  # type: ignore[assignment]
    if contents:
        rest = iter(contents)
        data = [next(rest) if item is None else item for item in items]
    try:
        return list(map(str, data, repeat(_ENCODING[0]), repeat(_ENCODING[1])))
    except UnicodeDecodeError as error:
        raise SnapshotInvalid(f"a text of the snapshot is no UTF-8 ({error})") from error


def _is_plain(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
