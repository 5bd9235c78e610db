"""JSON: white space, then repeated keys, then the rest of long arrays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawvm.representations import ContentKind, Source, compress
from clawvm.representations.json_documents import compress as compress_json

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # A lone surrogate is no character: a document that holds one is treated as text.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
)


def test_white_space_goes_and_every_number_and_string_stays_byte_for_byte(source_of):
    text = (
        '{\n        "price":      1.50,\n        "big":        1E+2,\n'
        '        "name": "caf\\u00e9  a"\n}'
    )
    form = compress(source_of("json", text))
    assert form.text == (
        '[minified JSON of 90 chars, 5 lines]\n{"price":1.50,"big":1E+2,"name":"caf\\u00e9  a"}'
    )
    assert form.quality == 970


def test_objects_that_share_their_keys_are_written_with_the_keys_said_once(source_of):
    flights = [{"flight_number": f"HAT{n}", "origin": "JFK", "price": n} for n in (101, 102, 103)]
    form = compress(source_of("json", json.dumps(flights)))
    assert form.text == (
        "[JSON, keys said once, of 180 chars, 1 line]\n"
        'A=["flight_number","origin","price"]\n'
        '[A("HAT101","JFK",101),A("HAT102","JFK",102),A("HAT103","JFK",103)]'
    )
    assert form.quality == 800


def test_a_long_array_of_like_items_keeps_the_first_ones_and_says_how_many_more(source_of):
    rows = [f"entry number {n} of the register" for n in range(100)]
    form = compress(source_of("json", json.dumps(rows)))
    assert form.text == (
        "[JSON, cut of 3490 chars, 1 line]\n"
        '["entry number 0 of the register","entry number 1 of the register",'
        '"entry number 2 of the register","entry number 3 of the register",…+96 more]'
    )
    assert form.quality == 32


def test_a_long_string_keeps_its_start_and_says_how_much_is_gone(source_of):
    form = compress(source_of("json", json.dumps({"path": "a.py", "content": "x" * 5_000})))
    assert '"path":"a.py"' in form.text
    assert form.text.endswith('"…(+4800 chars)}')


def test_lines_of_json_stay_a_line_each(source_of):
    text = "\n".join(json.dumps({"level": "info", "n": n}, indent=None) for n in range(3))
    form = compress(source_of("json", text))
    assert form.text.splitlines()[1:] == [
        'A=["level","n"]',
        'A("info",0)',
        'A("info",1)',
        'A("info",2)',
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        "[" * 200 + "]" * 200,
        "[" * 100_000 + "]" * 100_000,
        '{"a": 1',
        "not json at all",
        '"a string alone"',
    ],
)
def test_what_readers_of_json_disagree_on_is_not_treated_as_json(source_of, text):
    assert compress_json(source_of("json", text)) is None


def test_what_is_not_json_after_all_is_folded_as_text(source_of):
    form = compress(source_of("json", '{"a": 1, "a": 2}'))
    assert form.text == '[folded of 16 chars, 1 line]\n{"a": 1, "a": 2}'


def test_an_escape_that_may_not_stand_unescaped_stays_escaped(source_of):
    text = json.dumps([{"name": "\ud800", "value": n} for n in range(5)])
    form = compress(source_of("json", text))
    assert json.loads(form.text.split("\n", 1)[1]) == json.loads(text)


def test_a_status_in_front_of_the_document_is_told_in_the_first_line(source_of):
    text = 'Exit code: 0\nWall time: 0.1 seconds\nOutput:\n{ "a":   [ 1,   2,   3,   4 ] }\n'
    form = compress(source_of("json", text))
    assert form.text == '[minified JSON of 76 chars, 4 lines; exit 0]\n{"a":[1,2,3,4]}'


@given(JSON_VALUES)
def test_the_minified_form_parses_to_the_same_value(value):
    form = compress_json(Source(json.dumps([value], indent=8), ContentKind.JSON))
    if form is not None and form.text.startswith("[minified"):
        assert json.loads(form.text.split("\n", 1)[1]) == [value]
