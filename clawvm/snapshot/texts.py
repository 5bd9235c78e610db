"""The texts of a container: each once, wherever and however often it is referred to.

Texts have numbers from 1, in the order in which they were first referred to; 0 stands for no text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
    items : list of (str, bytes or None)
        A text of ASCII as it is, any other as UTF-8; None for one that is left to a store.
    contents : list of (bytes or int)
        The bytes of those, or the ids under which the store has them already.
    content_texts : list of str
        Their texts.
    digest : bytes or None
        What names the contents all together, if there are any.
    """

    items: list[str | bytes | None]
    contents: list[bytes | int]
    content_texts: list[str]
    digest: bytes | None


class TextPool:
    """Texts by number."""

    def __init__(self) -> None:
        # What is not in it gets its size as its value: the next number. C code does all of that.
        numbers: defaultdict[str | None, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        numbers[None] = 0
        self._numbers = numbers
        self.number = numbers.__getitem__
        """Return a text's number."""

    def numbers(self, texts: Iterable[str | None]) -> list[int]:
        """Return the numbers of texts."""
        return list(map(self.number, texts))

    def written(self, external: bool, known: Mapping[str, int]) -> Written:
        """Return what is stored here of each text, and what is left to a store."""
        texts = [text for text in self._numbers if text is not None]
        # Not all of them as bytes, because msgspec copies a str of ASCII as it lies in memory. Any
        # other it would have Python encode, and Python keeps what it encoded beside the text.
        items: list[str | bytes | None] = [
            text if text.isascii() else text.encode(*_ENCODING) for text in texts
        ]
        if not external:
            return Written(items, [], [], None)
        contents: list[bytes | int] = []
        content_texts: list[str] = []
        outside: list[bytes] = []
        for place, (text, item) in enumerate(zip(texts, items, strict=True)):
            if item is not None and len(item) >= CONTENT_BYTES_MIN:
                data = item.encode() if isinstance(item, str) else item
                items[place] = None
                outside.append(data)
                contents.append(known.get(text, data))
                content_texts.append(text)
        return Written(items, contents, content_texts, digest_of_all(outside) if outside else None)


def read_texts(items: Sequence[str | bytes | None], contents: Sequence[bytes]) -> list[str | None]:
    """Return the texts by number, those that are None in `items` taken from `contents` in order."""
    rest = iter(contents)
    try:
        return [
            None,
            *(
                item if type(item) is str else str(next(rest) if item is None else item, *_ENCODING)  # type: ignore[arg-type]
                for item in items
            ),
        ]
    except UnicodeDecodeError as error:
        raise SnapshotInvalid(f"a text of the snapshot is no UTF-8 ({error})") from error
