"""An approximate token count that needs no vocabulary.

The UTF-8 bytes are mapped to a few classes (lower case, upper case, digit, newline, script of a
multi-byte character...), and the count is a weighted sum of how often each class and a few short
runs of classes occur. The weights were fitted to ``o200k_base``: ``bench/fit_approximate.py``
fits them again, and ``docs/tokens.md`` gives the error that it measures.
"""

from __future__ import annotations

__all__ = ["ApproximateCounter", "features"]

CHARACTERS_MAX = 32  # to a token: however odd a text, it never counts as next to nothing
_TOKEN = 1024  # weights are in this fraction of a token, so that the sum is exact and portable


def _class_table() -> bytes:
    table = bytearray(b"p" * 256)  # punctuation is what is left over
    members: dict[str, bytes] = {
        "a": bytes(range(ord("a"), ord("z") + 1)),
        "A": bytes(range(ord("A"), ord("Z") + 1)),
        "0": b"0123456789",
        "s": b" \t\v\f",
        "n": b"\r\n",
        "c": bytes([*range(9), *range(14, 32), 127]),  # control characters
        # Multi-byte characters are classed by their first byte; the others are left out.
        "l": bytes(range(0xC0, 0xD0)),  # accented Latin, Greek
        "y": bytes([0xD0, 0xD1]),  # Cyrillic
        "h": bytes(range(0xD2, 0xE0)),  # Hebrew, Arabic and neighbours
        "i": bytes([0xE0, 0xE1]),  # Indic scripts, Thai
        "b": bytes([0xE2]),  # typographic punctuation, arrows, box drawing
        "k": bytes(range(0xE3, 0xEA)),  # kana, Han
        "g": bytes(range(0xEA, 0xEE)),  # Hangul
        "f": bytes([0xEE, 0xEF]),  # full-width forms, private use
        "e": bytes(range(0xF0, 0x100)),  # emoji and everything else of four bytes
    }
    for name, values in members.items():
        for value in values:
            table[value] = ord(name)
    return bytes(table)


_CLASS_OF_BYTE = _class_table()
_CONTINUATION = bytes(range(0x80, 0xC0))

#: What one occurrence adds, in 1/1024 token. Runs are counted without overlap and correct what
#: their single classes said: three digits are one token, not three times the price of one.
WEIGHTS: dict[bytes, int] = {
    b"a": 263,
    b"A": 785,
    b"0": 1232,
    b"n": 1796,
    b"c": 1630,
    b"l": 428,
    b"y": 298,
    b"h": 409,
    b"i": 413,
    b"b": 1071,
    b"k": 652,
    b"g": 706,
    b"f": 1587,
    b"e": 2048,
    b"sa": 353,
    b"pa": 836,
    b"sp": 1095,
    b"ss": 902,
    b"pp": 563,
    b"aaaa": -582,
    b"aaaaaaaa": -254,
    b"000": -2246,
    b"A0": 1011,
    b"0a": 674,
    b"0A": -1024,
    b"a0": -433,
    b"aA": -584,
    b"nn": -2148,
    b"pn": -960,
    b"ssss": -1784,
    b"pppp": -695,
    b"AAA": -1548,
}


def features(text: str) -> list[int]:
    """How often each key of `WEIGHTS` occurs in the classes of ``text``, in the table's order."""
    data = _classes(text)
    return [data.count(pattern) for pattern in WEIGHTS]


def _classes(text: str) -> bytes:
    """One byte for each character of ``text``: its class."""
    data = text.encode("utf-8", "surrogatepass")
    return data.translate(_CLASS_OF_BYTE, _CONTINUATION)


class ApproximateCounter:
    """Counts tokens by character classes: no vocabulary, no network, linear in the text.

    Thread safety: holds no state.
    """

    name = "approximate"
    exact = False

    def count(self, text: str) -> int:
        """Estimate the tokens of ``text`` as ``o200k_base`` would count them.

        Returns
        -------
        int
            0 for the empty text, at least 1 for any other; the same on every machine.
        """
        data = _classes(text)
        parts = sum(weight * data.count(pattern) for pattern, weight in WEIGHTS.items())
        return max((parts + _TOKEN // 2) // _TOKEN, -(-len(data) // CHARACTERS_MAX))

    def __repr__(self) -> str:
        return "ApproximateCounter()"
