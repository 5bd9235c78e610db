"""Trees, texts and columns as MessagePack: both back ends write and read them alike."""

from __future__ import annotations

from enum import IntEnum

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings

from clawvm._reference.columns import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    REFERENCE,
    STRING,
    TABLE,
    Column,
)
from clawvm.errors import SnapshotInvalid

RELAXED = settings(
    max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


class Level(IntEnum):
    """A value of a subclass of int."""

    LOW = 1


LONG = "x" * 64
TEXT = st.one_of(
    st.text(st.characters(), max_size=6),
    st.text(st.characters(), min_size=1, max_size=2).map(lambda text: text * 70),
    st.sampled_from(["", "\ud800", "a\udfff" * 40, "é" * 63, "é" * 64, "x" * 63, LONG, "x" * 300]),
)
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-70, 300),
    st.integers(-(1 << 70), 1 << 70),
    st.sampled_from([1 << bits for bits in (7, 8, 15, 16, 31, 32, 63, 64)]).flatmap(
        lambda number: st.sampled_from([number, number - 1, -number, -number - 1])
    ),
    st.floats(),
    TEXT,
    st.sampled_from([Level.LOW, b"bytes", (1, "pair"), object]),
)
TREE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, min_size=16, max_size=18),
        st.dictionaries(TEXT, inner, max_size=4),
        st.dictionaries(st.integers() | TEXT, inner, max_size=2),
    ),
    max_leaves=8,
)


def outcome(function, *arguments):
    """What a call returned, or the sentence with which it was refused."""
    try:
        return repr(function(*arguments))
    except SnapshotInvalid as error:
        return f"refused: {error}"


def packed_trees(core, trees):
    payload, numbers = bytearray(b"before"), {}
    said = outcome(core.pack_trees, payload, trees, numbers, "tree", range(len(trees)))
    return said, payload if said == "None" else None, numbers


@RELAXED
@given(trees=st.lists(TREE, max_size=4))
@example(trees=[{"k" * 70: "", "é": LONG, "\ud800": [LONG]}])
@example(trees=[LONG + str(number) for number in range(1_100)])
def test_trees_are_written_alike(backends, trees):
    compiled, reference = (packed_trees(core, trees) for core in backends)
    assert compiled == reference


@RELAXED
@given(trees=st.lists(TREE, max_size=4), data=st.data())
def test_trees_are_read_alike_damaged_or_not(backends, trees, data):
    said, payload, numbers = packed_trees(backends[1], trees)
    if said != "None":
        return
    written = payload.removeprefix(b"before")
    place = data.draw(st.integers(0, len(written)))
    damaged = written[:place] + data.draw(st.binary(max_size=3)) + written[place + 1 :]
    for one in (written, damaged, written[:place]):
        compiled, reference = (
            outcome(core.unpack_trees, bytes(one), [None, *numbers], "MSGS") for core in backends
        )
        assert compiled == reference


@RELAXED
@given(data=st.binary(max_size=30))
@example(data=b"\x91\xc7\x09\x01000000001")
@example(data=b"\x91\xd4\x010")
@example(data=b"\x91\xca\x00\x00\x00\x00")
@example(data=b"\xdd\xff\xff\xff\xff")
@example(data=b"\x91\x82\xa1a\x01\xa1a\x02")
def test_random_bytes_are_read_alike(backends, data):
    texts = [None, "first", None, "third"]
    for name, arguments in (
        ("unpack_trees", (texts, "MSGS")),
        ("unpack_texts", ()),
        ("unpack_columns", (KINDS[:2], texts, "PAGE")),
    ):
        compiled, reference = (outcome(getattr(core, name), data, *arguments) for core in backends)
        assert compiled == reference, name


def test_a_tree_is_read_as_it_was_written(core):
    trees = [{"a": [1, -1.5, None, True, "é", LONG, 1 << 90], "\ud800": {}}, [], LONG]
    _, payload, numbers = packed_trees(core, trees)
    assert core.unpack_trees(bytes(payload[6:]), [None, *numbers], "MSGS") == trees


def test_the_keys_of_dicts_that_are_read_are_shared(backends):
    payload = msgspec.msgpack.encode([{"role": 1}, {"role": 2}])
    first, second = backends[0].unpack_trees(payload, [None], "MSGS")
    assert next(iter(first)) is next(iter(second))


def test_a_text_that_is_referred_to_is_the_very_one_of_the_list(core):
    texts = [None, "".join(["x", LONG])]
    assert core.unpack_trees(b"\x91\xd4\x011", texts, "MSGS")[0] is texts[1]


@RELAXED
@given(texts=st.lists(TEXT, unique=True), least=st.sampled_from([0, 1, 4, 128, 512]))
@example(texts=["é" * 255, "é" * 256, "x" * 511, "x" * 512, "x" * 70_000, "é" * 40_000], least=512)
@example(texts=["é" * size for size in (15, 16, 128, 32_767, 32_768)], least=0)
def test_texts_are_written_and_read_alike(backends, texts, least):
    found = []
    for core in backends:
        payload = bytearray(b"before")
        outside = core.pack_texts(payload, texts, least)
        read = core.unpack_texts(bytes(payload[6:]))
        assert read == [None if text in outside[1] else text for text in texts]
        assert [text.encode("utf-8", "surrogatepass") for text in outside[1]] == outside[0]
        found.append((payload, outside))
    assert found[0] == found[1]


