"""Epochs: between them a prompt only grows at its end, in them it goes down to the mark."""

from __future__ import annotations

from itertools import pairwise

import pytest
from chat_histories import (
    openai_asks,
    openai_call,
    openai_result,
    says,
    tool_result,
    tool_use,
    user,
)
from chat_validators import check

from clawvm import Fidelity, PageType, Session
from clawvm.messages import prompt_tokens
from clawvm.residency import ClawVMPolicy

pytestmark = pytest.mark.usefixtures("core")

BUDGET = 2_000


def step(shape: str, number: int, result: str) -> list[dict]:
    """One reply with a call, and the result of the call."""
    if shape == "openai":
        call = openai_call(f"c{number}", "read", f'{{"path": "src/f{number}.py"}}')
        return [openai_asks(call, content=f"Step {number}."), openai_result(f"c{number}", result)]
    call = tool_use(f"c{number}", path=f"src/f{number}.py")
    asks = says({"type": "text", "text": f"Step {number}."}, call)
    return [asks, user(tool_result(f"c{number}", result))]


@pytest.fixture(params=["openai", "anthropic"])
def run(request, open_session, code):
    """A session of 30 steps that overflows its budget: the session and its prompts in turn."""
    session = open_session(BUDGET, shape=request.param)
    session.put("rule", PageType.CONSTRAINT, "Never touch the tests.")
    session.add(user("Read every file."))
    prompts = [session.assemble()]
    for number in range(30):
        for message in step(request.param, number, code(f"f{number}", 8 + number % 7)):
            session.add(message)
        prompts.append(session.assemble())
    return session, prompts


def between_epochs(prompts):
    return [(before, after) for before, after in pairwise(prompts) if not after.plan.epoch]


def epochs(prompts):
    return [(before, after) for before, after in pairwise(prompts) if after.plan.epoch]


def test_the_session_has_epochs_and_turns_between_them(run):
    _, prompts = run
    assert len(epochs(prompts)) >= 3
    assert len(between_epochs(prompts)) >= 10


def test_no_prompt_is_over_the_budget(run):
    _, prompts = run
    assert all(prompt.tokens <= BUDGET for prompt in prompts)


def test_between_epochs_the_prompt_only_grows_at_its_end(run):
    _, prompts = run
    for before, after in between_epochs(prompts):
        head = after.messages[: len(before.messages)]
        assert all(a is b for a, b in zip(head, before.messages, strict=True))


def test_between_epochs_the_kept_prefix_is_the_whole_last_prompt(run):
    _, prompts = run
    for before, after in between_epochs(prompts):
        assert after.plan.prefix_tokens_kept == before.tokens


def test_between_epochs_new_pages_enter_at_full_and_nothing_else_moves(run):
    _, prompts = run
    for _, after in between_epochs(prompts):
        assert all(move.new is Fidelity.FULL for move in after.plan.moves)
        assert all(move.old is Fidelity.NONE for move in after.plan.moves)


