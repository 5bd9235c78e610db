"""The recall tool: its definition, its answers, the catalogue, and where both stand."""

from __future__ import annotations

import pytest
from chat_histories import openai_asks, openai_call, openai_result, says, user

from clawvm import Fidelity, PageType, ToolCall
from clawvm.errors import BudgetInfeasible
from clawvm.pages import Pin
from clawvm.session import RECALL_TOOL

pytestmark = pytest.mark.usefixtures("core")


def asks(arguments, call_id="r1"):
    return ToolCall(call_id, RECALL_TOOL, arguments)


@pytest.fixture
def session(open_session):
    """A session with one read exchange, a plan and an answer."""
    session = open_session()
    session.put("plan", PageType.PLAN, "sort the mail, then the calendar")
    session.add(user("begin"))
    session.extend(
        [
            openai_asks(openai_call("c1", "read_file", '{"path": "notes.md"}')),
            openai_result("c1", "first line\nthe calendar is empty\nlast line"),
            says("Nothing is planned."),
        ]
    )
    session.assemble()
    return session


def test_the_tool_is_offered_in_the_format_of_the_session(session, open_session):
    (tool,) = session.tools
    assert (tool["type"], tool["function"]["name"]) == ("function", RECALL_TOOL)
    assert set(tool["function"]["parameters"]["properties"]) == {"handle", "query", "type"}
    (tool,) = open_session(shape="anthropic").tools
    assert (tool["name"], tool["input_schema"]["type"]) == (RECALL_TOOL, "object")


def test_a_handle_is_answered_with_the_exact_result(session):
    text = session.tool_execute(asks({"handle": "clawvm://s/read_file:notes.md@2"}))
    head, _, body = text.partition("\n")
    assert head == "clawvm://s/read_file:notes.md@2, 42 characters:"
    assert body == "first line\nthe calendar is empty\nlast line"


def test_a_page_id_will_do_as_well(session):
    assert session.tool_execute(asks({"handle": "plan"})).endswith(
        "\nsort the mail, then the calendar"
    )


def test_a_query_finds_pages_by_words_of_their_text(session):
    lines = session.tool_execute(asks({"query": "Calendar"})).split("\n")
    assert lines == [
        "clawvm://s/read_file:notes.md@2 read exchange, turn 1, 42 characters: "
        "the calendar is empty",
        "clawvm://s/plan@1 plan page, turn 1, 32 characters: sort the mail, then the calendar",
    ]


def test_a_query_can_ask_for_one_type(session):
    text = session.tool_execute(asks({"query": "calendar", "type": "plan"}))
    assert text.startswith("clawvm://s/plan@1 ")
    assert "\n" not in text


def test_a_query_finds_what_a_reset_archived(session):
    session.reset()
    assert "read_file:notes.md@2" in session.tool_execute(asks({"query": "calendar empty"}))


@pytest.mark.parametrize(
    ("arguments", "says_why"),
    [
        ({"handle": "nothing"}, "no-match: session 's' has no page 'nothing'; search with query"),
        ({"handle": "clawvm://other/p@1"}, "denied: "),
        ({"query": "zebra"}, "no-match: no page of this session has all the words of 'zebra'"),
        ({"query": "x", "type": "poem"}, f"{RECALL_TOOL}: type is one of bootstrap, "),
        ({}, f"{RECALL_TOOL}: pass a handle to read, or words"),
        ({"handle": 7, "query": ["x"]}, f"{RECALL_TOOL}: pass a handle to read, or words"),
        ("handle=p", f"{RECALL_TOOL}: its arguments are no JSON object"),
    ],
)
def test_a_question_without_an_answer_is_told_why(session, arguments, says_why):
    assert session.tool_execute(asks(arguments)).startswith(says_why)


def test_a_long_list_is_cut_and_says_so(open_session):
    session = open_session()
    for number in range(30):
        session.put(f"note{number}", PageType.EVIDENCE, f"a note on topic {number}")
    lines = session.tool_execute(asks({"query": "topic"})).split("\n")
    assert len(lines) == 21
    assert lines[0].startswith("clawvm://s/note29@1 ")
    assert lines[-1] == "... and more: add words, at most 20 are listed"


def test_a_lookup_that_is_denied_counts_as_a_silent_recall(session):
    session.tool_execute(asks({"handle": "clawvm://other/p@1"}))
    session.tool_execute(asks({"handle": "nothing"}))
    assert session.faults.counts["silent-recall"] == 1
    (event,) = session.faults.events
    assert event.reason.startswith("denied: clawvm://other/p@1 belongs to session 'other'")


def test_recalling_the_same_page_again_is_no_fault(session):
    session.add(user("again"))
    for number in range(2):
        session.assemble()
        (call,) = session.post_model(
            openai_asks(openai_call(f"r{number}", RECALL_TOOL, '{"handle": "plan"}'))
        )
        session.add_result(call, session.tool_execute(call))
    session.assemble()
    assert set(session.faults.counts.values()) == {0}


def test_what_is_recalled_stands_at_the_end_of_the_next_prompt(open_session, words):
    session = open_session(600)
    session.add(user("begin"))
    for number in range(8):
        call = openai_call(f"c{number}", "read_file", f'{{"path": "file{number}.md"}}')
        session.extend([openai_asks(call), openai_result(f"c{number}", words(f"t{number}", 90))])
        before = session.assemble().messages
    assert session.level("read_file:file0.md") < Fidelity.FULL
    (call,) = session.post_model(
        openai_asks(openai_call("r1", RECALL_TOOL, '{"handle": "read_file:file0.md"}'))
    )
    session.add_result(call, session.tool_execute(call))
    session.budget = 2_000
    after = session.assemble().messages
    assert after[: len(before)] == before
    assert after[-1]["content"].endswith("\n" + words("t0", 90))


