"""Pages that are no messages: `Session.put` and what it leaves alone."""

from __future__ import annotations

import pytest
from chat_histories import openai_asks, openai_call, says, tool_use, user
from chat_validators import check

from clawvm import Fidelity, PageType, Pin, Provenance, Scope
from clawvm.errors import LimitExceeded, PageInvalid
from clawvm.pages import RULES
from clawvm.representations import Form

pytestmark = pytest.mark.usefixtures("core")


@pytest.mark.parametrize("page_type", PageType)
def test_a_page_starts_with_the_rules_of_its_type(open_session, page_type):
    page = open_session().put("p", page_type, "text")
    rules = RULES[page_type]
    assert (page.pin, page.floor, page.scope) == (rules.pin, rules.floor, rules.scope)


def test_the_ladder_has_only_levels_that_the_type_allows(open_session, words):
    session = open_session()
    for page_type in PageType:
        page = session.put(page_type.name, page_type, words("ladders"))
        assert set(page.ladder) <= set(RULES[page_type].levels)
        assert list(page.ladder) == sorted(page.ladder)


def test_pin_floor_scope_and_cost_can_be_given(open_session):
    page = open_session().put(
        "p",
        PageType.EVIDENCE,
        "text",
        pin=Pin.HARD,
        floor=Fidelity.FULL,
        scope=Scope.PROJECT,
        recompute_cost=9,
    )
    given = (page.pin, page.floor, page.scope, page.recompute_cost)
    assert given == (Pin.HARD, Fidelity.FULL, Scope.PROJECT, 9)


def test_the_provenance_is_this_call_by_default(open_session):
    session = open_session()
    session.assemble()
    page = session.put("p", PageType.PLAN, "text")
    assert page.provenance == Provenance("harness", "put p", 2)


def test_a_provenance_can_be_given(open_session):
    origin = Provenance("file", "rules.md", 3)
    assert open_session().put("p", PageType.PLAN, "text", provenance=origin).provenance == origin


@pytest.mark.parametrize(("source", "reference"), [("", "x"), ("file", "")])
def test_a_provenance_names_its_event(source, reference):
    with pytest.raises(PageInvalid, match="source and a reference"):
        Provenance(source, reference)


def test_a_utility_can_be_given(open_session):
    assert open_session().put("p", PageType.EVIDENCE, "text", utility=123).weight == 123


@pytest.mark.parametrize("utility", [0, -1, (1 << 24) + 1])
def test_a_utility_out_of_range_changes_nothing(open_session, utility):
    session = open_session()
    with pytest.raises((PageInvalid, LimitExceeded)):
        session.put("p", PageType.EVIDENCE, "text", utility=utility)
    assert session.pages() == []
    assert session.assemble().messages == []


@pytest.mark.parametrize("page_id", ["", "x" * 513])
def test_a_page_id_out_of_range_changes_nothing(open_session, page_id):
    session = open_session()
    with pytest.raises((PageInvalid, LimitExceeded)):
        session.put(page_id, PageType.EVIDENCE, "text")
    assert session.pages() == []


def test_forms_of_ones_own_take_the_place_of_the_built_in_ones(open_session, words):
    forms = {Fidelity.COMPRESSED: Form("the summary", 700), Fidelity.POINTER: Form("see p", 30)}
    page = open_session().put("p", PageType.EVIDENCE, words("summaries"), forms=forms)
    assert list(page.ladder) == [Fidelity.POINTER, Fidelity.COMPRESSED, Fidelity.FULL]
    assert page.shown(Fidelity.COMPRESSED, 0) == "the summary"
    assert page.shown(Fidelity.POINTER, 0) == "see p"


def test_a_form_that_is_not_cheaper_is_left_out(open_session):
    forms = {Fidelity.COMPRESSED: Form("longer than the page itself", 700)}
    page = open_session().put("p", PageType.EVIDENCE, "short", forms=forms)
    assert list(page.ladder) == [Fidelity.FULL]


def test_a_form_is_shown_when_the_page_is_demoted(open_session, words):
    session = open_session(300)
    forms = {Fidelity.COMPRESSED: Form("the summary", 700)}
    session.put("p", PageType.EVIDENCE, words("a", 40), forms=forms)
    session.put("q", PageType.EVIDENCE, words("b", 12), utility=1 << 24)
    prompt = session.assemble()
    assert session.level("p") is Fidelity.COMPRESSED
    assert {"role": "system", "content": "the summary"} in prompt.messages


def test_the_same_text_again_changes_nothing(open_session):
    session = open_session()
    page = session.put("p", PageType.PLAN, "step one")
    first = session.assemble()
    assert session.put("p", PageType.PLAN, "step one") is page
    second = session.assemble()
    assert page.version == 1
    assert second.messages[0] is first.messages[0]
    assert second.plan.moves == ()


def test_a_new_text_is_a_new_version_of_the_same_page(open_session):
    session = open_session()
    page = session.put("p", PageType.PLAN, "step one")
    assert session.put("p", PageType.PLAN, "step two") is page
    assert (page.version, page.texts) == (2, ("step two",))


@pytest.mark.parametrize("page_type", [PageType.BOOTSTRAP, PageType.CONSTRAINT])
def test_a_rule_stays_in_its_place_when_it_changes(open_session, page_type):
    session = open_session()
    session.put("rule", page_type, "old rule")
    session.add({"role": "user", "content": "hello"})
    session.assemble()
    session.put("rule", page_type, "new rule")
    contents = [message["content"] for message in session.assemble().messages]
    assert contents == ["new rule", "hello"]


