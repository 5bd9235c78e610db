"""Ladders, and builders of one's own."""

from __future__ import annotations

import pickle

import pytest

from clawvm.errors import BuilderInvalid
from clawvm.pages import Fidelity
from clawvm.representations import Builders, ContentKind, Form, build, point, structure

LEVELS = (Fidelity.POINTER, Fidelity.STRUCTURED, Fidelity.COMPRESSED)
LOG = "".join(f"line {n} says something of its own: {'word ' * n}\n" for n in range(60))


def tokens(text: str) -> int:
    return (len(text) + 3) // 4


def fixed(text: str, quality: int):
    return lambda source: Form(text, quality)


@pytest.fixture
def builders() -> Builders:
    return Builders()


def test_a_ladder_has_the_asked_levels_cheapest_first(source_of):
    source = source_of("log", LOG, tool="Bash", arguments={"command": "make all"})
    assert list(build(source, LEVELS, tokens)) == list(LEVELS)
    assert list(build(source, [Fidelity.POINTER], tokens)) == [Fidelity.POINTER]


def test_full_and_none_are_no_forms(source_of):
    assert build(source_of("log", LOG), [Fidelity.NONE, Fidelity.FULL], tokens) == {}


def test_a_short_text_has_no_form(source_of):
    assert build(source_of("log", "done in 3 s\n"), LEVELS, tokens) == {}


def test_a_form_that_is_not_cheaper_than_full_is_left_out(source_of, builders):
    builders.register(ContentKind.LOG, Fidelity.COMPRESSED, fixed(LOG, 900))
    assert Fidelity.COMPRESSED not in build(source_of("log", LOG), LEVELS, tokens, builders)


def test_a_form_that_is_not_cheaper_than_the_next_dearer_one_is_left_out(source_of, builders):
    builders.register(ContentKind.LOG, Fidelity.COMPRESSED, fixed("x" * 400, 500))
    builders.register(ContentKind.LOG, Fidelity.STRUCTURED, fixed("y" * 400, 400))
    forms = build(source_of("log", LOG), LEVELS, tokens, builders)
    assert list(forms) == [Fidelity.POINTER, Fidelity.COMPRESSED]


def test_a_form_whose_quality_a_cheaper_one_equals_is_left_out(source_of, builders):
    builders.register(ContentKind.LOG, Fidelity.COMPRESSED, fixed("x" * 500, 100))
    builders.register(ContentKind.LOG, Fidelity.STRUCTURED, fixed("y" * 400, 100))
    forms = build(source_of("log", LOG), LEVELS, tokens, builders)
    assert list(forms) == [Fidelity.POINTER, Fidelity.STRUCTURED]


def test_a_registered_builder_takes_the_place_of_the_built_in_one_for_its_kind_and_level(
    source_of, builders
):
    mine = fixed("mine", 500)
    builders.register(ContentKind.LOG, Fidelity.STRUCTURED, mine)
    assert builders[ContentKind.LOG, Fidelity.STRUCTURED] is mine
    assert builders[ContentKind.CODE, Fidelity.STRUCTURED] is structure
    assert builders[ContentKind.LOG, Fidelity.POINTER] is point
    assert Builders()[ContentKind.LOG, Fidelity.STRUCTURED] is structure


def test_every_kind_has_a_builder_for_every_built_level(builders):
    assert set(builders) == {(kind, level) for kind in ContentKind for level in LEVELS}
    assert len(builders) == 21


@pytest.mark.parametrize("level", [Fidelity.NONE, Fidelity.FULL])
def test_a_level_that_is_not_built_takes_no_builder(builders, level):
    with pytest.raises(BuilderInvalid, match="at POINTER, STRUCTURED, COMPRESSED only"):
        builders.register(ContentKind.LOG, level, point)


def test_what_cannot_be_called_is_no_builder(builders):
    with pytest.raises(BuilderInvalid, match="it cannot be called"):
        builders.register(ContentKind.LOG, Fidelity.POINTER, "point")  # type: ignore[arg-type]


def raising(source):
    raise KeyError("summary")


@pytest.mark.parametrize(
    ("builder", "found"),
    [
        (raising, "it raised KeyError: 'summary'"),
        (lambda source: "a text", "it answered with str, expected Form or None"),
        (lambda source: Form(b"bytes", 5), "the form's text is bytes, expected str"),
        (lambda source: Form("t", 0), "the form's quality is 0, expected 1 to 999"),
        (lambda source: Form("t", 1000), "the form's quality is 1000, expected 1 to 999"),
        (lambda source: Form("t", 0.5), "quality is 0.5, expected a whole number of 1 to 999"),
        (lambda source: Form("t", True), "quality is True, expected a whole number"),
        (lambda source: Form("a\ud800", 5), "text is not Unicode"),
    ],
)
def test_a_builder_that_fails_is_named_with_kind_and_level(source_of, builders, builder, found):
    builders.register(ContentKind.LOG, Fidelity.STRUCTURED, builder)
    with pytest.raises(BuilderInvalid, match=found) as caught:
        build(source_of("log", LOG), LEVELS, tokens, builders)
    assert caught.value.kind == "log"
    assert caught.value.level == "structured"
    assert caught.value.builder in str(caught.value)


def test_the_error_survives_pickling():
    error = BuilderInvalid("a.b", "log", "pointer", "it raised")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