def test_a_recall_can_be_shown_at_the_end_of_the_next_prompt(session):
    before = session.assemble().messages
    assert session.recall("read_file:notes.md", show=True).found
    after = session.assemble().messages
    assert after[: len(before)] == before
    assert "the calendar is empty" in after[-1]["content"]
    assert session.page("recall:read_file:notes.md@2").provenance.source == "recall"


# The catalogue


@pytest.fixture
def crowded(open_session, words):
    """A session that has run out of room, with the recall tool offered."""
    session = open_session(400)
    session.put("rules", PageType.BOOTSTRAP, "Be brief.")
    assert session.tools
    session.add(user("begin"))
    for number in range(40):
        call = openai_call(f"c{number}", "read_file", f'{{"path": "file{number}.md"}}')
        session.extend([openai_asks(call), openai_result(f"c{number}", words(f"t{number}", 40))])
        session.assemble()
    return session


def test_what_has_no_line_is_summed_up_in_the_catalogue(crowded):
    text = crowded.page("clawvm:catalogue").texts[0]
    hidden = [page for page in crowded.pages() if not crowded.level(page.id)]
    assert 0 < len(hidden) < 41
    assert text.startswith("[memory: ")
    assert f"{RECALL_TOOL} finds them" in text
    assert " not shown here (" in text
    assert text in [message["content"] for message in crowded.assemble().messages]


def test_the_catalogue_ends_the_prompt_of_an_epoch_and_stays_until_the_next(open_session, words):
    session = open_session(400)
    assert session.tools
    session.add(user("begin"))
    places = []
    for number in range(40):
        session.put(f"n{number}", PageType.EVIDENCE, words(f"n{number}", 4))
        prompt = session.assemble()
        assert prompt.tokens <= 400
        contents = [message["content"] for message in prompt.messages]
        text = session.page("clawvm:catalogue").texts[0] if number > 9 else None
        if text is not None and not prompt.plan.epoch:
            places.append(contents.index(text) < len(contents) - 1)
        elif text is not None:
            assert contents[-1] == text
    assert places and all(places)


def test_the_catalogue_is_bounded(open_session):
    session = open_session(200)
    assert session.tools
    session.add(user("begin"))
    for number in range(300):
        session.put(f"n{number}", PageType.EVIDENCE, f"note {number} " * 5)
        session.assemble()
    assert len(session.page("clawvm:catalogue").texts[0]) < 400


def test_without_the_tool_there_is_no_catalogue(open_session, words):
    session = open_session(200)
    session.add(user("begin"))
    for number in range(10):
        session.put(f"n{number}", PageType.EVIDENCE, words(f"n{number}", 20))
        session.assemble()
    assert "clawvm:catalogue" not in [page.id for page in session.pages()]


def test_after_a_reset_the_catalogue_counts_the_archive(crowded):
    crowded.reset()
    assert "of earlier conversations" in crowded.page("clawvm:catalogue").texts[0]


def floor_of(session):
    """What the pages that the harness has pinned cost at their floors."""
    pinned = [page for page in session.pages() if page.pin and page.id != "clawvm:catalogue"]
    return sum(
        page.tokens(min(level for level in page.ladder if level >= page.floor)) for page in pinned
    )


@pytest.fixture
def filled(open_session, words):
    """A session with a catalogue, and rules that need the whole budget to the token."""
    session = open_session(400)
    assert session.tools
    for number in range(40):
        session.put(f"n{number}", PageType.EVIDENCE, words(f"n{number}", 80))
        session.assemble()
    assert session.level("clawvm:catalogue") is Fidelity.FULL
    session.put("must", PageType.CONSTRAINT, "must", forms={})
    spare = 400 - floor_of(session)
    session.put("must", PageType.CONSTRAINT, words("must", spare + 1), forms={})
    while floor_of(session) > 400:
        text = session.page("must").texts[0].rpartition(" ")[0]
        session.put("must", PageType.CONSTRAINT, text, forms={})
    assert floor_of(session) == 400
    return session


def test_the_catalogue_gives_way_to_a_floor_that_needs_its_room(filled):
    prompt = filled.assemble()
    assert prompt.plan.used_tokens == 400
    assert filled.level("clawvm:catalogue") is Fidelity.NONE
    assert filled.faults.explicit == 0


def test_where_the_floor_does_not_fit_at_all_the_catalogue_is_not_counted(filled):
    filled.budget = 399
    with pytest.raises(BudgetInfeasible) as raised:
        filled.assemble()
    assert raised.value.floor_tokens == 400
    assert "clawvm:catalogue" not in raised.value.page_ids


def test_it_comes_back_with_the_next_epoch_that_has_room(filled, words):
    filled.assemble()
    filled.put("must", PageType.CONSTRAINT, "must", forms={})
    filled.compaction()
    filled.assemble()
    assert filled.level("clawvm:catalogue") is Fidelity.FULL
    assert filled.page("clawvm:catalogue").pin is Pin.HARD
    assert filled.faults.explicit == 0


def test_a_first_catalogue_without_room_is_left_out(open_session, words):
    text = words("must", 20)
    floor = open_session(1_000).put("must", PageType.CONSTRAINT, text, forms={}).tokens(4)
    session = open_session(floor + 10)
    assert session.tools
    session.put("must", PageType.CONSTRAINT, text, forms={})
    for number in range(8):
        session.put(f"n{number}", PageType.EVIDENCE, words(f"n{number}", 20))
        assert session.assemble().plan.used_tokens <= floor + 10
    assert not any(session.level(f"n{number}") for number in range(8))
    assert "clawvm:catalogue" not in [page.id for page in session.pages()]