@pytest.mark.parametrize(
    "page_type",
    [PageType.PLAN, PageType.PREFERENCE, PageType.EVIDENCE, PageType.CONVERSATION],
)
def test_any_other_page_moves_to_the_end_when_it_changes(open_session, page_type):
    session = open_session()
    session.put("state", page_type, "old state")
    session.add({"role": "user", "content": "hello"})
    session.assemble()
    session.put("state", page_type, "new state")
    contents = [message["content"] for message in session.assemble().messages]
    assert contents == ["hello", "new state"]


def test_a_page_put_before_the_conversation_is_a_system_message(open_session):
    session = open_session(shape="openai")
    session.put("rule", PageType.CONSTRAINT, "be brief")
    assert session.assemble().messages == [{"role": "system", "content": "be brief"}]


def test_for_anthropic_it_is_the_system_argument(open_session):
    session = open_session(shape="anthropic")
    session.put("rule", PageType.CONSTRAINT, "be brief")
    session.put("taste", PageType.PREFERENCE, "British spelling")
    session.add({"role": "user", "content": "hello"})
    prompt = session.assemble()
    assert prompt.system == "be brief\n\nBritish spelling"
    assert prompt.messages == [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize(("shape", "role"), [("openai", "system"), ("anthropic", "user")])
def test_a_page_put_within_the_conversation_stands_where_it_was_put(open_session, shape, role):
    session = open_session(shape=shape)
    session.add({"role": "user", "content": "hello"})
    session.assemble()
    session.put("state", PageType.PLAN, "step one")
    prompt = session.assemble()
    assert prompt.messages[-1] == {"role": role, "content": "step one"}
    assert prompt.system is None


def test_an_archived_id_is_not_used_again(open_session):
    session = open_session()
    session.put("p", PageType.EVIDENCE, "text")
    session.reset()
    with pytest.raises(PageInvalid, match="archived"):
        session.put("p", PageType.EVIDENCE, "text")


def test_a_changed_page_may_lose_the_level_that_it_had(open_session, words):
    session = open_session(300)
    session.put("p", PageType.EVIDENCE, words("a", 40))
    session.put("q", PageType.EVIDENCE, words("b", 12), utility=1 << 24)
    session.assemble()
    assert Fidelity.NONE < session.level("p") < Fidelity.FULL
    session.put("p", PageType.EVIDENCE, "x" * 1200, forms={})
    prompt = session.assemble()
    assert session.level("p") is Fidelity.NONE
    assert prompt.tokens <= 300
    session.put("p", PageType.EVIDENCE, "short")
    assert session.assemble().messages[-1]["content"] == "short"


@pytest.mark.parametrize("policy", ["clawvm", "paper"])
def test_the_level_shown_is_always_one_of_the_present_ladder(open_session, words, policy):
    session = open_session(300, policy=policy)
    session.put("p", PageType.EVIDENCE, words("a", 40))
    session.put("q", PageType.EVIDENCE, words("b", 12), utility=1 << 24)
    session.assemble()
    for forms in ({}, {Fidelity.POINTER: Form("see p", 30)}, {Fidelity.STRUCTURED: Form("p", 90)}):
        page = session.put("p", PageType.EVIDENCE, f"{len(forms)}" + "x" * 1200, forms=forms)
        session.assemble()
        assert session.level("p") in {Fidelity.NONE, *page.ladder}


def test_a_page_made_from_a_message_cannot_be_put(open_session):
    session = open_session()
    session.add({"role": "user", "content": [{"type": "text", "text": t} for t in ("a", "b")]})
    first = session.assemble()
    with pytest.raises(PageInvalid, match="'user'"):
        session.put("user", PageType.CONVERSATION, "other words")
    assert session.assemble().messages == first.messages


def test_the_same_text_with_another_pin_takes_the_pin(open_session):
    session = open_session()
    session.put("p", PageType.EVIDENCE, "text")
    session.put("p", PageType.EVIDENCE, "text", pin=Pin.HARD, floor=Fidelity.FULL, utility=77)
    page = session.page("p")
    assert (page.pin, page.floor, page.weight, page.version) == (Pin.HARD, Fidelity.FULL, 77, 1)


def test_a_page_that_only_changes_its_type_keeps_its_version_and_its_handle_resolves(
    open_session, code
):
    session = open_session()
    session.put("p", PageType.EVIDENCE, code("p"))
    page = session.put("p", PageType.PREFERENCE, code("p"))
    assert page.version == 1
    handle = page.shown(Fidelity.POINTER, 0).split(" ")[0]
    assert session.recall(handle).text == code("p")


def test_a_put_that_was_refused_is_no_version(open_session):
    session = open_session()
    session.put("p", PageType.PLAN, "step one")
    with pytest.raises(PageInvalid):
        session.put("p", PageType.PLAN, "step two", floor=9)
    assert session.recall("p").text == "step one"
    assert not session.recall("p", 2).found
    session.put("p", PageType.PLAN, "step three")
    assert session.recall("p", 2).text == "step three"


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
def test_a_page_put_between_a_call_and_its_result_does_not_part_them(open_session, shape):
    session = open_session(shape=shape)
    session.add(user("go"))
    session.assemble()
    asks = openai_asks(openai_call("c1")) if shape == "openai" else says(tool_use("c1", path="a"))
    session.post_model(asks)
    session.put("state", PageType.PLAN, "step one")
    session.add_result("c1", "done")
    messages = session.assemble().messages
    check(messages, shape)
    assert session.repairs == ()
    assert "step one" in repr(messages)