WORDS = ("a", Level.LOW, "b")
KINDS = (
    Column("ids", STRING),
    Column("counts", INTEGER, low=0),
    Column("numbers", INTEGER),
    Column("flags", BOOLEAN),
    Column("words", TABLE, table=WORDS),
    Column("texts", NUMBER, low=1, in_tuples=True),
    Column("forms", NUMBER, low=0, in_tuples=True),
    Column("tokens", INTEGER, low=-1, high=300, in_tuples=True),
    Column("references", REFERENCE, low=1),
    Column("targets", REFERENCE, low=0),
)
CELLS = {
    STRING: st.text(st.characters(exclude_categories=["Cs"])),
    BOOLEAN: st.booleans(),
    TABLE: st.sampled_from(WORDS),
}


def cells(kind):
    plain = CELLS.get(kind.kind, TEXT)
    if kind.kind == INTEGER:
        plain = st.integers(max(kind.low, -(1 << 63)), min(kind.high, (1 << 63) - 1))
    return st.none() | plain if kind.low == 0 and kind.kind != INTEGER else plain


@st.composite
def groups(draw):
    found = []
    for parts in draw(st.lists(st.integers(0, 3), unique=True, max_size=2)):
        columns = []
        for kind in KINDS:
            one = cells(kind)
            if kind.in_tuples:
                one = st.tuples(*[one] * parts)
            columns.append(draw(st.lists(one, max_size=4)))
        found.append((parts, columns))
    return found


def packed_columns(core, given_groups):
    payload, numbers = bytearray(b"before"), {}
    said = outcome(core.pack_columns, payload, given_groups, KINDS, numbers, "session 's'")
    return said, payload if said == "None" else None, numbers


@RELAXED
@given(given_groups=groups())
def test_columns_are_written_and_read_alike(backends, given_groups):
    written = [packed_columns(core, given_groups) for core in backends]
    assert written[0] == written[1]
    said, payload, numbers = written[0]
    assert said == "None"
    for core in backends:
        read = core.unpack_columns(bytes(payload[6:]), KINDS, [None, *numbers], "PAGE")
        assert read == [
            (
                parts,
                [
                    [] if kind.in_tuples and not parts else column
                    for kind, column in zip(KINDS, columns, strict=True)
                ],
            )
            for parts, columns in given_groups
        ]


@RELAXED
@given(given_groups=groups(), odd=SCALAR | st.tuples(SCALAR), data=st.data())
def test_a_column_with_something_odd_is_written_or_refused_alike(backends, given_groups, odd, data):
    if given_groups:
        column = data.draw(st.sampled_from(given_groups))[1][data.draw(st.integers(0, 9))]
        column.insert(data.draw(st.integers(0, len(column))), odd)
    written = [packed_columns(core, given_groups) for core in backends]
    assert written[0][:2] == written[1][:2]


@RELAXED
@given(given_groups=groups(), data=st.data())
def test_damaged_columns_are_read_or_refused_alike(backends, given_groups, data):
    _, payload, numbers = packed_columns(backends[1], given_groups)
    written = payload[6:]
    place = data.draw(st.integers(0, len(written)))
    damaged = written[:place] + data.draw(st.binary(max_size=2)) + written[place + 1 :]
    for one in (damaged, written[:place]):
        compiled, reference = (
            outcome(core.unpack_columns, bytes(one), KINDS, [None, *numbers], "PAGE")
            for core in backends
        )
        assert compiled == reference


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (0, r"b'odd' is none of what ids may be: texts that UTF-8 can write"),
        (1, r"b'odd' is none of what counts may be: whole numbers from 0 to 9223372036854775807"),
        (3, r"b'odd' is none of what flags may be"),
        (5, r"texts are 1 for each page"),
    ],
)
def test_what_is_no_value_of_its_column_is_refused_by_name(core, column, sentence):
    columns = [[] for _ in KINDS]
    columns[column] = [b"odd"]
    with pytest.raises(SnapshotInvalid, match=f"session 's': {sentence}"):
        core.pack_columns(bytearray(), [(1, columns)], KINDS, {}, "session 's'")


def test_nothing_is_added_to_the_payload_by_a_call_that_fails(core):
    payload, numbers = bytearray(b"before"), {}
    with pytest.raises(SnapshotInvalid):
        core.pack_trees(payload, ["fine", {1}], numbers, "tree", "ab")
    columns = [["id"], [-1], *([] for _ in KINDS[2:])]
    with pytest.raises(SnapshotInvalid):
        core.pack_columns(payload, [(1, columns)], KINDS, numbers, "session")
    assert payload == b"before"


def test_trees_without_a_name_each_are_refused(core):
    with pytest.raises(ValueError, match=r"names|argument 2 is shorter"):
        core.pack_trees(bytearray(), [1, 2], {}, "tree", "a")
