"""One protocol for everything that counts tokens, and the choice among what is at hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ..errors import TokenCountInvalid, TokenizerUnavailable
from .approximate import ApproximateCounter
from .exact import TiktokenCounter, ToktokCounter, exact_counter, resolve
from .memo import CountMemo
from .protocol import TokenCounter

__all__ = ["CallableCounter", "best_counter", "counter"]


class CallableCounter:
    """A function of the caller's as a counter; every answer is checked.

    Parameters
    ----------
    function : callable
        Takes a text, returns its tokens.
    name : str, optional
        Name for reports; by default ``"callable:"`` and the function's own qualified name.
    exact : bool
        What the counter says of itself. A function defines its own tokens, so exact by default.

    Notes
    -----
    Thread safety: that of the function.
    """

    def __init__(
        self, function: Callable[[str], int], *, name: str | None = None, exact: bool = True
    ) -> None:
        own = getattr(function, "__qualname__", type(function).__qualname__)
        self.name = f"callable:{own}" if name is None else name
        self.exact = exact
        self._function = function

    def count(self, text: str) -> int:
        """Tokens of ``text``.

        Raises
        ------
        TokenCountInvalid
            If the function answers with anything but an ``int`` of at least 0.
        """
        answer = self._function(text)
        if not isinstance(answer, int) or isinstance(answer, bool) or answer < 0:
            raise TokenCountInvalid(
                f"token counter {self.name!r} answered {answer!r} ({type(answer).__name__}) for a "
                f"text of {len(text)} characters; it must return an int of at least 0"
            )
        return int(answer)

    def __repr__(self) -> str:
        return f"CallableCounter({self.name!r})"


@cache
def _exact(encoding: str, download: bool) -> TokenCounter:
    return exact_counter(encoding, download=download)


def counter(
    spec: str | Callable[[str], int] | TokenCounter, *, download: bool = False
) -> TokenCounter:
    """The counter that ``spec`` asks for.

    Parameters
    ----------
    spec : str, callable or TokenCounter
        ``"approximate"``, a tiktoken encoding (``"o200k_base"``), a model that tiktoken knows
        (``"gpt-4o"``), a function from text to tokens, or a counter.
    download : bool
        Allow tiktoken to fetch a vocabulary that is not at hand. Nothing else in clawvm uses
        the network to count.

    Raises
    ------
    TokenizerUnavailable
        If no encoding or model has this name, or its vocabulary is not at hand; the message
        names the ways out.
    """
    if isinstance(spec, str):
        return ApproximateCounter() if spec == "approximate" else _exact(resolve(spec), download)
    if isinstance(spec, TokenCounter):
        return _checked(spec)
    return CallableCounter(spec)


def best_counter(encoding: str = "o200k_base") -> TokenCounter:
    """The exact counter for ``encoding`` if its vocabulary is at hand, else the approximate one.

    Never uses the network. Its ``name`` and ``exact`` say which one it is.

    Raises
    ------
    TokenizerUnavailable
        If no encoding or model has this name.
    """
    name = resolve(encoding)
    try:
        return _exact(name, False)
    except TokenizerUnavailable:
        return ApproximateCounter()


def _checked(spec: TokenCounter) -> TokenCounter:
    """A counter of ours as it is, one of the caller's with its answers checked."""
    if isinstance(spec, _OURS):
        return spec
    return CallableCounter(spec.count, name=spec.name, exact=spec.exact)


_OURS = (ApproximateCounter, CallableCounter, CountMemo, TiktokenCounter, ToktokCounter)
