"""Ladders of pages, built at ingest: what each level shows and what it costs (paper, section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..messages import PART_OVERHEAD, Part, PartKind, Shape, form_tokens, shorten_arguments
from ..messages import Form as PartForm
from ..pages import RULES, Fidelity, PageForm, PageType
from ..representations import Builders, Form, Source, build, carries_error, detect
from ..residency import PageKind, page_weight
from ..tokens import CountMemo
from .tools import ToolKind, call_target, without_removed

__all__ = ["LadderMaker", "Made"]

# A call whose long arguments are cut keeps its short ones: enough to see what was done, not to do
# it again.
_SHORT_CALL_QUALITY = 60
_SHORT_ARGUMENT_CHARS = 120
# Of what is quoted from an edit later, one in ten is from what it took away.
_KEPT_CALL_QUALITY = 930
_HANDLE_QUALITY = 25
# Quality is in thousandths of the full page.
FULL_QUALITY = 1000
# What any line of a page is worth for being there: the rest is one recall away, and no call need be
# made again. On eleven recorded sessions under 14k to 64k tokens this value has 97 % of later
# quotations in the prompt or one recall away, against 96 % with 150, for 0.4 points of those in the
# prompt; docs/tuning.md.
_RECALL_QUALITY = 350
_CHEAPER = (Fidelity.COMPRESSED, Fidelity.STRUCTURED, Fidelity.POINTER)
# What a form shows of each part, what that costs, and how much of the full text it keeps.
_Rung = tuple[tuple[str | None, ...], tuple[int, ...], int]


class Made(NamedTuple):
    """A page's ladder, cheapest level first, and its base utility."""

    ladder: dict[Fidelity, PageForm]
    weight: int

    def reweighed(self, weight: int) -> Made:
        """Return the same ladder with a base utility of the caller's."""
        return Made(self.ladder, weight)


