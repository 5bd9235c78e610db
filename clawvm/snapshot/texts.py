"""The texts of a container: each once, wherever and however often it is referred to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, repeat
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
    sizes : list of (int or None)
        Bytes of each text; None for one that is left to a store.
    stored : list of bytes
        Those that are not.
    contents : list of (bytes or int)
        The bytes of those that are, or the ids under which the store has them already.
    content_texts : list of str
        Their texts.
    digest : bytes or None
        What names the contents all together, if there are any.
    """

    sizes: list[int | None]
    stored: list[bytes]
    contents: list[bytes | int]
    content_texts: list[str]
    digest: bytes | None


class TextPool:
    """Texts by number, in the order in which they were first referred to."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

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
        stored = [text.encode(*_ENCODING) for text in self._numbers]
        sizes: list[int | None] = list(map(len, stored))
        if not external:
            return Written(sizes, stored, [], [], None)
        outside = [data for data in stored if len(data) >= CONTENT_BYTES_MIN]
        content_texts = [
            text
            for text, data in zip(self._numbers, stored, strict=True)
            if len(data) >= CONTENT_BYTES_MIN
        ]
        return Written(
            [None if len(data) >= CONTENT_BYTES_MIN else len(data) for data in stored],
            [data for data in stored if len(data) < CONTENT_BYTES_MIN],
            [known.get(text, data) for text, data in zip(content_texts, outside, strict=True)],
            content_texts,
            digest_of_all(outside) if outside else None,
        )


def read_texts(
    sizes: Sequence[int | None], stored: memoryview, contents: Sequence[bytes]
) -> list[str]:
    """Return the texts by number, those of no size taken from `contents` in order."""
    ends = list(accumulate((size for size in sizes if size is not None), initial=0))
    if ends[-1] != len(stored):
        raise SnapshotInvalid(
            f"the texts should have {ends[-1]} bytes in all and have {len(stored)}"
        )
    data: Iterable[bytes | memoryview] = map(stored.__getitem__, map(slice, ends, ends[1:]))
    if contents:
        inside, outside = iter(data), iter(contents)
        data = [next(outside if size is None else inside) for size in sizes]
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
