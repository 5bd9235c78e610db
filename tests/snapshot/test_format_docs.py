"""The page on the format says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clawvm._reference.layout import RECORD_BYTES, record_offsets
from clawvm._reference.trees import DEPTH_MAX, TEXT_CHARS_MIN
from clawvm.snapshot import Kind, decode, encode
from clawvm.snapshot.header import HEADER_BYTES, HEADER_BYTES_MAX, MAGIC, RAW_BYTES_MAX
from clawvm.snapshot.payload import SLOTS_MAX
from clawvm.snapshot.sections import TAGS

PAGE = Path(__file__).parents[2] / "docs" / "snapshot-format.md"


@pytest.fixture(scope="module")
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def part(text: str, title: str) -> str:
    """The text below a heading, up to the next heading of any level."""
    return re.split(r"^#+ ", text.split(f" {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the lines of tables."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_example_is_what_is_written(text):
    hexdump = re.findall(r"^[0-9a-f]{4}  ((?:[0-9a-f]{2} )+) ", text, re.MULTILINE)
    data = bytes.fromhex("".join(hexdump))
    assert (
        data == encode(Kind.RECORD, None, [{"op": "append", "page": "plan"}], {"by": "user"}).data
    )
    assert decode(data).digest.hex() in text


def test_the_headers_fields_leave_no_hole(text):
    place = 0
    for offset, size, *_ in rows(part(text, "Header"))[1:]:
        assert int(offset) == place
        place += int(size)
    assert place == HEADER_BYTES


def test_a_records_fields_leave_no_hole_and_stand_where_they_are(text):
    place, offsets = 0, set()
    for offset, size, *_ in rows(part(text, "`RECS`"))[1:]:
        assert int(offset) == place
        offsets.add(place)
        place += int(size)
    assert place == RECORD_BYTES
    assert offsets <= set(record_offsets().values())


def test_the_sections_are_those_of_the_code_in_its_order(text):
    tags = [cells[0].strip("`") for cells in rows(part(text, "Payload")) if "`" in cells[0]]
    assert [tag.encode() for tag in tags] == list(TAGS)


def test_the_limits_are_those_of_the_code(text):
    assert MAGIC.hex(" ") in text
    assert f"{RAW_BYTES_MAX:,}" in text
    assert f"{SLOTS_MAX:,}" in text
    assert f"up to {HEADER_BYTES_MAX}" in text
    assert f"at most {DEPTH_MAX} of them" in text
    assert f"string of {TEXT_CHARS_MIN} characters or more" in text


def test_the_columns_of_a_page_are_those_of_the_code(text):
    from clawvm.snapshot.columns import COLUMNS

    names = [cells[0] for cells in rows(part(text, "`PAGE` and `ARCH`"))[1:]]
    assert names == ["parts", *(column.name for column in COLUMNS)]