class LadderMaker:
    """Builds ladders with one token counter and one set of builders.

    Parameters
    ----------
    counts : CountMemo
        Counts tokens.
    builders : Builders or None
        Plug-in builders; None for the built-in ones.
    """

    def __init__(self, counts: CountMemo, builders: Builders | None) -> None:
        self.shape: Shape = "openai"
        self.counts = counts
        self._builders = builders

    def text(self, part: Part, page_type: PageType, kind: PageKind, handle: str, role: str) -> Made:
        """Build the ladder of a page with one part: a message's text, or something opaque."""
        forms: dict[Fidelity, Form] = {}
        if part.kind is PartKind.TEXT and part.replaceable:
            source = Source(
                text=part.text, kind=detect(part.text, role=role), role=role, handle=handle
            )
            forms = self._forms(source, page_type)
        return self.given(part, kind, forms)

    def given(self, part: Part, kind: PageKind, forms: Mapping[Fidelity, Form]) -> Made:
        """Build the ladder of a page with one part and the given cheaper forms."""
        return self._over(part.text, self._tokens(part, None), kind, forms)

    def plain(self, text: str, tokens: int, kind: PageKind, forms: Mapping[Fidelity, Form]) -> Made:
        """Build the ladder of a text that is a message of its own, with the given cheaper forms.

        `tokens` are those of the text alone.
        """
        return self._over(text, tokens + PART_OVERHEAD, kind, forms)

    def tokens(self, text: str) -> int:
        """Count what a text costs as a message of its own."""
        return self.counts.count(text) + PART_OVERHEAD

    def whole(self, parts: Sequence[Part], kind: PageKind) -> Made:
        """Build the ladder of a page that is shown as it is or not at all."""
        tokens = tuple(self._tokens(part, None) for part in parts)
        full = PageForm((None,) * len(parts), tokens, FULL_QUALITY)
        return Made({Fidelity.FULL: full}, page_weight(kind, sum(len(part.text) for part in parts)))

    def exchange(self, call: Part, result: Part, tool: ToolKind, handle: str) -> Made:
        """Build the ladder of a call and its result, which change level together.

        A call stays whole while its result gets cheaper, and is cut at the pointer. Of an agent's
        own edit, whose result only confirms it, the text that it took away goes first.
        """
        arguments = "" if call.arguments is None else call.arguments
        path = call_target(arguments)
        source = Source(
            text=result.text,
            kind=detect(result.text, tool=call.name, path=path),
            tool=call.name,
            arguments=None if isinstance(arguments, str) else arguments,
            path=path,
            is_error=result.is_error,
            handle=handle,
            call_shown=True,
        )
        results: dict[Fidelity, Form | None] = {**self._forms(source, PageType.EVIDENCE)}
        # A result too short for a pointer of its own stays as it is beside a call that is cut.
        pointer = results.get(Fidelity.POINTER)
        kept_call = None
        if tool is ToolKind.EDIT and not _has_failed(result):
            pointer = pointer or Form(handle, _HANDLE_QUALITY)
            results = {Fidelity.COMPRESSED: pointer}
            kept_call = without_removed(arguments)
        results[Fidelity.POINTER] = pointer
        # The handle is said once.
        named = handle if pointer is None else ""
        short_call = shorten_arguments(arguments, named, _SHORT_ARGUMENT_CHARS)
        call_weight = page_weight(tool.call, len(call.text))
        result_weight = page_weight(tool.result, len(result.text))
        cheaper: dict[Fidelity, _Rung] = {}
        for level, form in results.items():
            is_pointer = level is Fidelity.POINTER
            shown_call = short_call if is_pointer else kept_call
            shown_result = None if form is None else form.text
            cut_quality = _SHORT_CALL_QUALITY if is_pointer else _KEPT_CALL_QUALITY
            call_quality = FULL_QUALITY if shown_call is None else cut_quality
            result_quality = FULL_QUALITY if form is None else form.quality
            quality = call_weight * call_quality + result_weight * result_quality
            cheaper[level] = (
                (shown_call, shown_result),
                (self._tokens(call, shown_call), self._tokens(result, shown_result)),
                min(FULL_QUALITY - 1, max(1, quality // (call_weight + result_weight))),
            )
        tokens = (self._tokens(call, None), self._tokens(result, None))
        full = PageForm((None, None), tokens, FULL_QUALITY)
        return Made(_strictly_cheaper(full, cheaper), call_weight + result_weight)

    def _over(self, text: str, tokens: int, kind: PageKind, forms: Mapping[Fidelity, Form]) -> Made:
        full = PageForm((None,), (tokens,), FULL_QUALITY)
        return Made(_strictly_cheaper(full, self._cheaper(forms)), page_weight(kind, len(text)))

    def _cheaper(self, forms: Mapping[Fidelity, Form]) -> dict[Fidelity, _Rung]:
        """Count forms that stand for a whole text."""
        return {
            level: ((form.text,), (self.tokens(form.text),), form.quality)
            for level, form in forms.items()
            if form.text.strip()  # Anthropic refuses a blank text.
        }

    def _forms(self, source: Source, page_type: PageType) -> dict[Fidelity, Form]:
        levels = [level for level in _CHEAPER if level in RULES[page_type].levels]
        return build(source, levels, self.counts.count, self._builders)

    def _tokens(self, part: Part, form: PartForm) -> int:
        return form_tokens(part, form, self.shape, self.counts.count)


def _has_failed(result: Part) -> bool:
    """Whether a result says that nothing was done: not every format marks one that does."""
    return result.is_error or carries_error(result.text.lstrip().split("\n", 1)[0])


def _strictly_cheaper(
    full: PageForm, cheaper: Mapping[Fidelity, _Rung]
) -> dict[Fidelity, PageForm]:
    """Leave out each level that is not cheaper, or not worse, than the next dearer that stays."""
    kept = [(Fidelity.FULL, full)]
    dearer_tokens, dearer_quality = full.tokens, full.quality
    for level in _CHEAPER if cheaper else ():
        rung = cheaper.get(level)
        if rung is None:
            continue
        texts, part_tokens, quality = rung
        tokens = sum(part_tokens)
        if tokens < dearer_tokens and quality <= dearer_quality:
            kept.append((level, PageForm(texts, part_tokens, _recallable(quality))))
            dearer_tokens, dearer_quality = tokens, quality
    kept.reverse()
    return dict(kept)


def _recallable(quality: int) -> int:
    """Add to what a form keeps the worth of being able to recall the rest."""
    return quality + (FULL_QUALITY - quality) * _RECALL_QUALITY // FULL_QUALITY
