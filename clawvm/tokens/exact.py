"""Exact counters: tiktoken, and toktok-rs, which carries its vocabulary and is much faster."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from ..errors import TokenizerUnavailable
from .appending import safe_cut
from .batches import in_threads, threads_for
from .protocol import TokenCounter
from .vocabularies import FILES, missing

__all__ = ["EncodingCounter", "TiktokenCounter", "ToktokCounter", "exact_counter", "resolve"]

TOKTOK_ENCODINGS = frozenset({"cl100k_base", "o200k_base", "o200k_harmony"})

# tiktoken's regular expression engine panics on about a million blanks in a row. A longer run than
# this is counted in slices; tokens of blanks are at most 128 long, so a slice ends between two.
BLANKS_MAX = 1 << 17
_BLANKS = re.compile(r"\s+")

# A thread that gets less to count than this costs more than it saves: about 5 ms with tiktoken,
# 1 ms with toktok-rs.
_TIKTOKEN_CHARS_PER_THREAD = 1 << 16
_TOKTOK_CHARS_PER_THREAD = 1 << 19


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


class EncodingCounter(ABC):
    """What a counter of a known encoding can do beside counting a text.

    Attributes
    ----------
    name : str
        The encoding's name.
    """

    exact = True
    name: str

    @abstractmethod
    def count(self, text: str) -> int:
        """Tokens of ``text``."""

    @abstractmethod
    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each of ``texts``; many long ones on all cores, with the GIL released."""

    def count_appended(self, before: str, tokens: int, text: str) -> int:
        """Tokens of ``text``, of which the beginning is known.

        Parameters
        ----------
        before : str
            What ``text`` begins with.
        tokens : int
            The tokens of ``before``.
        text : str
            What to count.

        Returns
        -------
        int
            What `count` would return. Only what comes after the last safe cut of ``before`` is
            encoded (`appending`); everything, where there is no such cut or the encoding is not
            one of `FILES`.
        """
        cut = safe_cut(text, len(before)) if self.name in FILES else 0
        if not cut:
            return self.count(text)
        return tokens - self.count(before[cut:]) + self.count(text[cut:])


class TiktokenCounter(EncodingCounter):
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

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each of ``texts``; many long ones on all cores, with the GIL released."""
        return in_threads(self.count, texts, threads_for(texts, _TIKTOKEN_CHARS_PER_THREAD))

    def __repr__(self) -> str:
        return f"TiktokenCounter({self.name!r})"


class ToktokCounter(EncodingCounter):
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

    def __init__(self, encoding: str) -> None:
        try:
            from toktok import _encoding as tokenizer_of

            tokenizer = tokenizer_of(encoding)
            self._count: Callable[[str], int] = tokenizer.count
            self._count_batch: Callable[[list[str], int], list[int]] = tokenizer.count_batch
        except (ImportError, AttributeError, KeyError) as error:
            raise _unavailable(encoding, f"toktok-rs cannot load it: {error}") from error
        self.name = encoding

    def count(self, text: str) -> int:
        """Tokens of ``text``."""
        try:
            return self._count(text)
        except UnicodeEncodeError:
            return self._count(utf8_safe(text))

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each of ``texts``; many long ones on all cores, with the GIL released."""
        threads = threads_for(texts, _TOKTOK_CHARS_PER_THREAD)
        if threads < 2:
            return [self.count(text) for text in texts]
        try:
            return self._count_batch(list(texts), threads)
        except UnicodeEncodeError:
            return self._count_batch([utf8_safe(text) for text in texts], threads)

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
    """The fastest exact counter for ``encoding`` that can be had; all of them count alike.

    That is toktok-rs, if a release that this version knows is installed; else tiktoken.
    """
    if encoding in TOKTOK_ENCODINGS and find_spec("toktok") is not None:
        with suppress(TokenizerUnavailable):
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
