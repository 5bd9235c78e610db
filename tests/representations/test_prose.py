"""Prose and chat: an extract."""

from __future__ import annotations

from clawvm.representations import compress

GUIDE = """\
# Releases

The release is cut from main. It takes about ten minutes. Nothing else is merged in that time.
You must never push a tag by hand. The bot does it.

- Build the wheels.
- Publish them.

```sh
make wheels
make check
make publish
make announce
make rest
```
"""

EXTRACT = """\
[extract of 267 chars, 15 lines]
# Releases
The release is cut from main.
You must never push a tag by hand.
- Build the wheels.
- Publish them.
```sh
make wheels
make check
make publish
… 2 more lines
```"""

REQUEST = """\
Thanks, that works. The page loads now and the table has all its rows.
Could you sort it by date? I have wanted that for long. Please don't touch the header.
"""


def test_prose_keeps_headings_first_sentences_items_and_what_binds(source_of):
    assert compress(source_of("prose", GUIDE)).text == EXTRACT


def test_chat_keeps_first_sentences_questions_and_constraints(source_of):
    assert compress(source_of("chat", REQUEST)).text == (
        "[extract of 158 chars, 2 lines]\n"
        "Thanks, that works.\n"
        "Could you sort it by date?\n"
        "Please don't touch the header."
    )


def test_a_long_item_keeps_its_first_sentence_and_what_binds(source_of):
    item = "- Use the cache. " + "It has been measured many times. " * 8 + "Never clear it by hand."
    lines = compress(source_of("prose", item)).text.splitlines()
    assert lines[1:] == ["- Use the cache. Never clear it by hand."]
