"""Exact counters: tiktoken, and toktok-rs, which carries its vocabulary and is much faster."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from ..errors import TokenizerUnavailable
from .protocol import TokenCounter
from .vocabularies import FILES, missing

__all__ = ["TiktokenCounter", "ToktokCounter", "exact_counter", "resolve"]

TOKTOK_ENCODINGS = frozenset({"cl100k_base", "o200k_base"})

# tiktoken's regular expression engine panics on about a million blanks in a row. A longer run than
# this is counted in slices; tokens of blanks are at most 128 long, so a slice ends between two.
BLANKS_MAX = 1 << 17
_BLANKS = re.compile(r"\s+")


def utf8_safe(text: str) -> str:
    """``text`` with surrogate pairs joined and every lone surrogate replaced by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _slices(text: str) -> Iterator[str]:
    """``text`` in slices that hold no run of blanks longer than `BLANKS_MAX`."""
    start = 0
    for run in _BLANKS.finditer(text):
        for cut in range(run.start() + BLANKS_MAX, run.end(), BLANKS_MAX):
            yield text[start:cut]
            start = cut
    yield text[start:]


class TiktokenCounter:
    """Counts with one of tiktoken's encodings.

    Parameters
    ----------
    encoding : str
        An encoding's name.
    download : bool
        Let tiktoken fetch the vocabulary if it is not in its cache.

    Raises
    ------
    TokenizerUnavailable
        If the vocabulary is not at hand.

    Notes
    -----
    Special tokens in a text are counted as ordinary text, lone surrogates as U+FFFD. A run of
    blanks longer than `BLANKS_MAX` is counted in slices, which can add a token for each.

    Thread safety: safe.
    """

    exact = True

    def __init__(self, encoding: str, *, download: bool = False) -> None:
        reason = None if download else missing(encoding)
        if reason is not None:
            raise _unavailable(encoding, reason)
        self.name = encoding
        self._encode: Callable[[str], list[int]] = _load(encoding).encode_ordinary

    def count(self, text: str) -> int:
        """Tokens of ``text``."""
        if len(text) <= BLANKS_MAX:
            return len(self._encode(text))
        return sum(len(self._encode(part)) for part in _slices(text))

    def __repr__(self) -> str:
        return f"TiktokenCounter({self.name!r})"


class ToktokCounter:
    """Counts with toktok-rs (extra ``fast-tokens``), whose wheel holds the vocabulary.

    Parameters
    ----------
    encoding : str
        One of `TOKTOK_ENCODINGS`.

    Raises
    ------
    TokenizerUnavailable
        If toktok-rs is not installed or not of a release that this version knows.

    Notes
    -----
    The counts are tiktoken's. Its public ``batch_count`` starts threads at every call, which for
    a page costs ten times the count itself; hence the tokenizer object underneath.

    Thread safety: safe.
    """

    exact = True

    def __init__(self, encoding: str) -> None:
        try:
            from toktok import _encoding as tokenizer_of

            self._count: Callable[[str], int] = tokenizer_of(encoding).count
        except (ImportError, AttributeError, KeyError) as error:
            raise _unavailable(encoding, f"toktok-rs cannot load it: {error}") from error
        self.name = encoding

    def count(self, text: str) -> int:
        """Tokens of ``text``."""
        try:
            return self._count(text)
        except UnicodeEncodeError:
            return self._count(utf8_safe(text))

    def __repr__(self) -> str:
        return f"ToktokCounter({self.name!r})"


def resolve(name: str) -> str:
    """The encoding called ``name``, or the one that the model called ``name`` uses.

    Raises
    ------
    TokenizerUnavailable
        If tiktoken knows neither.
    """
    if name in FILES:
        return name
    import tiktoken

    if name in tiktoken.list_encoding_names():
        return name
    try:
        return tiktoken.encoding_name_for_model(name)
    except KeyError:
        known = ", ".join(sorted(FILES))
        raise TokenizerUnavailable(
            f"no encoding or model is called {name!r}; use one of {known}, a model that tiktoken "
            "knows, a callable from text to tokens, or 'approximate'"
        ) from None


def exact_counter(encoding: str, *, download: bool = False) -> TokenCounter:
    """The fastest exact counter for ``encoding``: toktok-rs if it is installed, else tiktoken."""
    if encoding in TOKTOK_ENCODINGS and find_spec("toktok") is not None:
        return ToktokCounter(encoding)
    return TiktokenCounter(encoding, download=download)


def _load(encoding: str) -> Any:
    import tiktoken

    try:
        return tiktoken.get_encoding(encoding)
    except (OSError, ValueError) as error:
        raise _unavailable(encoding, f"tiktoken cannot load it: {error}") from error


def _unavailable(encoding: str, reason: str) -> TokenizerUnavailable:
    ways = ["pip install 'clawvm[fast-tokens]'"] if encoding in TOKTOK_ENCODINGS else []
    files = " and ".join(name for name, _ in FILES.get(encoding, ()))
    if files:
        ways.append(f"set TIKTOKEN_CACHE_DIR to a folder that holds {files}")
    ways += [
        f"allow the download with counter({encoding!r}, download=True)",
        "pass a callable from text to tokens",
        "use 'approximate'",
    ]
    return TokenizerUnavailable(
        f"the vocabulary of {encoding!r} is not at hand ({reason}); "
        f"{', '.join(ways[:-1])}, or {ways[-1]}"
    )
