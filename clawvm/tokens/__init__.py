"""Token counting: exact, approximate or the caller's own, once per content."""

from .approximate import ApproximateCounter
from .counters import CallableCounter, best_counter, counter
from .exact import TiktokenCounter, ToktokCounter
from .memo import CountMemo, digest
from .protocol import TokenCounter

__all__ = [
    "ApproximateCounter",
    "CallableCounter",
    "CountMemo",
    "TiktokenCounter",
    "TokenCounter",
    "ToktokCounter",
    "best_counter",
    "counter",
    "digest",
]