def test_an_epoch_goes_down_to_the_low_water_mark(run):
    _, prompts = run
    assert all(after.tokens <= BUDGET * 70 // 100 for _, after in epochs(prompts))


def test_an_epoch_keeps_the_prefix_before_the_first_change(run, tokens_of):
    session, prompts = run
    for before, after in epochs(prompts):
        same = 0
        for a, b in zip(before.messages, after.messages, strict=False):
            if a is not b:
                break
            same += prompt_tokens([a], session.shape, tokens_of)
        system = prompt_tokens([user("Never touch the tests.")], "openai", tokens_of)
        extra = system if session.shape == "anthropic" else 0
        assert after.plan.prefix_tokens_kept == same + extra


def test_a_message_that_did_not_change_is_the_same_object(run):
    _, prompts = run
    for before, after in epochs(prompts):
        known = {id(message) for message in before.messages}
        for message in after.messages:
            assert id(message) in known or message not in before.messages


def test_order_is_kept(run):
    session, prompts = run
    for prompt in prompts:
        ids = [
            call["id"]
            for message in prompt.messages
            for call in message.get("tool_calls")
            or [b for b in message["content"] if isinstance(b, dict) and b["type"] == "tool_use"]
        ]
        assert ids == sorted(ids, key=lambda name: int(name[1:]))
        check(prompt.messages, session.shape)


def test_a_page_changes_level_in_its_place(run):
    session, _ = run
    shown = [page for page in session.pages() if session.level(page.id)]
    assert [page.position for page in shown] == sorted(page.position for page in shown)
    assert any(session.level(page.id) < Fidelity.FULL for page in shown)


def test_a_prompt_costs_what_its_plan_says(run, tokens_of):
    session, prompts = run
    system = prompt_tokens([user("Never touch the tests.")], "openai", tokens_of)
    for prompt in prompts:
        beside = system if prompt.system is not None else 0
        assert prompt.tokens == prompt_tokens(prompt.messages, session.shape, tokens_of) + beside


def test_the_pages_add_up_to_the_prompt(run):
    session, prompts = run
    assert prompts[-1].tokens == sum(p.tokens(session.level(p.id)) for p in session.pages())


def test_moves_tell_every_change_of_level(run):
    _, prompts = run
    levels = {}
    for prompt in prompts:
        for page_id, old, new in prompt.plan.moves:
            assert levels.get(page_id, Fidelity.NONE) is old
            assert new is not old
            levels[page_id] = new
    session, _ = run
    assert all(session.level(p.id) is levels.get(p.id, Fidelity.NONE) for p in session.pages())


def test_a_value_and_its_bound_stand_beside_each_epoch(run):
    _, prompts = run
    assert all(0 < after.plan.value <= after.plan.bound for _, after in epochs(prompts))
    assert all(after.plan.value is None for _, after in between_epochs(prompts))


@pytest.mark.parametrize("shape", ["openai", "anthropic"])
@pytest.mark.parametrize("level", Fidelity)
def test_a_call_and_its_result_are_shown_together_at_any_level(open_session, code, shape, level):
    session = open_session(100_000, shape=shape)
    session.extend([user("go"), *step(shape, 1, code("f")), says("done"), user("more")])
    session.assemble()
    page = session.page("read:src/f1.py")
    assert len(page.ladder) == 4
    session._assembler.policy = Fixed({page.id: level})
    session.compaction()
    messages = session.assemble().messages
    check(messages, shape)
    flat = repr(messages)
    assert flat.count("'c1'") == (0 if level is Fidelity.NONE else 2)
    if level:
        assert repr(page.shown(level, 1)) in flat


class Fixed:
    """A policy that gives the pages it is told of their levels and all others full."""

    name = "fixed"

    def __init__(self, levels):
        self.levels = levels

    def decide(self, view):
        from clawvm.residency import apply_levels

        levels = {
            slot: self.levels.get(page.id, Fidelity.FULL) for slot, page in view.pages.items()
        }
        return apply_levels(view, levels)


@pytest.mark.parametrize("percent", [1, 50, 100])
def test_the_low_water_mark_can_be_set(open_session, code, percent):
    session = open_session(BUDGET, policy=ClawVMPolicy(low_water_percent=percent))
    session.add(user("Read every file."))
    for number in range(20):
        session.extend(step("openai", number, code("f", 8)))
        plan = session.assemble().plan
        tail = sum(
            session.page(i).tokens(session.level(i)) for i in {e.page_id for e in session.entered}
        )
        first = session.page("user").tokens(Fidelity.FULL)
        assert plan.used_tokens <= max(BUDGET * percent // 100, tail + first) or not plan.epoch


def test_an_exact_policy_proves_each_epoch(open_session, code):
    session = open_session(BUDGET, policy=ClawVMPolicy(solver="exact"))
    session.add(user("Read every file."))
    proven = []
    for number in range(40):
        session.extend(step("openai", number, code("f", 8)))
        plan = session.assemble().plan
        assert plan.used_tokens <= BUDGET
        assert plan.proven is (True if plan.epoch else None)
        proven.append(plan.proven)
    assert proven.count(True) >= 2
    assert proven.count(None) >= 2


def test_what_arrived_last_is_in_full_even_above_the_mark(open_session):
    session = open_session(1_000)
    session.extend([user("go"), says("a" * 2_000), user("b" * 3_600)])
    prompt = session.assemble()
    assert prompt.plan.epoch
    assert session.level("user#2") is Fidelity.FULL
    assert 700 < prompt.tokens <= 1_000


def test_the_tail_is_all_that_the_model_wrote_last_and_what_came_since(open_session):
    session = open_session(1_000, policy=ClawVMPolicy(low_water_percent=1))
    call = openai_asks(openai_call("c1"))
    session.extend([user("go"), says("old " * 200), user("well?")])
    session.extend([says("one " * 100), says("two " * 100), call, openai_result("c1", "r" * 400)])
    session.compaction()
    session.assemble()
    full = [page.id for page in session.pages() if session.level(page.id) is Fidelity.FULL]
    assert full == ["user", "assistant#2", "assistant#3", "read:a"]  # "go" has no cheaper form


def test_a_lower_budget_holds_from_the_next_prompt_on(open_session, code):
    session = open_session(BUDGET)
    session.extend([user("go"), says(code("a", 30)), user("b"), says("c"), user("d")])
    assert session.assemble().tokens > 300
    session.budget = 300
    prompt = session.assemble()
    assert prompt.tokens <= 300
    assert prompt.plan.budget_tokens == 300


def test_a_page_that_went_comes_back_on_demand_in_its_place(open_session, code):
    session = open_session(600)
    session.extend([user("go"), *step("openai", 1, code("f")), says("c"), user("d")])
    session.compaction()
    session.assemble()
    session.demand("read:src/f1.py")
    prompt = session.assemble()
    assert prompt.messages[2] == openai_result("c1", code("f"))
    assert prompt.tokens <= 600


def test_a_system_message_costs_its_tokens_too(tokens_of):
    session = Session(budget=1_000, counter=tokens_of, shape="openai")
    session.put("rule", PageType.CONSTRAINT, "x" * 400)
    session.add(user("hello"))
    assert session.assemble().tokens == 104 + 4 + 2
