"""Which builder makes which form, and the ladder of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from ..errors import BuilderInvalid
from ..pages import Fidelity
from . import diffs, json_documents, logs, numbered, prose, search_results, source_code
from .forms import Builder, ContentKind, Form, Source
from .pointer import point
from .structured import structure
from .text import QUALITY_MAX

__all__ = ["BUILT_LEVELS", "Builders", "build", "compress"]

BUILT_LEVELS = (Fidelity.COMPRESSED, Fidelity.STRUCTURED, Fidelity.POINTER)
"""Levels that are built, dearest first; full is the text itself."""

TOKENS_MIN = 16
"""A shorter text has no cheaper form: a handle, a kind and a size cost as much."""


def _compress_json(source: Source) -> Form | None:
    # What is not JSON after all is text.
    return json_documents.compress(source) or logs.compress(source)


def _compress_diff(source: Source) -> Form | None:
    return diffs.compress(source) or logs.compress(source)


def _compress_code(source: Source) -> Form | None:
    return numbered.compress(source) or source_code.compress(source)


def _compress_prose(source: Source) -> Form | None:
    return numbered.compress(source) or prose.compress(source)


_COMPRESSORS: dict[ContentKind, Builder] = {
    ContentKind.JSON: _compress_json,
    ContentKind.LOG: logs.compress,
    ContentKind.CODE: _compress_code,
    ContentKind.DIFF: _compress_diff,
    ContentKind.SEARCH: search_results.compress,
    ContentKind.PROSE: _compress_prose,
    ContentKind.CHAT: prose.compress_chat,
}


def compress(source: Source) -> Form | None:
    """Make the built-in compressed form of a source, by its kind.

    Parameters
    ----------
    source : Source

    Returns
    -------
    Form or None
        ``None`` where nothing can be kept apart, as in a text without a line.
    """
    return _COMPRESSORS[source.kind](source)


class Builders(Mapping[tuple[ContentKind, Fidelity], Builder]):
    """The builder of each kind and level: the built-in ones, and those registered over them.

    Thread safety: reading is safe from any thread; register before you share.
    """

    __slots__ = ("_builders",)

    def __init__(self) -> None:
        self._builders: dict[tuple[ContentKind, Fidelity], Builder] = {}
        for kind in ContentKind:
            self._builders[kind, Fidelity.COMPRESSED] = _COMPRESSORS[kind]
            self._builders[kind, Fidelity.STRUCTURED] = structure
            self._builders[kind, Fidelity.POINTER] = point

    def register(self, kind: ContentKind, level: Fidelity, builder: Builder) -> None:
        """Put a builder in the place of the one that makes this form now.

        Parameters
        ----------
        kind : ContentKind
            The kind of content that it reads.
        level : Fidelity
            ``POINTER``, ``STRUCTURED`` or ``COMPRESSED``.
        builder : callable
            From :class:`Source` to :class:`Form`, or ``None`` for no form. Deterministic.

        Raises
        ------
        BuilderInvalid
            For a level that is not built, or a builder that cannot be called.
        """
        if (kind, level) not in self._builders:
            expected = ", ".join(name.name for name in reversed(BUILT_LEVELS))
            raise BuilderInvalid(
                builder_name(builder),
                str(kind),
                _level_name(level),
                f"forms are built at {expected} only",
            )
        if not callable(builder):
            raise BuilderInvalid(
                builder_name(builder), str(kind), _level_name(level), "it cannot be called"
            )
        self._builders[kind, level] = builder

    def make(self, source: Source, level: Fidelity) -> Form | None:
        """Make one form and check what the builder answered.

        Parameters
        ----------
        source : Source
        level : Fidelity

        Returns
        -------
        Form or None

        Raises
        ------
        BuilderInvalid
            Where the builder raised or answered with anything but a sound form; names the builder,
            the kind and the level.
        """
        builder = self._builders[source.kind, level]
        try:
            form = builder(source)
        except Exception as error:
            raise BuilderInvalid(
                builder_name(builder),
                source.kind.value,
                _level_name(level),
                f"it raised {type(error).__name__}: {error}",
            ) from error
        fault = _fault(form)
        if fault is not None:
            raise BuilderInvalid(
                builder_name(builder), source.kind.value, _level_name(level), fault
            )
        return form

    def __getitem__(self, key: tuple[ContentKind, Fidelity]) -> Builder:
        return self._builders[key]

    def __iter__(self) -> Iterator[tuple[ContentKind, Fidelity]]:
        return iter(self._builders)

    def __len__(self) -> int:
        return len(self._builders)


def builder_name(builder: object) -> str:
    """Name under which an error speaks of a builder."""
    name = getattr(builder, "__qualname__", None) or type(builder).__qualname__
    return f"{getattr(builder, '__module__', '')}.{name}"


def _level_name(level: object) -> str:
    return level.name.lower() if isinstance(level, Fidelity) else repr(level)


def _fault(form: object) -> str | None:
    """What is wrong with an answer; ``None`` if nothing is."""
    if form is None:
        return None
    if not isinstance(form, Form):
        return f"it answered with {type(form).__name__}, expected Form or None"
    if not isinstance(form.text, str):
        return f"the form's text is {type(form.text).__name__}, expected str"
    if not isinstance(form.quality, int) or isinstance(form.quality, bool):
        return (
            f"the form's quality is {form.quality!r}, expected a whole number of 1 to {QUALITY_MAX}"
        )
    if not 1 <= form.quality <= QUALITY_MAX:
        return f"the form's quality is {form.quality}, expected 1 to {QUALITY_MAX}"
    try:
        form.text.encode()
    except UnicodeEncodeError as error:
        return f"the form's text is not Unicode ({error.reason} at character {error.start})"
    return None


_BUILT_IN = Builders()


def build(
    source: Source,
    levels: Iterable[Fidelity],
    count: Callable[[str], int],
    builders: Builders | None = None,
) -> dict[Fidelity, Form]:
    """Build the cheaper forms of a text that are worth having.

    A text of fewer than 16 tokens has none. From the dearest level down, a form is kept if it costs
    fewer tokens than the last one kept (at first: than the full text). A kept form that the next
    one equals in quality at a lower cost is taken out again: no budget is well spent on it.

    Parameters
    ----------
    source : Source
        The text and what is known about it.
    levels : iterable of Fidelity
        Which of ``POINTER``, ``STRUCTURED`` and ``COMPRESSED`` are wanted; others are no forms and
        are passed over.
    count : callable
        Tokens of a text; called once for the full text and once for each form.
    builders : Builders, optional
        Whose builders to use; the built-in ones by default.

    Returns
    -------
    dict
        Level to form, cheapest first; without the levels that are not cheaper.

    Raises
    ------
    BuilderInvalid
        See :meth:`Builders.make`.
    """
    chosen = _BUILT_IN if builders is None else builders
    wanted = frozenset(levels)
    kept: list[tuple[Fidelity, Form, int]] = []
    full_tokens = count(source.text)
    if full_tokens < TOKENS_MIN:
        return {}
    for level in BUILT_LEVELS:
        form = chosen.make(source, level) if level in wanted else None
        if form is None:
            continue
        tokens = count(form.text)
        if tokens >= (kept[-1][2] if kept else full_tokens):
            continue
        if kept and kept[-1][1].quality <= form.quality:
            kept.pop()
        kept.append((level, form, tokens))
    return {level: form for level, form, _ in reversed(kept)}
