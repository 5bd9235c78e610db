"""What the tests of the representations share: a short way to name a source."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clawvm.representations import ContentKind, Source

MakeSource = Callable[..., Source]


@pytest.fixture
def source_of() -> MakeSource:
    """``source_of("log", text, tool=...)``: a source with a handle."""

    def make(kind: str, text: str, **fields: object) -> Source:
        return Source(text, ContentKind(kind), handle="clawvm://s/p@1", **fields)  # type: ignore[arg-type]

    return make
